"""The names of computations. In: declared names, family members, made names. Out: one each; clashes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ladle.dsl.program import Family, Term
from ladle.dsl.signature import Role
from ladle.dsl.spelling import joined
from ladle.dsl.suggest import listing
from ladle.dsl.world import World


def names(world: World, families: Iterable[Family], terms: Iterable[Term]) -> dict[Term, str]:
    """Name each term: as declared, else as the member of a family, else as its expression is made."""
    members: dict[Term, str] = {}
    for family in families:
        for member in family.members:
            known = members.get(member.model.term, member.model.label)
            members[member.model.term] = min(known, member.model.label, key=_short)
    found: dict[Term, str] = {}
    for term in terms:
        name = world.titles.get(term) or members.get(term) or world.labels.get(term) or term.key[:12]
        found[term] = joined((name,))
    return found


def _short(name: str) -> tuple[int, str]:
    return len(name), name


def clashes(world: World, named: Mapping[Term, str]) -> None:
    """Report two different artifacts of one name: the later is to be declared under another."""
    owners: dict[str, Term] = {}
    for term, name in named.items():
        if not term.operator.produces or term.operator.role is Role.BENCHMARK:
            continue
        first = owners.setdefault(name, term)
        if first is not term:
            lines = sorted({world.problems.line(first.span), world.problems.line(term.span)})
            message = f"two different computations would both be named `{name}`"
            help = f"declare one of them with a name of its own: lines {listing(map(str, lines))}"
            world.problems.report("E304", term.span, message, help.replace("`", ""), "needs a name")
