"""A recipe's text and places in it. In: a path and text. Out: spans, lines and columns (from 1, in code points)."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache
from typing import Final

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


@frozen
class Source:
    """The text of one recipe. `path` is shown to people; `text` has `\\n` line ends."""

    path: str
    text: str

    def position(self, offset: int) -> tuple[int, int]:
        """Return (line, column) of an offset, both from 1."""
        starts = _starts(self.text)
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    def line(self, number: int) -> str:
        """Return the text of line `number` (from 1) without its end."""
        starts = _starts(self.text)
        end = starts[number] - 1 if number < len(starts) else len(self.text)
        return self.text[starts[number - 1] : end]


@lru_cache(maxsize=64)
def _starts(text: str) -> tuple[int, ...]:
    """Return where each line begins."""
    return (0, *(match.end() for match in _LINE_END.finditer(text)))


_LINE_END: Final = re.compile("\n")
