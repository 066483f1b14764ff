"""Merges over what models add to a base. In: a call, what is kept of each difference. Out: plans; no torch is loaded.

With d_i = operand i - base, m_i the mask of what is kept of d_i, w_i the weights and s_i = 1, or with `rescale`
s_i = |d_i|_1 / |m_i d_i|_1 over the whole tensor (1 where either is below 1e-7, as in mergekit):

    without election   result = base + lambda (sum of w_i s_i m_i d_i) / N        N = sum of w_i
    with election      result = base + lambda (sum over E of w_i s_i m_i d_i) / N   N = sum of w_i over E

where N is 1 without `normalize`, and E are, element by element, the operands whose w_i s_i m_i d_i has the sign of the
sum of all of them (positive where that sum is 0). Where N is 0 it counts as 1, as in mergekit.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Sequence
from math import fsum, inf
from typing import TYPE_CHECKING, Final

from ladle.dsl.frozen import frozen
from ladle.executor.density import no_chance, too_many
from ladle.executor.task import StepError
from ladle.executor.weights.kernel import Ask, Call, Combine, Piece, Plan
from ladle.executor.weights.statistics import below, by_rank, largest, total
from ladle.executor.weights.together import together

if TYPE_CHECKING:
    from torch import Tensor

SMALL_NORM: Final = 1e-7
"""A difference, or what is kept of it, with a smaller sum of magnitudes is not rescaled, as in mergekit."""
SMALL_SUM: Final = 1e-8
"""Weights with a sum of a smaller magnitude do not divide, as in mergekit."""


@frozen
class Kept:
    """What is kept of an operand's difference: `of(piece, operand, *args)` has it, and zeros where it is dropped."""

    of: Callable[..., Tensor]
    args: tuple[Hashable, ...] = ()

    def rows(self, piece: Piece, operand: int) -> Tensor:
        """Return what is kept in a piece, a tensor of its own where anything is dropped."""
        return self.of(piece, operand, *self.args)


def difference(piece: Piece, operand: int) -> Tensor:
    """Return what an operand adds to the base."""
    return piece.deltas[operand]


WHOLE: Final = Kept(difference)


# --- what is kept ---------------------------------------------------------------------------------------------------


def by_magnitude(call: Call) -> Generator[Ask, Tensor, tuple[Kept, ...]]:
    """Keep the largest magnitudes: the share `density`, at least one, and what equals the least of them."""
    kept = [WHOLE] * call.operands
    asked = [(place, share) for place, share in enumerate(call.each("density")) if share < 1]
    ranks = [max(1, int(share * call.elements)) for _, share in asked]
    found = yield from together([largest(difference, (at,), rank) for (at, _), rank in zip(asked, ranks, strict=True)])
    for (place, _), least in zip(asked, found, strict=True):
        kept[place] = Kept(at_least, (least,)) if least > 0 else WHOLE
    return tuple(kept)


def without_outliers(call: Call) -> Generator[Ask, Tensor, tuple[Kept, ...]]:
    """Keep the share `density` of magnitudes that comes after the largest, of which the share `gamma` is dropped.

    What equals the largest or the least magnitude that is kept is kept. A density of 1 keeps all.
    """
    kept, asked, plans = [WHOLE] * call.operands, [], []
    for place, (share, gamma) in enumerate(zip(call.each("density"), call.each("gamma"), strict=True)):
        if share < 1:
            count, outliers = int(share * call.elements), int(gamma * call.elements)
            _refuse(too_many(share, gamma), call)
            asked.append(place)
            plans.append(largest(difference, (place,), outliers + 1))
            plans.append(largest(difference, (place,), outliers + count if count else 0))
    found = yield from together(plans)
    for place, most, least in zip(asked, found[::2], found[1::2], strict=True):
        kept[place] = Kept(between, (least, most))
    return tuple(kept)


def at_random(call: Call) -> tuple[Kept, ...]:
    """Keep each element with probability `density`."""
    return tuple(Kept(drawn, (call.seed, share)) if share < 1 else WHOLE for share in call.each("density"))


def at_random_by_rank(call: Call) -> tuple[Kept, ...]:
    """Keep each element with a probability that rises with its magnitude's rank in its row, on average `density`."""
    kept = []
    for share, epsilon in zip(call.each("density"), call.each("epsilon"), strict=True):
        _refuse(no_chance(share, epsilon), call)
        kept.append(Kept(ranked, (call.seed, share, epsilon)) if share < 1 else WHOLE)
    return tuple(kept)


def _refuse(why: str, call: Call) -> None:
    if why:
        raise StepError(f"{why}, for `{call.tensor}`", "change a value of the schedules that meet there")


def at_least(piece: Piece, operand: int, least: float) -> Tensor:
    """Return the difference where its magnitude is at least `least`, a positive float32."""
    return piece.deltas[operand].hardshrink(below(least))


def between(piece: Piece, operand: int, least: float, most: float) -> Tensor:
    """Return the difference where its magnitude lies from `least` to `most`. What is no number stays none."""
    delta = piece.deltas[operand]
    if least == inf:
        return delta * 0
    kept = delta.hardshrink(below(least)) if least > 0 else delta
    return kept - delta.hardshrink(most)


def drawn(piece: Piece, operand: int, seed: int, share: float) -> Tensor:
    """Return the difference times a random mask."""
    return piece.draws.mask(seed, operand, share).mul_(piece.deltas[operand])


def ranked(piece: Piece, operand: int, seed: int, share: float, epsilon: float) -> Tensor:
    """Return the difference times a random mask that prefers large magnitudes."""
    delta = piece.deltas[operand]
    chances = by_rank(delta, share - epsilon, share + epsilon)
    return piece.draws.uniform(seed, operand).lt_(chances).mul_(delta)


# --- how it is added up -----------------------------------------------------------------------------------------------


def added(call: Call, kept: Sequence[Kept], *, elect: bool = False, rescale: bool = False) -> Plan:
    """Add what is kept to the base, as the call's weights, `normalize` and `lambda` say.

    Raises StepError for weights that are normalised and sum to zero.
    """
    weights, normalize = call.each("weights"), call.flag("normalize")
    if normalize and abs(fsum(weights)) < SMALL_SUM:
        raise StepError(
            f"the weights of the merge sum to zero for `{call.tensor}`, so they cannot be normalised",
            "change a weight, or set normalize = false",
        )
    shares = list(weights)
    if rescale and any(each != WHOLE for each in kept):
        sums = (yield Ask(magnitudes, tuple(kept))).tolist()
        shares = [weight * _scale(*norms) for weight, norms in zip(weights, sums, strict=True)]
    factor = call.number("lambda")
    if elect and call.operands > 1:
        return _elected(kept, shares, weights if normalize else (), factor)
    return _summed(kept, [share * factor / (fsum(weights) if normalize else 1) for share in shares])


def magnitudes(piece: Piece, *kept: Kept) -> Tensor:
    """Return the sum of magnitudes of each difference, and of what is kept of it: float64, shape (operands, 2)."""
    found = piece.origin.new_empty(0).double().new_empty(len(kept), 2)
    for operand, each in enumerate(kept):
        found[operand, 0] = found[operand, 1] = piece.deltas[operand].abs().sum(dtype=found.dtype)
        if each != WHOLE:
            found[operand, 1] = each.rows(piece, operand).abs_().sum(dtype=found.dtype)
    return found


def _scale(before: float, after: float) -> float:
    return before / after if min(before, after) >= SMALL_NORM else 1.0


def _summed(kept: Sequence[Kept], factors: Sequence[float]) -> Combine:
    """Return the function that adds all that is kept, each times its factor; the whole of one model is that model."""
    if tuple(kept) == (WHOLE,) and factors[0] == 1:
        return lambda piece: piece.models[0]
    return lambda piece: piece.origin.sub(_taken([each.rows(piece, i) for i, each in enumerate(kept)], factors))


def _taken(rows: Sequence[Tensor], factors: Sequence[float]) -> Tensor:
    """Return 0 less each of the rows times its factor: 0.0 and never -0.0, so that a base of -0.0 less it stays."""
    found = rows[0].new_zeros(()).sub(rows[0], alpha=factors[0])
    for each, factor in zip(rows[1:], factors[1:], strict=True):
        found.sub_(each, alpha=factor)
    return found


def _elected(kept: Sequence[Kept], shares: Sequence[float], divisors: Sequence[float], factor: float) -> Combine:
    """Return the function that adds what has the elected sign, divided by the sum of its `divisors`, if any."""

    def combine(piece: Piece) -> Tensor:
        rows = [_weighed(each, piece, i, share) for i, (each, share) in enumerate(zip(kept, shares, strict=True))]
        sign = _sum(rows[0] + rows[1], rows[2:]).ge_(0).mul_(2).sub_(1)
        for row in rows:
            row.mul_(sign).clamp_min_(0)
        divisor = total([row.sign() for row in rows], divisors) if divisors else None
        found = _sum(rows[0], rows[1:])
        if divisor is not None:
            found.div_(_divisor(divisor, min(divisors)))
        # 0 -/+ what is added, as in `_taken`: a base of -0.0 to which nothing is added stays.
        turned = found.new_zeros(()).addcmul(found, sign, value=1 if factor < 0 else -1)
        return piece.origin.add(turned, alpha=-abs(factor))

    return combine


def _weighed(kept: Kept, piece: Piece, operand: int, share: float) -> Tensor:
    """Return what is kept times a weight, a tensor of its own."""
    rows = kept.rows(piece, operand)
    if kept == WHOLE:
        return rows * share
    return rows if share == 1 else rows.mul_(share)


def _sum(first: Tensor, others: Sequence[Tensor]) -> Tensor:
    """Add others to the first, in place."""
    for each in others:
        first.add_(each)
    return first


def _divisor(sums: Tensor, least: float) -> Tensor:
    """Return sums of weights, of which `least` is the smallest, with 1 where they are zero."""
    if least > 0:
        return sums.clamp_min_(least)
    return sums.add_(sums.abs().lt_(SMALL_SUM))
