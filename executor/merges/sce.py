"""Differences selected where models disagree, weighted by their size, less what opposes the sum. Out: `sce`.

Formula, for differences d_i from the base, tensor by tensor:

    select:     keep the `select_topk` share of elements in which the d_i vary most (of those in which they vary at all)
    calculate:  w_i = sum of the squares of d_i / sum over all models
    erase:      drop elements of d_i whose sign is not that of sum_i d_i (which is + where the sum is 0)
    result      = base + sum_i w_i d_i / max(sum of the w_i that are left, 1e-6), over what is kept

As in mergekit the w_i are all the same where the mean squares of all d_i sum to less than 1e-6, which is the case for
differences of less than about 1e-3. Elements that vary as much as the last one kept are kept too.

Source: FuseChat, arXiv 2408.07990, as mergekit 0.1.5 has it in `merge_methods/sce.py`.

When to use it: for models of different data from one base, where weights for each tensor are better found than guessed.

Example:

    model m = sce([instruct, cpt(base)], base = base, select_topk = 0.1)
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, inf
from typing import TYPE_CHECKING, Final

from ladle.dsl.signature import Operands, Operator, Option, Role, Sort
from ladle.executor.merge import BASE, PROGRAM, scheduled
from ladle.executor.weights.kernel import Ask, Call, Piece, Plan
from ladle.executor.weights.statistics import largest

if TYPE_CHECKING:
    from torch import Tensor

SMALLEST: Final = 1e-6

SELECT_TOPK = Option(
    "select_topk", scheduled(0, 1), 1.0, "share of elements that is kept, of those that vary", field="select_topk"
)

OPERATOR = Operator(
    name="sce",
    role=Role.MERGE,
    version=1,
    text="the base plus differences selected by their variance, weighted by their squares, less opposing signs",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=1, family=True),
    options=(BASE, SELECT_TOPK),
    engines=("torch",),
    needs_base=True,
    program=PROGRAM,
)


def kernel(call: Call) -> Plan:
    """Select by variance, weight by squares, erase by sign."""
    share, least = call.number("select_topk"), 0.0
    if share < 1:
        varying = float((yield Ask(varies)).item())
        least = yield from largest(spread, (), int(varying * share))
    squares = [] if least == inf else (yield Ask(square_sums, (least,))).tolist()
    weights = _weights(squares, call)
    return lambda piece: _added(piece, least, weights)


def _weights(squares: Sequence[float], call: Call) -> tuple[float, ...]:
    whole = fsum(squares)
    if whole / call.elements < SMALLEST:
        return (1 / call.operands,) * call.operands
    return tuple(each / whole for each in squares)


def spread(piece: Piece) -> Tensor:
    """Return the standard deviation of the models, element by element: 0 only where all are equal."""
    first, count = piece.models[0].double(), len(piece.models)
    total, squares = first.new_zeros(first.shape), first.new_zeros(first.shape)
    for model in piece.models[1:]:
        apart = model.double() - first
        total += apart
        squares += apart * apart
    variance = squares / count - (total / count).square()
    return variance.clamp_(min=0).sqrt_().float()


def varies(piece: Piece) -> Tensor:
    """Return in how many elements the models differ."""
    return (spread(piece) != 0).sum()


def _kept(piece: Piece, least: float) -> list[Tensor]:
    if least == 0:
        return [delta.double() for delta in piece.deltas]
    dropped = spread(piece) < least
    return [delta.double().masked_fill(dropped, 0.0) for delta in piece.deltas]


def square_sums(piece: Piece, least: float) -> Tensor:
    """Return the sum of the squares of each model's kept differences."""
    kept = _kept(piece, least)
    found = kept[0].new_zeros(len(kept))
    for place, delta in enumerate(kept):
        found[place] = delta.square().sum()
    return found


def _added(piece: Piece, least: float, weights: Sequence[float]) -> Tensor:
    kept = _kept(piece, least)
    total = sum(kept[1:], start=kept[0])
    sign = (total >= 0).double() * 2 - 1
    merged, below = total.new_zeros(total.shape), total.new_zeros(total.shape)
    for delta, weight in zip(kept, weights, strict=True):
        agrees = delta.sign() == sign
        merged -= delta.masked_fill(~agrees, 0.0) * weight
        below += agrees.double() * weight
    return (piece.origin.double() - merged / below.clamp(min=SMALLEST)).float()
