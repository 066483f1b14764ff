"""Sixty mistakes that people make, two in each of thirty recipes: each told on its line, nothing else, with help.

All sixty were written before anyone looked at what was said of them. Then 57 were told, four of them with a second
error that only followed from the first; three were hidden behind another; and 33 were helped, by the measure below.
What was said was mended, not the mistakes: 60 are told and 59 are helped. After looking, the place of three was moved
to where the cause stands or the rows are asked, and three corrections got a `# needs:`, since they hold a choice.

A mistake is followed by its line as it should be (`# fixed:`). It is helped where each word and sign of that line which
is new stands between back quotes in the message or the help. Where a correction holds what only its author knows,
`# needs:` is the part that must be said. Where a line only loses words, the message names one of them.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

import pytest
from expectations import FIXTURES, Case, cases, differences
from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.source import Source
from ladle.executor.examine import examine_source

FOLDER = FIXTURES / "handwritten"
CASES = cases("handwritten")

_FIXED = re.compile(r"^ *# (fixed|needs): (.*)$")
_WORD = re.compile(r'"[^"]*"|[A-Za-z_][\w-]*|\d[\d.]*[\w%]*|[^\w\s]')
_QUOTED = re.compile(r"`([^`]+)`")


class Correction(NamedTuple):
    """A wrong line, the line as it should be, and what of it must be said: "" for all that is new."""

    wrong: str
    right: str
    needed: str


def corrections(case: Case) -> list[Correction]:
    found: list[Correction] = []
    before = ""
    for line in case.source.text.split("\n"):
        match = _FIXED.match(line)
        if match is None:
            before = line
        elif match[1] == "fixed":
            found.append(Correction(before, match[2], ""))
        else:
            found[-1] = found[-1]._replace(needed=match[2])
    return found


def corrected(case: Case) -> str:
    text = case.source.text
    for each in corrections(case):
        text = text.replace(f"{each.wrong}\n", f"{each.right}\n", 1)
    return text


def found(case: Case, text: str) -> tuple[Diagnostic, ...]:
    path = FOLDER / case.source.path.split(":")[0]
    return examine_source(path, Source(case.source.path, text)).diagnostics


def words(text: str) -> Counter[str]:
    return Counter(_WORD.findall(text.split("  #")[0]))


def unsaid(correction: Correction, problem: Diagnostic) -> list[str]:
    """Return what a correction needs and neither message nor help say."""
    said = words(" ".join(_QUOTED.findall(f"{problem.message} {problem.help}")))
    if correction.needed:
        return [part for part in words(correction.needed) if part not in said]
    new = words(correction.right) - words(correction.wrong)
    lost = words(correction.wrong) - words(correction.right)
    if new:
        return [part for part in new if part not in said]
    return [] if set(lost) & set(words(" ".join(_QUOTED.findall(problem.message)))) and problem.help else list(lost)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_mistake_is_told_on_its_line_and_nothing_else_is(case: Case) -> None:
    assert len(case.expected) == len(corrections(case)) == 2
    assert differences(case, found(case, case.source.text)) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_corrected_recipe_is_sound(case: Case) -> None:
    assert [(each.code, each.message) for each in found(case, corrected(case))] == []


def test_what_is_said_mends_most_mistakes() -> None:
    told = [pair for case in CASES for pair in zip(corrections(case), found(case, case.source.text), strict=False)]
    silent = [f"{c.right.strip()}: {p.code} {p.message} | {p.help}" for c, p in told if unsaid(c, p)]
    helped = len(told) - len(silent)
    print(f"{helped} of {len(told)} mistakes are helped; not:", *silent, sep="\n")
    assert len(told) == 60
    assert helped >= 50
