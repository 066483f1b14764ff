"""Compares models item by item. In: which items each answered right. Out: differences with intervals, exact tests.

Nothing is drawn at random, so a report has the same bytes every time. All intervals are for 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ladle.executor.scoring.intervals import wilson


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with the ends of its interval."""

    value: float
    low: float
    high: float

    @property
    def above_zero(self) -> bool:
        """Whether the whole interval lies above zero."""
        return self.low > 0

    @property
    def below_zero(self) -> bool:
        """Whether the whole interval lies below zero."""
        return self.high < 0

    def over(self, divisor: float) -> Interval:
        """Return the interval in units of `divisor`, which is taken as known."""
        return Interval(self.value / divisor, self.low / divisor, self.high / divisor)


@dataclass(frozen=True, slots=True)
class Pairs:
    """How two models answered the same items: counts of both right, only the first, only the second, neither."""

    both: int
    first: int
    second: int
    neither: int

    @property
    def n(self) -> int:
        """The number of items."""
        return self.both + self.first + self.second + self.neither


def pairs(first: Sequence[bool], second: Sequence[bool]) -> Pairs:
    """Count agreements of two models over the same items in the same order."""
    both = list(zip(first, second, strict=True))
    return Pairs(
        both.count((True, True)), both.count((True, False)), both.count((False, True)), both.count((False, False))
    )


def proportion(correct: Sequence[bool]) -> Interval:
    """Return the share of right answers with its Wilson interval."""
    low, high = wilson(sum(correct), len(correct))
    return Interval(sum(correct) / len(correct), low, high)


def difference(table: Pairs) -> Interval:
    """Return the first model's accuracy minus the second's, over the same items.

    Newcombe 1998 (Statistics in Medicine 17:2635), method 10: the Wilson intervals of both, combined with the
    correlation of their answers, whose numerator has a continuity correction where it is positive.
    """
    n = table.n
    x, y = table.both + table.first, table.both + table.second
    (low_x, high_x), (low_y, high_y) = wilson(x, n), wilson(y, n)
    p, q = x / n, y / n
    correlation = _correlation(table, x, y)

    def half(a: float, b: float) -> float:
        return math.sqrt(max(0.0, a * a - 2 * correlation * a * b + b * b))

    return Interval(p - q, p - q - half(p - low_x, high_y - q), p - q + half(high_x - p, q - low_y))


def _correlation(table: Pairs, x: int, y: int) -> float:
    n = table.n
    margins = x * (n - x) * y * (n - y)
    if margins == 0:
        return 0.0
    agreement = float(table.both * table.neither - table.first * table.second)
    if agreement > 0:
        agreement = max(agreement - n / 2, 0.0)
    return agreement / math.sqrt(margins)


def mcnemar(table: Pairs) -> float:
    """Return the two-sided exact p of McNemar's test: the items on which the two differ are as a fair coin."""
    n, k = table.first + table.second, min(table.first, table.second)
    tail = sum(math.comb(n, i) for i in range(k + 1))
    return min(1.0, float(2 * tail / 2**n))


def holm(ps: Sequence[float]) -> list[float]:
    """Return p values adjusted for their number (Holm 1979), in the order given."""
    adjusted = [0.0] * len(ps)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[index]))
        adjusted[index] = highest
    return adjusted


def mean(parts: Sequence[Interval]) -> Interval:
    """Return the mean of independent estimates, each counting the same.

    Its interval is recovered from theirs (Zou and Donner 2008), so it has their asymmetry and stays in their range.
    """
    k = len(parts)
    value = math.fsum(part.value for part in parts) / k
    down = math.sqrt(math.fsum((part.value - part.low) ** 2 for part in parts)) / k
    up = math.sqrt(math.fsum((part.high - part.value) ** 2 for part in parts)) / k
    return Interval(value, value - down, value + up)
