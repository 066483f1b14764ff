"""Facts of corpora of the project. In: a path or glob. Out: an entry of the lock, from every row of its files."""

from __future__ import annotations

from pathlib import Path

from ladle.dsl.types import UNKNOWN, CorpusKind, Unknown
from ladle.executor.file_digests import FileDigests
from ladle.executor.lock.entries import LOCAL, Files, LockedCorpus, LockedFile, LockedRows
from ladle.executor.places import located
from ladle.executor.rows import RowError, bounded_lines, kind_of_columns, parse_row
from ladle.executor.task import StepError


def local_corpus(root: Path, pattern: str) -> LockedCorpus | None:
    """Return the facts of the files of `pattern`, None where there are none. Raises StepError for rows that are none.

    The columns are those of the first row, as the file names them.
    """
    paths, _ = located(root, pattern, folders=False)
    if not paths:
        return None
    columns: tuple[str, ...] = ()
    count = 0
    for path in paths:
        found, rows = _read(path, path.relative_to(root).as_posix())
        columns, count = columns or found, count + rows
    return LockedCorpus(LOCAL, False, LockedRows(columns, _kind(columns), count, files(root, paths)))


def files(root: Path, paths: tuple[Path, ...]) -> Files:
    """Return sizes and content hashes of files below `root`."""
    digests = FileDigests(root / ".ladle" / "digests.json")
    found = tuple(
        (path.relative_to(root).as_posix(), LockedFile(path.stat().st_size, digests.sha256(path))) for path in paths
    )
    digests.save()
    return found


def _read(path: Path, name: str) -> tuple[tuple[str, ...], int]:
    columns: tuple[str, ...] = ()
    count = 0
    try:
        with path.open("rb") as lines:
            for line in bounded_lines(lines):
                columns = columns or tuple(parse_row(line))
                count += 1
    except RowError as error:
        raise StepError(f"`{name}:{count + 1}`: {error.message}", "mend the row, or leave it out") from None
    if not columns:
        raise StepError(f"`{name}` is empty", "a corpus file has one JSON object a line")
    return columns, count


def _kind(columns: tuple[str, ...]) -> CorpusKind | Unknown:
    try:
        return kind_of_columns(columns, {})[1]
    except RowError:
        return UNKNOWN
