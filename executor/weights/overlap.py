"""What several models have changed of a base, and one alone. In: a piece. Out: changes, and the base with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ladle.executor.weights.kernel import Piece

if TYPE_CHECKING:
    from torch import Tensor


def changes(piece: Piece, epsilon: float) -> tuple[list[Tensor], Tensor]:
    """Return the base's difference from each model, 0 where it is at most `epsilon`, and how many models differ there.

    In float64: a change that is taken away again gives the model itself; of a base of -0.0 one of 0 leaves it.
    """
    origin = piece.origin.double()
    deltas = [origin - model.double() for model in piece.models]
    kept = [delta.masked_fill(delta.abs() <= epsilon, 0.0) for delta in deltas]
    return kept, counted(kept)


def counted(kept: Sequence[Tensor]) -> Tensor:
    """Return how many of the changes are not 0, element by element."""
    found = kept[0].new_zeros(kept[0].shape)
    for each in kept:
        found += each != 0
    return found


def joined(piece: Piece, epsilon: float, factors: Sequence[float]) -> Tensor:
    """Return the base plus what one model alone has changed, times its factor, and the mean of what several have."""
    kept, count = changes(piece, epsilon)
    share, alone = 1 / count.clamp(min=1), count == 1
    found = piece.origin.double()
    for change, factor in zip(kept, factors, strict=True):
        found = found - change * share.masked_fill(alone, factor)
    return found.float()
