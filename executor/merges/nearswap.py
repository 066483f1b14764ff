"""A base that takes over a model's weights where the two are near, and little where they are not. Out: `nearswap`.

`nearswap(b, base = a, t = 0.001)` moves the base a towards the operand b.

Formula, element by element, for a base a and a model b:

    w = min(1, t / max(|a - b|, 1e-6)),    result = (1-w) a + w b

So no weight of the base moves by more than t: b is taken over where it is no further away, and a is moved by t towards
it elsewhere. `t` is a distance between weights, not a share: 0 leaves the base alone, and a t above every difference is
the model. A negative one would be the base in mergekit, and is an error here.

Source: mergekit 0.1.5, `merge_methods/nearswap.py`; the card of alchemonaut/QuartetAnemoi-70B-t0.0001 (2024).

When to use it: to take a little of another model into one that is good already; t is of the size of the differences,
often 1e-4 to 1e-3.

Example:

    model m = nearswap(cpt(base), base = instruct, t = 0.001)
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from ladle.dsl.signature import REQUIRED, Operands, Operator, Option, Role, Sort
from ladle.executor.merge import PROGRAM, main_model, scheduled
from ladle.executor.weights.kernel import Call, Combine, Piece

if TYPE_CHECKING:
    from torch import Tensor

SMALLEST: Final = 1e-6

T = Option("t", scheduled(0, inf), REQUIRED, "how far a weight of the base may move", field="t")

OPERATOR = Operator(
    name="nearswap",
    role=Role.MERGE,
    version=2,
    text="the base with each weight moved towards another model's, by no more than t",
    operands=Operands((Sort.MODEL,), minimum=1),
    options=(main_model("the model that is moved"), T),
    engines=("torch",),
    program=PROGRAM,
)


def kernel(call: Call) -> Combine:
    """Move each weight of the base by no more than t."""
    t = call.number("t")
    return lambda piece: _moved(piece, t)


def _moved(piece: Piece, t: float) -> Tensor:
    [delta] = piece.deltas
    weight = (t / delta.abs().clamp_(min=SMALLEST)).clamp_(max=1.0)
    moved = piece.origin.lerp(piece.models[0], weight)
    # What stays and what is taken over keep the sign of their zeros, which `lerp` adds something to.
    return moved.where(moved != piece.origin, piece.origin).where(weight < 1, piece.models[0])
