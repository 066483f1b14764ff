"""Spherical interpolation of two models, or of what they add to a base, by weights. Out: `nuslerp`.

Formula, where w is the angle between the tensors a and b and t = weight of b / sum of the weights:

    (sin((1-t) w) a + sin(t w) b) / sin w

Tensors that are parallel or opposite, 1 - cos(w)^2 <= 1e-14, are interpolated linearly; a norm below 1e-7 counts as
1e-7. With `base` both are differences from it, and the base is added to the result. With `nuslerp_flatten = false` each
row of a tensor has an angle of its own, or each column with `nuslerp_row_wise = true`, as mergekit calls them.

Source: mergekit 0.1.5, `merge_methods/nuslerp.py`; the interpolation is that of Shoemake, "Animating rotation with
quaternion curves", SIGGRAPH 1985.

When to use it: instead of `slerp` where weights say it better than `t`, or for differences from a common base, whose
angle is wide where that between the models themselves is almost nothing.

Example:

    model m = nuslerp(instruct: 0.3, cpt(base): 0.7)
    model d = nuslerp(instruct: 1, cpt(base): 1, base = base)
"""

from __future__ import annotations

from collections.abc import Generator
from math import acos, fsum, prod, sin
from typing import TYPE_CHECKING, Final

from ladle.dsl.signature import Fault, Flag, Operands, Operator, Option, Role, Sort, Typed, Typing
from ladle.executor.merge import MAY_BASE, PROGRAM, WEIGHT, no_sum
from ladle.executor.weights.kernel import Ask, Call, Combine, Piece, Plan
from ladle.executor.weights.spans import PRODUCTS, matrix, norms, spanned, vectors

if TYPE_CHECKING:
    from torch import Tensor

SMALLEST: Final = 1e-7
PARALLEL: Final = 1e-14
"""What rounding leaves of 1 - cos(w)^2; mergekit has 1e-16, and a cosine in float32, which is 1 or is not."""

FLATTEN = Option(
    "nuslerp_flatten", Flag(), True, "one angle for a tensor, not one for each row or column", field="nuslerp_flatten"
)
ROW_WISE = Option(
    "nuslerp_row_wise",
    Flag(),
    False,
    "an angle for each column instead of each row; needs `nuslerp_flatten = false`",
    field="nuslerp_row_wise",
)


def typed(typing: Typing) -> Typed:
    """Return the first operand's type; the place between the operands must be known, and options have an effect."""
    faults = []
    where = no_sum(typing, 1e-6)
    if where is not None:
        message = f"the weights sum to 0{where}, so they say no place between the operands"
        faults.append(Fault("E284", message, "change a weight", "weights"))
    if typing.options.get("nuslerp_row_wise") is True and typing.options.get("nuslerp_flatten") is True:
        message = "`nuslerp_row_wise = true` does nothing while one angle holds for the whole tensor"
        faults.append(Fault("E288", message, "add `nuslerp_flatten = false`, or leave it out", "nuslerp_row_wise"))
    return tuple(faults) or typing.operands[0]


OPERATOR = Operator(
    name="nuslerp",
    role=Role.MERGE,
    version=1,
    text="spherical interpolation of two models, or of their differences from a base, by weights",
    operands=Operands((Sort.MODEL, Sort.MODEL), minimum=2, weighted="must", weight_type=WEIGHT),
    options=(MAY_BASE, FLATTEN, ROW_WISE),
    engines=("torch",),
    typed=typed,
    program=PROGRAM,
)


def kernel(call: Call) -> Plan:
    """Interpolate along the great circle of the tensors, or of each of their rows or columns."""
    weights = call.each("weights")
    if abs(fsum(weights)) < 1e-6:
        raise ValueError(f"the weights of the merge sum to zero for `{call.tensor}`")
    t = weights[1] / fsum(weights)
    if call.flag("nuslerp_flatten"):
        gram = matrix((yield PRODUCTS))
        a, b = (max(norm, SMALLEST) for norm in norms(gram))
        return spanned(_places(t, gram[0][1] / a / b))
    if call.flag("nuslerp_row_wise") and len(call.shape) > 1:
        return (yield from _by_column(t, call.shape))
    return lambda piece: _interpolated(piece, t, _cosines(*_row_products(piece)))


def _places(t: float, cosine: float) -> tuple[float, float]:
    cosine = max(-1.0, min(1.0, cosine))
    if 1 - cosine**2 <= PARALLEL:
        return 1 - t, t
    angle = acos(cosine)
    return sin((1 - t) * angle) / sin(angle), sin(t * angle) / sin(angle)


def _cosines(aa: Tensor, bb: Tensor, ab: Tensor) -> Tensor:
    return (ab / aa.sqrt().clamp(min=SMALLEST) / bb.sqrt().clamp(min=SMALLEST)).clamp(-1, 1)


def _interpolated(piece: Piece, t: float, cosine: Tensor) -> Tensor:
    """Interpolate in float64, each row or column by its own cosine."""
    linear = 1 - cosine.square() <= PARALLEL
    angle = cosine.acos()
    sine = angle.sin().masked_fill(linear, 1.0)
    a, b = (each.double() for each in piece.models)
    one = (((1 - t) * angle).sin() / sine).masked_fill(linear, 1 - t)
    two = ((t * angle).sin() / sine).masked_fill(linear, t)
    if piece.base is None:
        return (one * a + two * b).float()
    base = piece.base.double()
    return (base - one * (base - a) - two * (base - b)).float()


def _row_products(piece: Piece) -> tuple[Tensor, Tensor, Tensor]:
    a, b = (each.double() for each in vectors(piece))
    return (a * a).sum(1, keepdim=True), (b * b).sum(1, keepdim=True), (a * b).sum(1, keepdim=True)


def column_products(piece: Piece, period: int) -> Tensor:
    """Return the inner products over a tensor's first dimension, shape (3, period, columns).

    `period` rows lie in each slice of the first dimension.
    """
    a, b = (each.double() for each in vectors(piece))
    found = a.new_zeros(3, period, a.shape[1])
    slots = _slots(piece, period)
    for place, values in enumerate((a * a, b * b, a * b)):
        found[place].index_add_(0, slots, values)
    return found


def _slots(piece: Piece, period: int) -> Tensor:
    rows, columns = piece.models[0].shape
    first = piece.start // columns
    return (piece.models[0].new_ones(rows).double().cumsum(0).long() + (first - 1)) % period


def _by_column(t: float, shape: tuple[int, ...]) -> Generator[Ask, Tensor, Combine]:
    period = prod(shape[1:-1])
    cosines = _cosines(*(yield Ask(column_products, (period,))))
    return lambda piece: _interpolated(piece, t, cosines[_slots(piece, period)])
