"""Lines that stand below each other in columns. In: rows of cells. Out: their lines, aligned where that looks well."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ladle.dsl.document import WIDTH
from ladle.dsl.frozen import frozen

FAR: Final = 20
"""Spaces that aligning may put in; rows that differ by more are not aligned."""


@frozen
class Row:
    """One line: `head sign cells`. Rows of one `kind` that stand below each other share their columns."""

    kind: tuple[str, ...]
    head: tuple[str, ...]
    sign: str
    cells: tuple[tuple[str, str], ...]
    """(name of a setting, or "", and the text of it)."""
    closing: str
    comment: str = ""

    @property
    def name(self) -> str:
        """What stands before the sign."""
        return " ".join(self.head)

    def line(self) -> str:
        """Return the row by itself, without its comment."""
        return self.joined(self.name, tuple(text for _, text in self.cells))

    def joined(self, head: str, cells: Sequence[str]) -> str:
        """Return the row with a head and cells that are padded."""
        if not cells:
            return f"{head} {self.sign}{self.closing}"
        return f"{head} {self.sign} {'  '.join(cells)}{self.closing and f' {self.closing}'}"


def aligned(rows: Sequence[Row], indent: int) -> list[str]:
    """Return one line for each of rows of one kind, comments included."""
    lines: list[str] = []
    for run in _runs(rows):
        texts = _columns(run)
        narrow = [len(text) + indent <= WIDTH for text in texts]
        if not all(narrow):
            texts = _without(run, narrow, indent)
        lines += _commented(run, texts)
    return lines


def _runs(rows: Sequence[Row]) -> Iterable[Sequence[Row]]:
    """Yield rows that follow each other and whose heads are about equally wide."""
    start, least, most = 0, WIDTH, 0
    for index, row in enumerate(rows):
        width = len(row.name)
        least, most = min(least, width), max(most, width)
        if most - least > FAR:
            yield rows[start:index]
            start, least, most = index, width, width
    yield rows[start:]


def _without(run: Sequence[Row], narrow: Sequence[bool], indent: int) -> list[str]:
    """Return the lines of a run in which those that are not `narrow` when aligned stand alone."""
    texts: list[str] = []
    kept: list[Row] = []
    for row, fits in zip(run, narrow, strict=True):
        if fits:
            kept.append(row)
            continue
        texts += [*_checked(kept, indent), row.line()]
        kept = []
    return [*texts, *_checked(kept, indent)]


def _checked(run: Sequence[Row], indent: int) -> list[str]:
    """Return the lines of a run that may be empty, aligned if all of them stay narrow enough."""
    if not run:
        return []
    texts = _columns(run)
    wide = any(len(text) + indent > WIDTH for text in texts)
    return [row.line() for row in run] if wide else texts


def _columns(run: Sequence[Row]) -> list[str]:
    cells = [[text for _, text in row.cells] for row in run]
    _pad(run, cells, list(range(len(run))), 0)
    return [row.joined(head, texts) for row, head, texts in zip(run, _heads(run), cells, strict=True)]


def _heads(run: Sequence[Row]) -> list[str]:
    """Return the padded heads: column by column where all have the same number of parts."""
    if len({len(row.head) for row in run}) == 1:
        widths = [max(map(len, column)) for column in zip(*(row.head for row in run), strict=True)]
        return [" ".join(map(str.ljust, row.head, widths)) for row in run]
    width = max(len(row.name) for row in run)
    return [row.name.ljust(width) for row in run]


def _pad(run: Sequence[Row], cells: list[list[str]], of: list[int], column: int) -> None:
    """Pad cell `column` of the rows `of`, whose settings so far have the same names, and those after it."""
    by_name: dict[str, list[int]] = {}
    for index in of:
        if len(cells[index]) > column + 1:
            by_name.setdefault(run[index].cells[column][0], []).append(index)
    for same in by_name.values():
        widths = [len(cells[index][column]) for index in same]
        if len(same) > 1 and max(widths) - min(widths) <= FAR:
            for index in same:
                cells[index][column] = cells[index][column].ljust(max(widths))
            _pad(run, cells, same, column + 1)


def _commented(run: Sequence[Row], texts: Sequence[str]) -> list[str]:
    """Return the lines with their comments, which stand below each other too."""
    widths = [len(text) for row, text in zip(run, texts, strict=True) if row.comment]
    column = max(widths, default=0)
    if widths and column - min(widths) > FAR:
        column = 0
    return [
        f"{text.ljust(column)}  {row.comment}" if row.comment else text for row, text in zip(run, texts, strict=True)
    ]
