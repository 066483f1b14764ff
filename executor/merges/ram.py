"""What each model alone has changed in full, what several have changed in the mean. Out: `ram`.

Formula, element by element, where d_i is a model's difference from the base, n the number of models whose |d_i| is
above `epsilon`, and the sum runs over these:

    result = base + sum_i d_i / max(n, 1)

So a change that one model alone has made is kept whole, where `linear` would divide it by the number of models.
A change of at most `epsilon` is none.

Source: Reinforced Agent Merging, arXiv 2601.13572, as mergekit 0.1.5 has it in `merge_methods/ram.py`.

When to use it: for trainings, by reinforcement above all, that change few weights each and mostly different ones.

Example:

    model m = ram([instruct, cpt(base)], base = base)
"""

from __future__ import annotations

from ladle.dsl.signature import Operands, Operator, Role, Sort
from ladle.executor.merge import BASE, PROGRAM, UNCHANGED
from ladle.executor.weights.kernel import Call, Combine
from ladle.executor.weights.overlap import joined

OPERATOR = Operator(
    name="ram",
    role=Role.MERGE,
    version=1,
    text="the base plus what one model alone has changed, and the mean of what several have changed",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=1, family=True),
    options=(BASE, UNCHANGED),
    engines=("torch",),
    needs_base=True,
    program=PROGRAM,
)


def kernel(call: Call) -> Combine:
    """Add changes that stand alone, and the mean of those that meet."""
    epsilon, factors = call.number("epsilon"), (1.0,) * call.operands
    return lambda piece: joined(piece, epsilon, factors)
