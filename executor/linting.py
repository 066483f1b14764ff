"""A recipe checked and linted. In: its path, what is wanted. Out: errors and findings, and what fixes make of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from ladle.dsl.frozen import frozen, replace
from ladle.dsl.lint import lint
from ladle.dsl.rule import Rule
from ladle.executor.baseline import Known, read_baseline, unknown
from ladle.executor.examine import Checked, examine
from ladle.executor.fixing import Fixed, fix, write_fixed
from ladle.executor.lint_settings import Settings, Wanted, settings
from ladle.executor.rulebook import rules


@frozen
class Linted:
    """Recipes with their errors and findings, and whether any of them fails."""

    recipes: tuple[Checked, ...]
    failed: bool
    fixed: Mapping[Path, Fixed]
    baselines: Mapping[Path, Path]
    """The baseline that counts for each project, by its root."""
    strict: frozenset[str] = frozenset()
    """The recipes of which a warning is a failure."""


def lint_recipes(paths: Iterable[Path], wanted: Wanted, mend: str = "", fresh: bool = False) -> Linted:
    """Check and lint recipes, each by the settings of its project.

    `mend` is "", `safe` or `unsafe`: which fixes are written first. With `fresh` no baseline is read.
    """
    told: dict[Path, Settings] = {}
    known: dict[Path, Known] = {}
    found: list[Checked] = []
    fixed: dict[Path, Fixed] = {}
    failed = False
    for path in paths:
        checked = examine(path)
        if checked.root not in told:
            told[checked.root] = one = settings(checked.root, wanted)
            if one.baseline and not fresh:
                known[checked.root] = read_baseline(one.baseline)
        here = told[checked.root]
        if mend:
            fixed[path] = fix(checked, here.rules, unsafe=mend == "unsafe")
            if fixed[path].done:
                write_fixed(path, checked.source.text, fixed[path].after.source.text)
            checked = fixed[path].after
        checked = linted(checked, here.rules)
        if checked.root in known:
            new = unknown(checked.root, path, checked.diagnostics, known[checked.root])
            checked = replace(checked, diagnostics=new)
        found.append(checked)
        failed = failed or _fails(checked, here.strict)
    baselines = {root: each.baseline for root, each in told.items() if each.baseline}
    strict = frozenset(each.source.path for each in found if told[each.root].strict)
    return Linted(tuple(found), failed, fixed, baselines, strict)


def linted(checked: Checked, asked: tuple[Rule, ...]) -> Checked:
    """Return a checked recipe with what rules find in it beside its errors, in the order of the text."""
    if checked.program is None:
        return checked
    found = [*checked.diagnostics, *lint(checked.program, asked, rules(), checked.sound)]
    found.sort(key=lambda d: (d.span.start, d.span.end, d.code))
    return replace(checked, diagnostics=tuple(found))


def _fails(checked: Checked, strict: bool) -> bool:
    return any(d.severity == "error" or (strict and d.severity == "warning") for d in checked.diagnostics)
