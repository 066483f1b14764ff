"""Rows of a corpus. In: an input of a step, data files or an artifact. Out: its canonical rows and their places."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ladle.executor.rows import Row, RowError, bounded_lines, canonical_row, parse_row, same_shape, whole_file
from ladle.executor.task import Given, StepError


def read_rows(given: Given) -> Iterator[Row]:
    """Yield the canonical rows of a corpus, in the order of its files.

    Raises StepError that names file and row for anything that is not a row of the corpus' one kind.
    """
    for _, row in located_rows(given):
        yield row


def located_rows(given: Given) -> Iterator[tuple[str, Row]]:
    """Yield (place, row), where place is `file:line` for messages to people."""
    columns = given.options.get("columns")
    names = {k: v for k, v in columns.items() if isinstance(v, str)} if isinstance(columns, dict) else {}
    shape = ""
    for path in _files(given):
        name = shown(path)
        for number, line in enumerate(_lines(path), 1):
            place = f"{name}:{number}"
            try:
                row = canonical_row(parse_row(line), names)
                shape = same_shape(shape, row)
            except RowError as error:
                help = whole_file(line, number, error.code) or "mend the row or leave it out"
                raise StepError(f"`{place}`: {error.message}", help) from None
            yield place, row
    if not shape:
        raise StepError(f"the corpus of `{given.role}` has no row", "give it a file with one JSON object a line")


def shown(path: Path) -> str:
    """Return `path` as people know it: relative to the folder they stand in, where it lies below."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _files(given: Given) -> tuple[Path, ...]:
    return given.files or ((given.path / "rows.jsonl",) if given.path else ())


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from bounded_lines(file)
    except RowError as error:
        raise StepError(f"`{shown(path)}`: {error.message}") from None
    except OSError as error:
        raise StepError(
            f"`{shown(path)}` cannot be read: {error.strerror}", "check the file and its permissions"
        ) from None
