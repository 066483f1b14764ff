"""The matrix that serves several layers' inputs best. In: readers of Gram matrices and weights. Out: its rows.

In memory are one sum of Gram matrices and its factor, in float64, and as many rows of weights as it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from ladle.executor.weights.stream import cut

Rows = Callable[[int, int], torch.Tensor]
"""Returns rows of a matrix in float64: from a number on, so many."""


def regression(
    grams: Sequence[Rows], weights: Sequence[Rows], shape: tuple[int, ...], factor: float
) -> Iterator[tuple[int, torch.Tensor]] | None:
    """Return W for which the sum of |X_i W^T - X_i W_i^T|^2 is least: rows of it, and the number of the first.

    `weights` have the shape (outputs, inputs), `grams` are X_i^T X_i, off the diagonal times `factor`. W is the mean
    plus the least correction: what no input reaches stays the mean. None where no input reaches anything.
    """
    outputs, inputs = shape
    whole = _sum(grams, inputs, factor)
    return _solved(grams, weights, outputs, whole, factor) if whole.diagonal().any() else None


def _sum(grams: Sequence[Rows], inputs: int, factor: float) -> torch.Tensor:
    whole = torch.zeros(inputs, inputs, dtype=torch.float64)
    for rows in cut((inputs, inputs)):
        for gram in grams:
            whole[rows.first : rows.first + rows.count] += _shrunk(gram, rows.first, rows.count, factor)
    return whole


def _shrunk(gram: Rows, first: int, count: int, factor: float) -> torch.Tensor:
    """Return rows of a Gram matrix, off the diagonal times `factor`."""
    found = gram(first, count)
    own = found.diagonal(first).clone()
    found *= factor
    found.diagonal(first).copy_(own)
    return found


def _solved(
    grams: Sequence[Rows], weights: Sequence[Rows], outputs: int, whole: torch.Tensor, factor: float
) -> Iterator[tuple[int, torch.Tensor]]:
    inputs = len(whole)
    factored, failed = torch.linalg.cholesky_ex(whole)
    if factor < 1 and not failed.item():
        del whole
        for first in range(0, outputs, inputs):
            middle, wanted = _wanted(grams, weights, (first, min(inputs, outputs - first)), inputs, factor)
            yield first, _corrected(middle, torch.cholesky_solve(wanted, factored))
        return
    # Without the guard of a heavier diagonal inputs may be as good as dependent, and only a rank tells.
    del factored
    middle, wanted = _wanted(grams, weights, (0, outputs), inputs, factor)
    tolerance = inputs * torch.finfo(torch.float32).eps
    yield 0, _corrected(middle, torch.linalg.lstsq(whole, wanted, rcond=tolerance, driver="gelsd").solution)


def _wanted(
    grams: Sequence[Rows], weights: Sequence[Rows], of: tuple[int, int], inputs: int, factor: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return some rows of the mean, and the sum of G_i (W_i - mean)^T for these."""
    middle = weights[0](*of)
    for each in weights[1:]:
        middle += each(*of)
    middle /= len(weights)
    wanted = torch.zeros(inputs, of[1], dtype=torch.float64)
    for gram, each in zip(grams, weights, strict=True):
        apart = each(*of).sub_(middle).T
        for rows in cut((inputs, inputs)):
            wanted[rows.first : rows.first + rows.count] += _shrunk(gram, rows.first, rows.count, factor) @ apart
    return middle, wanted


def _corrected(middle: torch.Tensor, correction: torch.Tensor) -> torch.Tensor:
    """Return the mean and what is added to it; where that is nothing the mean keeps the sign of its zeros."""
    return middle.where(correction.T == 0, middle + correction.T)
