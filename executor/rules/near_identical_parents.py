"""Flags a merge of two models that are fewer than ten training steps apart.

Within a few steps of warm-up the weights hardly move: the merge is either parent to within rounding, and a table shows
two equal rows as if they were a result. Only stages whose budget is in `steps` can be counted.

Bad:

    model m = slerp(base, base | sft(steps = 3), t = 0.5)

Good:

    model m = slerp(base, base | sft(steps = 300), t = 0.5)
"""

from collections.abc import Iterator
from itertools import combinations

from ladle.dsl.diagnostics import Severity
from ladle.dsl.program import Program, Term
from ladle.dsl.rule import Finding, Rule
from ladle.dsl.signature import Role
from ladle.executor.chains import merges, name

FEW = 10
"""Steps below which two models count as one."""
OPERANDS = 32
"""Operands of a merge that are compared pairwise."""


def find(program: Program) -> Iterator[Finding]:
    """Yield every merge with two parents that few steps part."""
    for term in merges(program):
        for a, b in combinations(term.operands[:OPERANDS], 2):
            apart = _apart(a, b)
            if apart is not None and 0 < apart < FEW:
                steps = "1 training step" if apart == 1 else f"{apart} training steps"
                message = f"`{name(program, a)}` and `{name(program, b)}` are {steps} apart"
                yield Finding(term.span, message, "train longer before merging", "nearly one model")
                break


def _apart(a: Term, b: Term) -> int | None:
    """The steps of all trainings since the nearest common model; None where there is none or one has no `steps`."""
    since = dict(_steps(a))
    return next((since[term] + steps for term, steps in _steps(b) if term in since), None)


def _steps(term: Term) -> Iterator[tuple[Term, int]]:
    """The model and those it was trained from, each with the steps since, while these can be counted."""
    total = 0
    yield term, total
    while term.operator.role is Role.STAGE and total < FEW:
        steps = term.options.get("steps")
        if not isinstance(steps, int):
            return
        total += steps
        term = term.operands[0]
        yield term, total


RULE = Rule("W542", "near-identical-parents", Severity.WARNING, find)
