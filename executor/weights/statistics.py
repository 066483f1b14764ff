"""What kernels ask of a whole tensor. In: pieces. Out: inner products, and magnitudes by rank; no torch is loaded."""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from math import fsum, inf
from struct import pack, unpack
from typing import TYPE_CHECKING, Final

from ladle.dsl.graph import Json
from ladle.executor.weights.kernel import Ask, Call, Combine, Piece, number

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
        return lambda piece: _anchored(piece.models, weights)
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


def _anchored(tensors: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Return the sum of tensors, each times its weight, for weights that sum to 1."""
    found = tensors[0]
    for tensor, weight in zip(tensors[1:], weights[1:], strict=True):
        found = found.add(tensor - tensors[0], alpha=weight)
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

    `inf` where none are kept; 0 where there are no more than `keep`. Equal magnitudes stand or fall together: what is
    at least the threshold is kept, which is `keep` values or, where several equal it, more.
    """
    return (yield from ranked(values, args, (keep,)))[0]


def ranked(values: Values, args: tuple[Hashable, ...], keeps: tuple[int, ...]) -> Generator[Ask, Tensor, list[float]]:
    """Return several thresholds as `largest` does, in the two passes of one."""
    if max(keeps) <= 0:
        return [inf] * len(keeps)
    upper = (yield Ask(upper_bits, (values, *args))).tolist()
    found = [_place(upper, keep) if keep > 0 else (_HIGH, 0) for keep in keeps]
    places = tuple(sorted({place for place, _ in found if 0 <= place < _HIGH}))
    lower = dict(zip(places, (yield Ask(lower_bits, (values, places, *args))).tolist(), strict=True)) if places else {}
    return [_magnitude(place, rest, lower) for place, rest in found]


def _magnitude(place: int, rest: int, lower: Mapping[int, Sequence[int]]) -> float:
    if place not in lower:
        return inf if place == _HIGH else 0.0
    low, _ = _place(lower[place], rest)
    return float(unpack("<f", pack("<I", place << 16 | low))[0])


def upper_bits(piece: Piece, values: Values, *args: Hashable) -> Tensor:
    """Return how often each upper half of a float32 magnitude's bits occurs."""
    return (_halves(values(piece, *args))[1] & 0x7FFF).bincount(minlength=_HIGH)


def lower_bits(piece: Piece, values: Values, uppers: tuple[int, ...], *args: Hashable) -> Tensor:
    """Return how often each lower half of the bits occurs among magnitudes with each upper half of `uppers`."""
    low, high = _halves(values(piece, *args))
    high = high & 0x7FFF
    found = low.new_zeros(len(uppers), _LOW).long()
    for place, upper in enumerate(uppers):
        found[place] = (low[high == upper].int() & 0xFFFF).bincount(minlength=_LOW)
    return found


def _halves(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the lower and the upper 16 bits of float32 values, on a machine whose first byte is the lowest."""
    flat = values.contiguous().reshape(-1)
    bits = flat.view(flat.new_empty(0).short().dtype)
    return bits[0::2], bits[1::2]


def _place(counts: Sequence[int], keep: int) -> tuple[int, int]:
    """Return the bin of the `keep`-th largest value, and its rank within the bin; (-1, 0) where there are fewer."""
    for place in range(len(counts) - 1, -1, -1):
        if counts[place] >= keep:
            return place, keep
        keep -= counts[place]
    return -1, 0
