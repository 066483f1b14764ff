"""Parameter competition balancing (Du et al. 2024, arXiv 2410.02396). Out: the declaration of `pcb`, and its kernel.

Formula, with d_i = operand i - base, N operands, products x_ij = d_i * d_j and Norm(x) = x / max|x| over the tensor:

    intra_i  = Softmax(N * Norm(x_ii))            how much an element matters within its own model
    inter_i  = sum over j of Softmax(Norm(x_ij))  how far the models agree on it
    score_i  = intra_i * inter_i, and 0 for all but the `density` largest of the tensor
    result   = base + lambda * (sum of score_i * weight_i * d_i) / (sum of score_i)

An element that no operand keeps is the base's. The paper leaves Norm open and ranks over the whole model; here it is
the division by the largest magnitude, and everything is per tensor. Scores are kept as logarithms, so that they neither
overflow nor vanish for any number of operands. A tensor is read eight times (five where everything is kept).

Source: Du et al., "Parameter competition balancing for model merging" (arXiv 2410.02396).

When to use it: for models that learned different tasks from one base. Seen on networks of a few thousand weights: it
beats the mean at `density` 1 and 0.9. Not seen: any gain at the paper's 0.2, which is worse than the mean there.
"""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from math import log
from typing import TYPE_CHECKING

from ladle.dsl.signature import Operands, Operator, Role, Sort
from ladle.executor.merge import BASE, DENSITY, LAMBDA, PROGRAM, WEIGHT
from ladle.executor.weights.kernel import Ask, Call, Piece, Plan
from ladle.executor.weights.statistics import largest
from ladle.executor.weights.together import together

if TYPE_CHECKING:
    from torch import Tensor

OPERATOR = Operator(
    name="pcb",
    role=Role.MERGE,
    version=1,
    text="the base plus a mean of differences, each element weighted by how much it matters to its model and how far "
    "the others agree; the lowest scores are dropped",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=2, weighted="may", weight_type=WEIGHT),
    options=(BASE, DENSITY, LAMBDA),
    engines=("torch",),
    needs_base=True,
    program=PROGRAM,
)

Rows = tuple[tuple[float, ...], ...]
Known = tuple[tuple[float, ...], Rows, Rows]
"""Of each operand the largest difference, of each two the largest product, and the logarithms of sums of softmaxes."""


def kernel(call: Call) -> Plan:
    """Return the base plus the balanced mean of the operands' differences."""
    count, factor, weights = call.operands, call.number("lambda"), call.each("weights")
    peaks = yield from together([largest(delta, (place,), 1) for place in range(count)])
    reach = yield from _reach(peaks)
    sums = (yield Ask(exponentials, (peaks, reach))).tolist()
    logs = tuple(tuple(log(value / call.elements) for value in row) for row in sums)
    keeps = [round(share * call.elements) for share in call.each("density")]
    known: Known = (peaks, reach, logs)
    asked = [largest(score, (place, *known), keep) for place, keep in enumerate(keeps) if keep < call.elements]
    found = iter((yield from together(asked)))
    least = tuple(next(found) if keep < call.elements else 0.0 for keep in keeps)

    return partial(_combined, known, least, weights, factor)


def _combined(
    known: Known, least: tuple[float, ...], weights: tuple[float, ...], factor: float, piece: Piece
) -> Tensor:
    """Return the merged rows; an operand counts with its score where that is at least its bound."""
    scores = [score(piece, place, *known) for place in range(len(weights))]
    top = scores[0].new_zeros(scores[0].shape)
    for each in scores:
        top = top.maximum(each)
    total, divisor = top.new_zeros(top.shape), top.new_zeros(top.shape)
    for each, bound, weight, change in zip(scores, least, weights, piece.deltas, strict=True):
        share = (each - top).exp() * (each >= bound)
        total.sub_(share * change, alpha=weight)
        divisor.add_(share)
    return piece.origin.sub(total / divisor.masked_fill_(divisor == 0, 1), alpha=factor)


def _reach(peaks: tuple[float, ...]) -> Generator[Ask, Tensor, Rows]:
    """Return the largest magnitude of each product of two differences, each divided by its own largest."""
    pairs = [(i, j) for i in range(len(peaks)) for j in range(i)]
    found = yield from together([largest(product, (i, j, peaks), 1) for i, j in pairs])
    known = dict(zip(pairs, found, strict=True))
    return tuple(
        tuple(1.0 if i == j else known[max(i, j), min(i, j)] for j in range(len(peaks))) for i in range(len(peaks))
    )


def delta(piece: Piece, place: int) -> Tensor:
    """Return what an operand adds to the base."""
    return piece.deltas[place]


def product(piece: Piece, i: int, j: int, peaks: tuple[float, ...]) -> Tensor:
    """Return the product of two differences, each divided by its largest magnitude: no square can overflow."""
    one, two = (piece.deltas[place] / (peaks[place] or 1.0) for place in (i, j))
    return one * two


def exponentials(piece: Piece, peaks: tuple[float, ...], reach: Rows) -> Tensor:
    """Return the sums that the softmaxes divide by: of row i, exp(N (Norm(x_ii) - 1)), then exp(Norm(x_ij)) of each j.

    The exponent of the first is at most 0, so that no number of operands makes it overflow.
    """
    count = len(peaks)
    found = piece.deltas[0].new_zeros(count, count + 1).double()
    for i in range(count):
        found[i, 0] = ((product(piece, i, i, peaks).double() - 1) * count).exp().sum()
        for j in range(count):
            found[i, j + 1] = _normed(piece, i, j, peaks, reach).double().exp().sum()
    return found


def score(piece: Piece, place: int, peaks: tuple[float, ...], reach: Rows, logs: Rows) -> Tensor:
    """Return the logarithm of each element's score, times the elements squared, shifted so that none is negative."""
    count, own = len(peaks), logs[place]
    agreement = sum((_normed(piece, place, j, peaks, reach) - own[j + 1]).exp() for j in range(count))
    assert not isinstance(agreement, int)
    intra = (product(piece, place, place, peaks) - 1) * count - own[0]
    return intra + agreement.log() + (count + 3)


def _normed(piece: Piece, i: int, j: int, peaks: tuple[float, ...], reach: Rows) -> Tensor:
    return product(piece, i, j, peaks) / (reach[i][j] or 1.0)
