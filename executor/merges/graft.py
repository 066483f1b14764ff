"""Grafting of the largest changes (Panigrahi et al. 2023, arXiv 2302.06600). Out: the declaration of `graft`.

Formula, with d = a - base, and `keep` the `share` of the tensor's elements in which |d| is largest:

    result = a where |d| is among the `keep` largest, elsewhere the model that it is put on (the base, or operand 2)

The paper learns the mask by gradient; this is its simple form, the mask by magnitude, tensor by tensor. Elements whose
change has the magnitude of the last one kept stand or fall with it: they are kept. What did not change is never taken.

Source: Panigrahi et al., "Task-specific skill localization in fine-tuned language models" (arXiv 2302.06600).

When to use it: to find how local a skill is, or to put it on another model of the same base. Seen on networks of a few
thousand weights: a tenth holds over 85 % of what plain gradient descent won, and under 40 % after Adam.

Example:

    model m = graft(instruct, cpt(base), base = base, share = 0.1)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ladle.dsl.signature import REQUIRED, Number, Operands, Operator, Option, Role, Sort
from ladle.executor.merge import BASE, PROGRAM
from ladle.executor.weights.kernel import Call, Piece, Plan
from ladle.executor.weights.statistics import largest

if TYPE_CHECKING:
    from torch import Tensor

SHARE = Option(
    "share",
    Number(low=0, high=1),
    REQUIRED,
    "share of each tensor's elements that is taken from the first operand: those that changed most",
)

OPERATOR = Operator(
    name="graft",
    role=Role.MERGE,
    version=1,
    text="the largest changes of a model over its base, put on the base or on a second model of that base",
    operands=Operands((Sort.MODEL, Sort.MODEL), minimum=1),
    options=(BASE, SHARE),
    engines=("torch",),
    needs_base=True,
    program=PROGRAM,
)


def kernel(call: Call) -> Plan:
    """Return the first operand where it changed most, elsewhere the second or the base."""
    bound = yield from largest(change, (), round(call.number("share") * call.elements))

    def combine(piece: Piece) -> Tensor:
        under = piece.models[1] if call.operands > 1 else piece.origin
        size = change(piece).abs()
        return piece.models[0].where((size >= bound) & (size > 0), under)

    return combine


def change(piece: Piece) -> Tensor:
    """Return what the first operand adds to the base."""
    return piece.deltas[0]
