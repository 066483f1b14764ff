"""A recipe's text and places in it. In: a path and text. Out: spans, lines and columns (from 1, in code points)."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from ladle.dsl.frozen import frozen


@frozen
class Span:
    """A half-open range of code points of one source."""

    start: int
    end: int
    source: Source | None = None
    """Set only where it is another source than the one at hand: a place in a used recipe."""

    def to(self, other: Span) -> Span:
        """Return the span from the start of this to the end of `other`."""
        return Span(self.start, other.end, self.source)

    def within(self, source: Source) -> Source:
        """Return the source that this is a range of; `source` is the one at hand."""
        return self.source or source


@dataclass(frozen=True, slots=True)
class Source:
    """The text of one recipe. `path` is shown to people; `text` has `\\n` line ends."""

    path: str
    text: str
    _starts: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        starts = (0, *(i + 1 for i, char in enumerate(self.text) if char == "\n"))
        object.__setattr__(self, "_starts", starts)

    def position(self, offset: int) -> tuple[int, int]:
        """Return (line, column) of an offset, both from 1."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line(self, number: int) -> str:
        """Return the text of line `number` (from 1) without its end."""
        start = self._starts[number - 1]
        end = self._starts[number] - 1 if number < len(self._starts) else len(self.text)
        return self.text[start:end]
