"""Flags a merge that takes one model twice.

Interpolating a model with itself gives that model; in a weighted mean it only has the sum of both weights. Two names
may well stand for one computation.

Bad:

    model m = slerp(base | sft, base | sft, t = 0.5)

Good:

    model m = slerp(base, base | sft, t = 0.5)
"""

from collections.abc import Iterator

from ladle.dsl.diagnostics import Severity
from ladle.dsl.program import Program
from ladle.dsl.rule import Finding, Rule
from ladle.executor.chains import merges, name

STACKED = "layers"
"""The option of what puts layers of models together: those of one model twice as well."""


def find(program: Program) -> Iterator[Finding]:
    """Yield every merge with equal operands."""
    for term in merges(program):
        twice = next((each for each in term.operands if term.operands.count(each) > 1), None)
        if twice is not None and STACKED not in term.options:
            message = f"`{term.operator.name}` takes `{name(program, twice)}` twice"
            yield Finding(term.span, message, "name another model, or give it one weight", "one model twice")


RULE = Rule("W541", "same-parent", Severity.WARNING, find)
