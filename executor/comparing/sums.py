"""What is summed over tensors to compare models, and the geometry it gives. In: numbers. Out: angles, shares, kinship.

Models, the base and the origin are points; of each two of them the squared distance is known. A distance is summed from
the differences themselves, so that two models that are nearly one are told apart as well as any.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import combinations
from math import asin, degrees, sqrt
from typing import Final

COLLINEAR: Final = 0.9995
"""The cosine above which slerp is a lerp."""

Numbers = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over some tensors; each tuple is by model, or by pair of models in the order of `pairs`."""

    tensors: int
    elements: int
    squares: Numbers
    """Squared norms."""
    totals: Numbers
    """Sums of elements."""
    noise: Numbers
    """Expected square of what storing rounds away: a twelfth of a squared step for each element."""
    apart: Numbers
    """By pair: squared distance."""
    differing: Numbers
    """By pair: elements that are not equal."""
    agreeing: Numbers
    """By pair: elements that both change from the base, to the same side."""
    opposing: Numbers
    """By pair: elements that both change from the base, to different sides."""
    collinear: Numbers
    """By pair: tensors whose cosine is beyond `COLLINEAR`, on either side."""

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.tensors + other.tensors,
            self.elements + other.elements,
            *(_plus(a, b) for a, b in zip(self._numbers, other._numbers, strict=True)),
        )

    @property
    def _numbers(self) -> tuple[Numbers, ...]:
        pairwise = self.apart, self.differing, self.agreeing, self.opposing, self.collinear
        return self.squares, self.totals, self.noise, *pairwise


def _plus(a: Numbers, b: Numbers) -> Numbers:
    return tuple(x + y for x, y in zip(a, b, strict=True))


@cache
def pairs(count: int) -> tuple[tuple[int, int], ...]:
    """Return the places of each two of `count` models."""
    return tuple(combinations(range(count), 2))


@cache
def _place(count: int, a: int, b: int) -> int:
    return pairs(count).index((min(a, b), max(a, b)))


@dataclass(frozen=True, slots=True)
class View:
    """What sums say of models by their places, and of the base, where there is one."""

    sums: Sums
    base: int | None = None

    def norm(self, a: int) -> float:
        """Return a model's norm."""
        return sqrt(self.sums.squares[a])

    def distance(self, a: int, b: int) -> float:
        """Return how far two models are apart."""
        return sqrt(self._square(a, b))

    def angle(self, a: int, b: int) -> float | None:
        """Return the angle between two models in degrees; None where one is zero."""
        return angle(self.sums.squares[a], self.sums.squares[b], self._square(a, b))

    def collinear(self, a: int, b: int) -> int:
        """Return how many tensors are near-collinear."""
        return round(self._of(self.sums.collinear, a, b))

    def differing(self, a: int, b: int) -> float:
        """Return the share of elements that are not equal."""
        return self._of(self.sums.differing, a, b) / self.sums.elements

    def relative(self, length: float, a: int) -> float | None:
        """Return a length as a multiple of a model's norm; None where that is zero."""
        return length / self.norm(a) if self.sums.squares[a] else None

    def rounding(self, a: int, b: int) -> float | None:
        """Return the norm that storing `b` is expected to round away, as a share of its distance from `a`."""
        return sqrt(self.sums.noise[b] / self._square(a, b)) if self._square(a, b) else None

    def cosine(self, a: int, b: int) -> float | None:
        """Return the cosine of two models' changes from the base; None without one, or where one did not change."""
        if self.base is None:
            return None
        return cosine(self._square(a, self.base), self._square(b, self.base), self._square(a, b))

    def pearson(self, a: int, b: int) -> float | None:
        """Return Pearson's correlation of two models' changes from the base."""
        if self.base is None:
            return None
        means = [(self.sums.totals[each] - self.sums.totals[self.base]) / self.sums.elements for each in (a, b)]
        count = self.sums.elements
        sides = (self._square(a, self.base), self._square(b, self.base))
        spread = [square - count * mean * mean for square, mean in zip(sides, means, strict=True)]
        if min(spread) <= 1e-12 * max(*sides, 0.0):
            return None
        shared = (sides[0] + sides[1] - self._square(a, b)) / 2 - count * means[0] * means[1]
        return _within(shared / sqrt(spread[0]) / sqrt(spread[1]))

    def agreement(self, a: int, b: int) -> float | None:
        """Return the share of elements changed to the same side, of those that both models change."""
        same, other = self._of(self.sums.agreeing, a, b), self._of(self.sums.opposing, a, b)
        return same / (same + other) if same + other else None

    def _square(self, a: int, b: int) -> float:
        return self._of(self.sums.apart, a, b)

    def _of(self, values: Numbers, a: int, b: int) -> float:
        return 0.0 if a == b else values[_place(len(self.sums.squares), a, b)]


def angle(a: float, b: float, apart: float) -> float | None:
    """Return the angle in degrees between sides whose squares are `a` and `b`, the third's being `apart`."""
    if not a or not b:
        return None
    one, two = sqrt(a), sqrt(b)
    return degrees(2 * asin(sqrt(min(max((apart - (one - two) ** 2) / (4 * one * two), 0.0), 1.0))))


def cosine(a: float, b: float, apart: float) -> float | None:
    """Return the cosine of that angle."""
    if not a or not b:
        return None
    one, two = sqrt(a), sqrt(b)
    return _within(1 - (apart - (one - two) ** 2) / (2 * one * two))


def collinear(a: float, b: float, apart: float) -> bool:
    """Say whether slerp between two tensors is a lerp. Equal tensors are collinear, a zero one is to no other."""
    found = cosine(a, b, apart)
    return apart == 0 if found is None else abs(found) > COLLINEAR


def _within(value: float) -> float:
    return min(max(value, -1.0), 1.0)
