"""Flags a merge whose weights make one operand irrelevant.

With `t = 0` or `t = 1`, or a weight of 0, the other branch of the graph is trained and read for nothing: the result is
one operand, unchanged.

Bad:

    model m = slerp(base, base | sft, t = 1)

Good:

    model m = slerp(base, base | sft, t = 0.5)
"""

from collections.abc import Iterator

from ladle.dsl.diagnostics import Severity
from ladle.dsl.program import Program
from ladle.dsl.rule import Finding, Rule
from ladle.dsl.types import Schedule, Value
from ladle.executor.chains import merges


def find(program: Program) -> Iterator[Finding]:
    """Yield every `t` that sits at one end throughout, and every weight of 0."""
    for term in merges(program):
        end = _end(term.options.get("t"))
        weights = term.options.get("weights")
        if len(term.operands) < 2:
            if end == 0:
                message = f"`{term.operator.name}` with t=0 is its base, unchanged"
                yield Finding(term.written.get("t", term.span), message, "choose a `t` above 0", "one-sided")
        elif end is not None:
            message = f"`{term.operator.name}` with t={end:g} is its {'second' if end else 'first'} operand, unchanged"
            yield Finding(term.written.get("t", term.span), message, "choose a `t` between 0 and 1", "one-sided")
        elif isinstance(weights, tuple) and 0 in weights:
            message = f"a weight of 0 leaves operand {weights.index(0) + 1} out of `{term.operator.name}`"
            yield Finding(term.span, message, "give it a weight, or take it out")


def _end(t: Value) -> float | None:
    """0 or 1 where `t` is that everywhere."""
    values: set[float] = set()
    match t:
        case Schedule(modules, default):
            values.add(default)
            for _, value in modules:
                values.update(value if isinstance(value, tuple) else (value,))
        case bool():
            return None
        case int() | float():
            values.add(t)
        case _:
            return None
    end = values.pop()
    return end if not values and end in (0, 1) else None


RULE = Rule("W540", "one-sided-merge", Severity.WARNING, find)
