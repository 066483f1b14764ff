"""How far a measured number can be trusted. In: counts or paired sums. Out: 95 % intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

Z95: Final = 1.959963984540054
"""The 97.5 % point of the normal distribution."""


def wilson(correct: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a proportion (Wilson 1927): inside [0, 1], and honest at 0 and at n.

    Raises ValueError for n = 0: nothing was measured.
    """
    if n == 0:
        raise ValueError("a proportion of nothing has no interval")
    p = correct / n
    middle = (p + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * math.sqrt(p * (1 - p) / n + Z95**2 / (4 * n**2))
    # At the ends the formula is exact and only its arithmetic is not.
    low = 0.0 if correct == 0 else max(0.0, middle - half)
    high = 1.0 if correct == n else min(1.0, middle + half)
    return low, high


def ratio(sums: Sequence[float], counts: Sequence[int]) -> tuple[float, float, float]:
    """Return sum(sums) / sum(counts) with its 95 % interval over documents (linearised ratio estimator).

    The interval of one document is (-inf, inf): one says nothing of how documents vary. Raises ValueError for no count.
    """
    n, total = len(counts), sum(counts)
    if total == 0:
        raise ValueError("a mean of nothing has no interval")
    mean = math.fsum(sums) / total
    if n < 2:
        return mean, -math.inf, math.inf
    squares = math.fsum((s - mean * c) ** 2 for s, c in zip(sums, counts, strict=True))
    half = Z95 * math.sqrt(squares / (n * (n - 1))) / (total / n)
    return mean, mean - half, mean + half
