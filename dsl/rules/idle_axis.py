"""Flags a family of which two members are one computation.

Equal computations are made once, and a table shows them once: a mean over such an axis has no spread, and a sweep no
points. Most often the axis is not used in the expression or in `with`.

Bad:

    model r[k in 1..3] = base | cpt
    evaluate table { models = [base, r]  on = [silk]  baseline = base }

Good:

    model r[k in 1..3] = base | cpt with { cpt.seed = k }
    evaluate table { models = [base, r]  on = [silk]  baseline = base }
"""

from collections.abc import Iterator

from ladle.dsl.diagnostics import Severity
from ladle.dsl.program import Family, Program
from ladle.dsl.rule import Finding, Rule
from ladle.dsl.syntax import ModelDecl


def find(program: Program) -> Iterator[Finding]:
    """Yield each axis along which nothing changes, or else the family."""
    for each in program.recipe.declarations:
        family = program.families.get(each.name.name) if isinstance(each, ModelDecl) else None
        if family is None or not isinstance(each, ModelDecl) or family.broken:
            continue
        different = len({member.model.term for member in family.members})
        if different == len(family.members):
            continue
        idle = [axis for place, axis in enumerate(each.axes) if _idle(family, place)]
        said = f"`{family.name}` has {len(family.members)} members and {different} different computations"
        for axis in idle:
            help = f"use `{axis.name.name}` in the expression or in `with`, or take the axis away"
            yield Finding(axis.name.span, f"nothing changes along the axis `{axis.name.name}`: {said}", help, "no use")
        if not idle:
            yield Finding(each.name.span, said, "take away what stands on an axis twice", "equal members")


def _idle(family: Family, place: int) -> bool:
    """Say whether members that differ along one axis alone are always equal, and there are such."""
    groups: dict[tuple[str, ...], list[object]] = {}
    for member in family.members:
        rest = (*member.keys[:place], *member.keys[place + 1 :])
        groups.setdefault(rest, []).append(member.model.term)
    several = [terms for terms in groups.values() if len(terms) > 1]
    return bool(several) and all(len(set(terms)) == 1 for terms in several)


RULE = Rule("W504", "idle-axis", Severity.WARNING, find)
