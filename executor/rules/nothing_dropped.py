"""Flags a merge that is to drop elements of differences, and keeps them all.

The default of `density` is 1, as in mergekit: `dare_linear`, `breadcrumbs` and `della_linear` are then
`task_arithmetic`, those that elect signs are `ties` untrimmed, and `gamma`, `epsilon`, `rescale` and `seed` do nothing.

Bad:

    model m = dare_ties(instruct, base | sft, base = base)

Good:

    model m = dare_ties(instruct, base | sft, base = base, density = 0.5)
"""

from collections.abc import Iterator

from ladle.dsl.diagnostics import Severity
from ladle.dsl.program import Program
from ladle.dsl.rule import Finding, Rule
from ladle.dsl.types import Schedule, Value
from ladle.executor.chains import merges

DROPPING = {
    "dare_linear": "task_arithmetic",
    "breadcrumbs": "task_arithmetic",
    "della_linear": "task_arithmetic",
    "dare_ties": "ties",
    "breadcrumbs_ties": "ties",
    "della": "ties",
}
"""Methods that drop elements, and what each is where it drops none."""


def find(program: Program) -> Iterator[Finding]:
    """Yield every such merge whose `density` is 1 throughout."""
    for term in merges(program):
        name = term.operator.name
        if name in DROPPING and _whole(term.options.get("density")):
            message = f"`{name}` with `density = 1` drops nothing: it is `{DROPPING[name]}`"
            help = f"set a `density` below 1, or write `{DROPPING[name]}`"
            yield Finding(term.written.get("density", term.span), message, help, "nothing dropped")


def _whole(density: Value) -> bool:
    """Say whether a density is 1 for every operand and tensor."""
    match density:
        case tuple():
            return all(_whole(each) for each in density)
        case Schedule(modules, default):
            return default == 1 and all(_whole(value) for _, value in modules)
        case _:
            return density == 1


RULE = Rule("W545", "nothing-dropped", Severity.WARNING, find)
