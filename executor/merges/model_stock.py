"""The mean of models, drawn towards their base by how little they agree (Jang et al. 2024). Out: `model_stock`.

Formula, for k models whose differences from the base have cosines c_ij, of which c is the mean over pairs:

    t = k c / (1 + (k-1) c),    result = t (mean of the models) + (1-t) base

A product of two norms below 1e-6 counts as 1e-6, and where 1 + (k-1) c vanishes the result is the base. With
`filter_wise = true` each row of a tensor has its own t.

Source: arXiv 2403.19522, as mergekit 0.1.5 has it in `merge_methods/model_stock.py`.

When to use it: for a few trainings from one base that differ in seed or settings; it comes near the mean of many.

Example:

    model trained[k in 1..3] = base | sft(seed = k)
    model m = model_stock(trained, base = base)
"""

from __future__ import annotations

from itertools import combinations
from math import fsum
from typing import TYPE_CHECKING, Final

from ladle.dsl.signature import Flag, Operands, Operator, Option, Role, Sort
from ladle.executor.merge import BASE, PROGRAM
from ladle.executor.weights.kernel import Call, Piece, Plan
from ladle.executor.weights.spans import EXACT, Matrix, matrix, norms
from ladle.executor.weights.statistics import DELTA_GRAM, anchored, weighted

if TYPE_CHECKING:
    from torch import Tensor

SMALLEST: Final = 1e-6

FILTER_WISE = Option(
    "filter_wise", Flag(), False, "a weight for each row of a tensor instead of one for the tensor", field="filter_wise"
)

OPERATOR = Operator(
    name="model_stock",
    role=Role.MERGE,
    version=2,
    text="between the base and the mean of models trained from it, by the angle between their differences",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=2, family=True),
    options=(BASE, FILTER_WISE),
    engines=("torch",),
    needs_base=True,
    program=PROGRAM,
)


def kernel(call: Call) -> Plan:
    """Interpolate between the base and the mean."""
    mean = weighted((1 / call.operands,) * call.operands)
    if call.flag("filter_wise"):
        return lambda piece: _between(piece, mean(piece), _by_row(piece))
    t = _place(matrix((yield DELTA_GRAM)))
    if abs(t - 1) < EXACT:
        return mean
    return lambda piece: anchored((piece.origin, mean(piece)), (1 - t, t))


def _place(gram: Matrix) -> float:
    sizes, count = norms(gram), len(gram)
    pairs = list(combinations(range(count), 2))
    found = (gram[i][j] / max(sizes[i] * sizes[j], SMALLEST) for i, j in pairs)
    cosine = fsum(max(-1.0, min(1.0, each)) for each in found) / len(pairs)
    below = 1 + (count - 1) * cosine
    return 0.0 if abs(below) < SMALLEST else count * cosine / below


def _by_row(piece: Piece) -> Tensor:
    """Return t of each row, in float64."""
    deltas = [delta.double() for delta in piece.deltas]
    sizes, count = [delta.norm(dim=1, keepdim=True) for delta in deltas], len(deltas)
    cosine = deltas[0].new_zeros(deltas[0].shape[0], 1)
    for i, j in combinations(range(count), 2):
        dot = (deltas[i] * deltas[j]).sum(1, keepdim=True)
        cosine += (dot / (sizes[i] * sizes[j]).clamp(min=SMALLEST)).clamp(-1, 1)
    cosine /= count * (count - 1) / 2
    below = 1 + (count - 1) * cosine
    nothing = below.abs() < SMALLEST
    return (count * cosine / below.masked_fill(nothing, 1.0)).masked_fill(nothing, 0.0)


def _between(piece: Piece, mean: Tensor, t: Tensor) -> Tensor:
    origin = piece.origin.double()
    return (origin - t * (origin - mean.double())).float()
