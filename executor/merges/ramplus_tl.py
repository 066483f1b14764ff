"""`ram`, with what a model alone has changed scaled up where much else is shared. Out: `ramplus_tl`.

Formula, as for `ram`, where in this tensor s_i elements of model i's changes are shared and u_i are its alone:

    factor_i = 1 + r min(s_i / max(u_i, epsilon), alpha)
    result = base + sum_i factor_i d_i   where one model has a change,   + mean of the d_i   where several have

Averaging what is shared makes it weaker; the factor makes up for it in what is not. It is counted tensor by tensor
(`tl`, tensor-local).

Source: Reinforced Agent Merging, arXiv 2601.13572, as mergekit 0.1.5 has it in `merge_methods/ram.py`.

When to use it: where `ram` loses what the models are for; with r = 0 it is `ram`.

Example:

    model m = ramplus_tl([instruct, cpt(base)], base = base, r = 0.1, alpha = 0.2)
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from ladle.dsl.signature import Operands, Operator, Option, Role, Sort
from ladle.executor.merge import ANY, BASE, PROGRAM, UNCHANGED, scheduled
from ladle.executor.weights.kernel import Ask, Call, Piece, Plan
from ladle.executor.weights.overlap import changes, joined

if TYPE_CHECKING:
    from torch import Tensor

R = Option("r", ANY, 0.1, "how much the changes of one model alone are scaled up for what is shared", field="r")
ALPHA = Option("alpha", scheduled(0, inf), 0.2, "the largest ratio of shared to unshared that counts", field="alpha")

OPERATOR = Operator(
    name="ramplus_tl",
    role=Role.MERGE,
    version=1,
    text="as `ram`, with what one model alone has changed scaled up by how much is shared, tensor by tensor",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=1, family=True),
    options=(BASE, R, ALPHA, UNCHANGED),
    engines=("torch",),
    needs_base=True,
    program=PROGRAM,
)


def kernel(call: Call) -> Plan:
    """Add changes that stand alone, scaled, and the mean of those that meet."""
    epsilon, r, alpha = call.number("epsilon"), call.number("r"), call.number("alpha")
    shared, alone = (yield Ask(counts, (epsilon,))).tolist()
    factors = tuple(1 + r * _ratio(*each, epsilon, alpha) for each in zip(shared, alone, strict=True))
    return lambda piece: joined(piece, epsilon, factors)


def _ratio(shared: float, alone: float, epsilon: float, alpha: float) -> float:
    below = max(alone, epsilon)
    return shared / below if shared < alpha * below else alpha


def counts(piece: Piece, epsilon: float) -> Tensor:
    """Return how many elements each model has changed along with others, and alone: shape (2, models), float64."""
    kept, count = changes(piece, epsilon)
    found = kept[0].new_zeros(2, len(kept))
    for place, change in enumerate(kept):
        found[0, place] = ((change != 0) & (count > 1)).sum()
        found[1, place] = ((change != 0) & (count == 1)).sum()
    return found
