"""A base that takes over the changes of a model that matter most. Out: `arcee_fusion`.

Formula, where each row of a tensor is read as logits of a distribution, p of the model and q of the base (a softmax,
plus 1e-8 everywhere):

    importance = |model - base| * sum over the row of p log(p / q)
    threshold  = median + 1.5 (third quartile - first quartile)    of all importances of the tensor
    result     = model where importance >= threshold, else base

Quartiles are elements, without interpolation: of n in rising order those at floor(n-1)/4, /2 and 3/4. They are exact
here; mergekit takes them of a random million elements of a larger tensor. Where nothing differs, everything is kept.

Source: mergekit 0.1.5, `merge_methods/arcee_fusion.py` (Arcee AI).

When to use it: to carry the strongest changes of a training over, some percent of the elements, and leave the rest.

Example:

    model m = arcee_fusion(instruct, base = base)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ladle.dsl.signature import Operands, Operator, Role, Sort
from ladle.executor.merge import PROGRAM, main_model
from ladle.executor.weights.kernel import Call, Piece, Plan
from ladle.executor.weights.statistics import ranked

if TYPE_CHECKING:
    from torch import Tensor

EPSILON: Final = 1e-8

OPERATOR = Operator(
    name="arcee_fusion",
    role=Role.MERGE,
    version=1,
    text="the base with those weights of a model that changed most, by an importance of elements and rows",
    operands=Operands((Sort.MODEL,), minimum=1),
    options=(main_model("the model that is kept where the changes are unimportant"),),
    engines=("torch",),
    needs_base=True,
    program=PROGRAM,
)


def kernel(call: Call) -> Plan:
    """Take over what is as important as the threshold says."""
    count = call.elements
    places = tuple(int(share * (count - 1)) for share in (0.25, 0.5, 0.75))
    low, middle, high = yield from ranked(importance, (), tuple(count - place for place in places))
    threshold = middle + 1.5 * (high - low)
    return lambda piece: piece.models[0].where(importance(piece) >= threshold, piece.origin)


def importance(piece: Piece) -> Tensor:
    """Return how much each element's change matters, never negative."""
    model, base = piece.models[0].double(), piece.origin.double()
    p, q = model.softmax(1) + EPSILON, base.softmax(1) + EPSILON
    divergence = (p * (p / q).log()).sum(1, keepdim=True).clamp(min=0)
    return ((model - base).abs() * divergence).float()
