"""Recipes whose expected problems stand on the offending lines. In: a folder of fixtures. Out: cases, and what differs.

A fixture holds cases separated by lines of `---`. In a case a problem is expected by a comment on its line, or on the
line above where the line itself cannot take one; whatever is not expected must not be found:

    model a = b with c        # error: E001 "expected `{`"
    # error below: E003 "not closed"
    model a = local("x
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.source import Source

FIXTURES = Path(__file__).parent / "fixtures"

_EXPECTED = re.compile(
    r'# (?P<severity>error|warning|info)(?P<below> below)?: (?P<code>[EW]\d{3})(?: "(?P<part>[^"\n]*)")?'
)


class Expectation(NamedTuple):
    """One expected problem; `part` stands in its message or help."""

    line: int
    severity: str
    code: str
    part: str


class Case(NamedTuple):
    """One recipe and the problems it must have, no more."""

    name: str
    source: Source
    expected: tuple[Expectation, ...]


def cases(folder: str) -> list[Case]:
    """Return every case of the fixtures in `tests/fixtures/<folder>`."""
    found = [case for path in sorted((FIXTURES / folder).glob("*.recipe")) for case in _cases(path)]
    assert found, f"no fixtures in {folder}"
    return found


def _cases(path: Path) -> Iterable[Case]:
    line = 1
    for text in re.split(r"^---\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
        name = f"{path.stem}:{line}"
        yield Case(name, Source(f"{path.name}:{line}", text), tuple(_expectations(text)))
        line += text.count("\n") + 1


def _expectations(text: str) -> Iterable[Expectation]:
    for number, line in enumerate(text.split("\n"), 1):
        for match in _EXPECTED.finditer(line):
            place = number + 1 if match["below"] else number
            yield Expectation(place, match["severity"], match["code"], match["part"] or "")


def differences(case: Case, diagnostics: Iterable[Diagnostic]) -> list[str]:
    """Return what is missing and what is too much, in words; [] where the problems are exactly those expected."""
    missing = list(case.expected)
    wrong: list[str] = []
    for diagnostic in diagnostics:
        line = case.source.position(diagnostic.span.start)[0]
        text = f"{diagnostic.message} | {diagnostic.help}"
        fits = [e for e in missing if (e.line, e.severity, e.code) == (line, diagnostic.severity, diagnostic.code)]
        if fits and fits[0].part in text:
            missing.remove(fits[0])
        else:
            wrong.append(f"line {line}: unexpected {diagnostic.code} {text}")
    return wrong + [f"line {e.line}: missing {e.code} {e.part!r}" for e in missing]
