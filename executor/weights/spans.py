"""Merges that lie in the span of their operands. In: coefficients. Out: what makes their rows; no torch is loaded.

Where a merge has a base, what is merged is the operands' differences from it, and the base is added again.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, isfinite, sqrt
from typing import TYPE_CHECKING, Final

from ladle.executor.weights.kernel import Ask, Combine, Piece
from ladle.executor.weights.statistics import anchored, inner, weighted

if TYPE_CHECKING:
    from torch import Tensor

Matrix = tuple[tuple[float, ...], ...]
"""The inner products of vectors."""
EXACT: Final = 1e-12
"""What coefficients in float64 may be off."""
LARGEST: Final = 1e30
"""A coefficient beyond it, of a tensor that is tiny beside another, is no float32."""


def vectors(piece: Piece) -> tuple[Tensor, ...]:
    """Return what is merged: the operands, or where there is a base what each adds to it."""
    return piece.models if piece.base is None else piece.deltas


def products(piece: Piece) -> Tensor:
    """Return the inner products of what is merged."""
    return inner(vectors(piece))


PRODUCTS: Final = Ask(products)


def matrix(found: Tensor) -> Matrix:
    """Return inner products as plain numbers, 0 for what is none: a parent with NaN is named where rows are written."""
    return tuple(tuple(value if isfinite(value) else 0.0 for value in row) for row in found.tolist())


def norms(gram: Matrix) -> tuple[float, ...]:
    """Return the norm of each vector."""
    return tuple(sqrt(gram[place][place]) for place in range(len(gram)))


def length(coefficients: Sequence[float], gram: Matrix) -> float:
    """Return the norm of a sum of vectors, each times its coefficient."""
    return sqrt(max(0.0, fsum(one * dot for one, dot in zip(coefficients, dots(coefficients, gram), strict=True))))


def dots(coefficients: Sequence[float], gram: Matrix) -> tuple[float, ...]:
    """Return the inner product of each vector with a sum of all, each times its coefficient."""
    return tuple(fsum(one * each for one, each in zip(coefficients, row, strict=True)) for row in gram)


def spanned(coefficients: Sequence[float]) -> Combine:
    """Return the function that adds up what is merged, each times its coefficient, and the base where there is one.

    A base drops out where coefficients sum to 1, so that one operand alone, or equal ones, come out bit for bit.
    """
    settled = [float(round(each)) if abs(each - round(each)) < EXACT else each for each in coefficients]
    if max(map(abs, settled)) > LARGEST:
        return lambda piece: _wide(piece, settled)
    plain = weighted(settled)
    if abs(fsum(settled) - 1) < EXACT:
        return plain
    return lambda piece: plain(piece) if piece.base is None else anchored((piece.base, *piece.models), (0.0, *settled))


def _wide(piece: Piece, coefficients: Sequence[float]) -> Tensor:
    terms = [one.double() * each for one, each in zip(vectors(piece), coefficients, strict=True)]
    origin = terms[0].new_zeros(()) if piece.base is None else piece.base.double()
    return sum(terms, start=origin).float()
