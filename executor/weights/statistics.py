"""What kernels ask of a whole tensor. In: pieces. Out: inner products, and magnitudes by rank; no torch is loaded."""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Sequence
from math import fsum, inf
from struct import pack, unpack
from typing import TYPE_CHECKING, Final

from ladle.dsl.graph import Json
from ladle.executor.weights.kernel import Ask, Call, Combine, Piece, number
from ladle.executor.weights.together import together

if TYPE_CHECKING:
    from torch import Tensor

_HIGH, _LOW = 1 << 15, 1 << 16
"""How many values the upper half of a magnitude's bits can have (the sign is none of them), and the lower."""


def inner(vectors: Sequence[Tensor]) -> Tensor:
    """Return the inner products of tensors of one shape, a float64 matrix."""
    wide = [vector.reshape(-1).double() for vector in vectors]
    found = wide[0].new_zeros(len(wide), len(wide))
    for i, one in enumerate(wide):
        for j in range(i, len(wide)):
            found[i, j] = found[j, i] = one.dot(wide[j])
    return found


def gram(piece: Piece) -> Tensor:
    """Return the inner products of the operands."""
    return inner(piece.models)


def delta_gram(piece: Piece) -> Tensor:
    """Return the inner products of what the operands add to the base."""
    return inner(piece.deltas)


GRAM: Final = Ask(gram)
DELTA_GRAM: Final = Ask(delta_gram)


def weighted(weights: Sequence[float]) -> Combine:
    """Return the function that adds the operands up, each times its weight.

    One operand with weight 1 beside zeros is that operand, bit for bit. Weights that sum to 1 are taken from the first
    operand on, a + w (b - a): equal operands then give themselves back, bit for bit.
    """
    alone = [place for place, weight in enumerate(weights) if weight != 0]
    if len(alone) == 1 and weights[alone[0]] == 1:
        return lambda piece: piece.models[alone[0]]
    if abs(fsum(weights) - 1) < 1e-12:
        return lambda piece: anchored(piece.models, weights)
    return lambda piece: total(piece.models, weights)


def normalized(call: Call, weights: Sequence[float]) -> tuple[float, ...]:
    """Return weights divided by their sum. Raises ValueError where that is zero."""
    whole = fsum(weights)
    if abs(whole) < 1e-8:
        raise ValueError(f"the weights of the merge sum to zero for `{call.tensor}`, so they cannot be normalised")
    return tuple(weight / whole for weight in weights)


def coefficients(call: Call) -> tuple[float, ...]:
    """Return the coefficient of each operand of model arithmetic: a sum of products `[number, schedule or null]`.

    Raises ValueError unless they sum to 1: only then is a sum of models a model.
    """
    found = tuple(
        fsum(number(one) * (1.0 if two is None else number(two)) for one, two in _pairs(products))
        for products in _listed(call.options["coefficients"])
    )
    if abs(fsum(found) - 1) > 1e-6:
        raise ValueError(
            f"the coefficients of the model arithmetic sum to {fsum(found):g} for `{call.tensor}`, not to 1"
        )
    return found


def _pairs(products: Json) -> list[tuple[Json, Json]]:
    return [(one, two) for one, two in map(_listed, _listed(products))]


def _listed(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise ValueError(f"{value!r} is not a list")
    return value


def anchored(tensors: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Return the first tensor plus what the others add to it, each times its weight; the first weight is not used.

    Of a and b that are equal -0.0, a + w (b - a) is 0.0 where w is positive, and a - w (a - b) is -0.0.
    """
    first = found = tensors[0]
    for tensor, weight in zip(tensors[1:], weights[1:], strict=True):
        found = found.add(tensor - first, alpha=weight) if weight < 0 else found.sub(first - tensor, alpha=weight)
    return found


def total(tensors: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Return the sum of tensors, each times its weight."""
    found = tensors[0] * weights[0]
    for tensor, weight in zip(tensors[1:], weights[1:], strict=True):
        found.add_(tensor, alpha=weight)
    return found


Values = Callable[..., "Tensor"]
"""What of a piece is ranked: a function of a module, of the piece and further arguments."""


def largest(values: Values, args: tuple[Hashable, ...], keep: int) -> Generator[Ask, Tensor, float]:
    """Return the `keep`-th largest magnitude of a whole tensor's values, exactly, from two histograms of their bits.

    `inf` where none are kept; 0 where there are fewer than `keep`. Equal magnitudes stand or fall together: what is
    at least the threshold is kept, which is `keep` values or, where several equal it, more. Ask for several at once
    with `together`.
    """
    if keep <= 0:
        return inf
    place, rest = _place((yield Ask(upper_bits, (values, *args))), keep)
    if place < 0:
        return 0.0
    low, _ = _place((yield Ask(lower_bits, (values, place, *args))), rest)
    return float32(place << 16 | low)


def ranked(values: Values, args: tuple[Hashable, ...], keeps: tuple[int, ...]) -> Generator[Ask, Tensor, list[float]]:
    """Return several thresholds as `largest` does, in the two passes of one."""
    return list((yield from together([largest(values, args, keep) for keep in keeps])))


def below(magnitude: float) -> float:
    """Return the largest float32 that is less than a positive one."""
    return float32(unpack("<I", pack("<f", magnitude))[0] - 1)


def float32(bits: int) -> float:
    """Return the float32 of the given bits."""
    return float(unpack("<f", pack("<I", bits))[0])


def upper_bits(piece: Piece, values: Values, *args: Hashable) -> Tensor:
    """Return how often each upper half of a float32 magnitude's bits occurs."""
    return (magnitude_bits(values(piece, *args)) >> 16).bincount(minlength=_HIGH)


def lower_bits(piece: Piece, values: Values, upper: int, *args: Hashable) -> Tensor:
    """Return how often each lower half of the bits occurs among magnitudes with an upper half of `upper`."""
    return (_having(magnitude_bits(values(piece, *args)), upper) & 0xFFFF).bincount(minlength=_LOW)


def _having(bits: Tensor, upper: int) -> Tensor:
    """Return the bits whose upper half is `upper`; numpy picks them four times as fast as torch on a processor."""
    if bits.device.type != "cpu":
        return bits[bits >> 16 == upper]
    found = bits.numpy()
    return bits.new_tensor(found[found >> 16 == upper])


def magnitude_bits(values: Tensor) -> Tensor:
    """Return the bits of float32 magnitudes as one row of int32: they are ordered as the magnitudes are."""
    flat = values.abs().reshape(-1)
    return flat.view(flat.new_empty(0).int().dtype)


def _place(counts: Tensor, keep: int) -> tuple[int, int]:
    """Return the bin of the `keep`-th largest value, and its rank within the bin; (-1, 0) where there are fewer."""
    up_to = counts.flip(0).cumsum(0)
    skipped = int((up_to < keep).sum())
    if skipped == len(counts):
        return -1, 0
    return len(counts) - 1 - skipped, keep - (int(up_to[skipped - 1]) if skipped else 0)


def by_rank(values: Tensor, low: float, high: float) -> Tensor:
    """Return for each value a number from `low` (the least magnitude of its row) to `high`, even steps of rank apart.

    Of equal magnitudes the later has the higher rank; a row of one value has the middle. Each row is sorted once, its
    bits and places packed into one integer: nothing else is moved, and that is several times faster than by index.
    """
    columns = values.shape[-1]
    if columns == 1:
        return values.new_full(values.shape, (low + high) / 2)
    bits = magnitude_bits(values).view(values.shape).long()
    places = bits.new_ones(columns).cumsum(0) - 1
    keys = _sorted((bits << 32).bitwise_or_(places)).bitwise_and_(0xFFFFFFFF)
    steps = (places.double() * ((high - low) / (columns - 1)) + low).float()
    return values.new_empty(values.shape).scatter_(-1, keys, steps.expand(values.shape))


def _sorted(rows: Tensor) -> Tensor:
    """Return rows of integers sorted; numpy's sort is vectorised, torch's on a processor is not."""
    if rows.device.type != "cpu":
        return rows.sort(dim=-1).values
    rows.numpy().sort(axis=-1)
    return rows
