"""Flags members of a family that nothing asked for needs, where other members are asked for.

A family is lazy: only members that a table reaches are made. Those that it does not reach are a mistake in an index, or
an axis longer than was meant.

Bad:

    model r[k in 1..3] = base | cpt with { cpt.seed = k }
    evaluate table { models = [base, r[1]]  on = [silk]  baseline = base }

Good:

    model r[k in 1..3] = base | cpt with { cpt.seed = k }
    evaluate table { models = [base, r]  on = [silk]  baseline = base }
"""

from collections.abc import Iterator

from ladle.dsl.diagnostics import Severity
from ladle.dsl.program import Program, ancestry
from ladle.dsl.rule import Finding, Rule
from ladle.dsl.suggest import listing
from ladle.dsl.syntax import ModelDecl


def find(program: Program) -> Iterator[Finding]:
    """Yield the name of each family of which a part is reached."""
    if not program.evaluations:
        return
    reached = set(
        ancestry([*program.targets, *(each.term for table in program.evaluations for each in table.benchmarks)])
    )
    for each in program.recipe.declarations:
        family = program.families.get(each.name.name) if isinstance(each, ModelDecl) else None
        if family is None or not isinstance(each, ModelDecl):
            continue
        idle = [member.model.label for member in family.members if member.model.term not in reached]
        if idle and len(idle) < len(family.members):
            message = f"{len(idle)} of the {len(family.members)} members of `{family.name}` are never asked for"
            help = f"evaluate them, or shorten an axis: {listing(idle, 4)}"
            yield Finding(each.name.span, message, help, "partly unused")


RULE = Rule("W503", "unreachable-member", Severity.WARNING, find, whole=True)
