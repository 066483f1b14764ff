"""Problems of a recipe while it is checked. In: what is wrong, where. Out: each root problem once, sorted."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ladle.dsl.codes import CODES
from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.frozen import frozen
from ladle.dsl.program import FAILED, Failed
from ladle.dsl.source import Source, Span
from ladle.dsl.suggest import did_you_mean, nearest, sentences

Place = tuple[str, int, int, str]
"""A code, and where its problem stands: start, end, path."""

_SEARCHES = 50
"""Misspelt names that get a suggestion; a file with more of them has another problem."""


@frozen
class Mismatch:
    """Why a value does not fit where it stands; the reader of the place makes a diagnostic of it."""

    code: str
    message: str
    help: str = ""
    label: str = ""


@frozen
class _Missing:
    names: Callable[[], Iterable[str]]
    hint: str
    spans: list[Span]


class Problems:
    """Collects problems. The same code at the same place counts once, an unknown name once for all its uses."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.nameless = False
        """A declaration is broken and its name could not be read: a name that is like no other may be its."""
        self._found: dict[Place | str, Diagnostic] = {}
        self._missing: dict[str, _Missing] = {}

    def __bool__(self) -> bool:
        return bool(self._found or self._missing)

    def report(self, code: str, span: Span, message: str, help: str = "", label: str = "", once: str = "") -> Failed:
        """Add a problem, unless this place has it already or `once` names a known one; return the failed value."""
        source = span.within(self.source)
        key: Place | str = once or (code, span.start, span.end, source.path)
        if key not in self._found:
            self._found[key] = Diagnostic(code, CODES[code], message, source, span, label, help)
        return FAILED

    def told(self, code: str, span: Span) -> bool:
        """Say whether this place has this problem already."""
        return (code, span.start, span.end, span.within(self.source).path) in self._found

    def mismatch(self, found: Mismatch, span: Span) -> Failed:
        """Add a mismatch at the place of the value."""
        return self.report(found.code, span, found.message, found.help, found.label)

    def missing(self, name: str, span: Span, names: Callable[[], Iterable[str]], hint: str = "") -> Failed:
        """Add the use of a name that nothing declares; `names` are those that could stand there."""
        self._missing.setdefault(name, _Missing(names, hint, [])).spans.append(span)
        return FAILED

    def line(self, span: Span) -> int:
        """Return the line on which a span starts."""
        return span.within(self.source).position(span.start)[0]

    def place(self, span: Span) -> str:
        """Return the line on which a span starts, in words, with its file where that is another."""
        line = f"line {self.line(span)}"
        return line if span.source in (None, self.source) else f"{line} of `{span.source.path}`"

    def sorted(self) -> tuple[Diagnostic, ...]:
        """Return every problem in the order of the text."""
        each = (self._unknown(name, use, place) for place, (name, use) in enumerate(self._missing.items()))
        unknown = [problem for problem in each if problem is not None]
        return in_order(self.source, [*self._found.values(), *unknown])

    def _unknown(self, name: str, use: _Missing, place: int) -> Diagnostic | None:
        first, *others = sorted(use.spans, key=lambda span: span.start)
        near = nearest(name, use.names()) if place < _SEARCHES else ()
        if self.nameless and not near:
            return None
        lines = sorted({self.line(span) for span in others} - {self.line(first)})
        also = f"also used on line{'s' if len(lines) > 1 else ''} {_numbers(lines)}" if lines else ""
        help = sentences((did_you_mean(near) or use.hint or "declare it, or correct the name", also))
        message = f"nothing is named `{name}`"
        return Diagnostic("E101", CODES["E101"], message, self.source, first, "not declared", help)


def in_order(source: Source, found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return problems in the order of the text: those of `source` first, then those of each used recipe."""

    def place(problem: Diagnostic) -> tuple[str, int, int, str]:
        path = "" if problem.source.path == source.path else problem.source.path
        return path, problem.span.start, problem.span.end, problem.code

    each = tuple(found)
    judged = {place(problem)[:3] for problem in each if problem.code != "E013"}
    # A word such as `True` that is no name and does not fit either is one mistake: what fits is what helps.
    return tuple(sorted((p for p in each if p.code != "E013" or place(p)[:3] not in judged), key=place))


def _numbers(lines: list[int], most: int = 8) -> str:
    shown = ", ".join(str(line) for line in lines[:most])
    return f"{shown}, ..." if len(lines) > most else shown
