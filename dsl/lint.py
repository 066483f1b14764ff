"""Rules over a checked recipe. In: a Program, rules. Out: what they find and the recipe does not allow, sorted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ladle.dsl.allow import WRONG, allows, judge
from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.nearly import nearly
from ladle.dsl.program import Program
from ladle.dsl.rule import Finding, Rule
from ladle.dsl.source import Source


def lint(
    program: Program, rules: Iterable[Rule], codes: Mapping[str, Rule], sound: bool = True
) -> tuple[Diagnostic, ...]:
    """Return what `rules` find in a program, less what its comments allow, and what is wrong with those comments.

    `codes` are all rules by code, selected or not. In a recipe that is not `sound` only what errors cannot explain is
    told.
    """
    selected = tuple(rules)
    source = program.source
    found = [each for rule in selected if sound or not rule.whole for each in _found(program, rule)]
    asked = {rule.code for rule in selected}
    kept, wrong = judge(allows(program.recipe), found, codes, asked, sound)
    wrong += [(WRONG, finding) for finding in nearly(program.recipe, codes)]
    kept += [_diagnostic(source, codes[code], finding) for code, finding in wrong if code in asked]
    return tuple(sorted(kept, key=lambda d: (d.span.start, d.span.end, d.code)))


def _found(program: Program, rule: Rule) -> Iterable[Diagnostic]:
    """What one rule finds: a place counts once, with what is said of it first. A used recipe is linted by itself."""
    seen: set[tuple[int, int]] = set()
    for finding in rule.find(program):
        place = (finding.span.start, finding.span.end)
        own = finding.span.within(program.source) is program.source
        if own and place not in seen:
            seen.add(place)
            yield _diagnostic(program.source, rule, finding)


def _diagnostic(source: Source, rule: Rule, finding: Finding) -> Diagnostic:
    return Diagnostic(
        rule.code,
        rule.name,
        finding.message,
        source,
        finding.span,
        finding.label,
        finding.help,
        rule.severity,
        finding.fix,
    )
