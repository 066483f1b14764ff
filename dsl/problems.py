"""Problems of a recipe while it is checked. In: what is wrong, where. Out: each root problem once, sorted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ladle.dsl.codes import CODES
from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.frozen import frozen
from ladle.dsl.program import FAILED, Failed
from ladle.dsl.source import Source, Span
from ladle.dsl.suggest import did_you_mean, nearest, sentences

_SEARCHES = 50
"""Misspelt names that get a suggestion; a file with more of them has another problem."""


@frozen
class Mismatch:
    """Why a value does not fit where it stands; the reader of the place makes a diagnostic of it."""

    code: str
    message: str
    help: str = ""
    label: str = ""


@dataclass(slots=True)
class _Missing:
    names: Callable[[], Iterable[str]]
    hint: str
    spans: list[Span] = field(default_factory=list)


class Problems:
    """Collects problems. The same code at the same place counts once, an unknown name once for all its uses."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.nameless = False
        """A declaration is broken and its name could not be read: a name that is like no other may be its."""
        self._found: dict[tuple[str, int, int] | str, Diagnostic] = {}
        self._missing: dict[str, _Missing] = {}

    def __bool__(self) -> bool:
        return bool(self._found or self._missing)

    def report(self, code: str, span: Span, message: str, help: str = "", label: str = "", once: str = "") -> Failed:
        """Add a problem, unless this place has it already or `once` names a known one; return the failed value."""
        key: tuple[str, int, int] | str = once or (code, span.start, span.end)
        if key not in self._found:
            self._found[key] = Diagnostic(code, CODES[code], message, self.source, span, label, help)
        return FAILED

    def mismatch(self, found: Mismatch, span: Span) -> Failed:
        """Add a mismatch at the place of the value."""
        return self.report(found.code, span, found.message, found.help, found.label)

    def missing(self, name: str, span: Span, names: Callable[[], Iterable[str]], hint: str = "") -> Failed:
        """Add the use of a name that nothing declares; `names` are those that could stand there."""
        self._missing.setdefault(name, _Missing(names, hint)).spans.append(span)
        return FAILED

    def line(self, span: Span) -> int:
        """Return the line on which a span starts."""
        return self.source.position(span.start)[0]

    def sorted(self) -> tuple[Diagnostic, ...]:
        """Return every problem in the order of the text."""
        each = (self._unknown(name, use, place) for place, (name, use) in enumerate(self._missing.items()))
        unknown = [problem for problem in each if problem is not None]
        return tuple(sorted([*self._found.values(), *unknown], key=lambda d: (d.span.start, d.span.end, d.code)))

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


def _numbers(lines: list[int], most: int = 8) -> str:
    shown = ", ".join(str(line) for line in lines[:most])
    return f"{shown}, ..." if len(lines) > most else shown
