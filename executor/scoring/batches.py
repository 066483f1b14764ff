"""Cuts sequences into batches. In: lengths. Out: indices, which depend on nothing but the lengths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

TOKENS: Final = 4096
"""Tokens of a batch, padding included: it bounds memory and keeps one thread busy."""


def batches(lengths: Sequence[int], tokens: int = TOKENS) -> tuple[tuple[int, ...], ...]:
    """Return every index once, sorted by length and then place, in batches of at most `tokens` padded tokens.

    A sequence longer than `tokens` is a batch of its own.
    """
    result: list[tuple[int, ...]] = []
    current: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        if current and lengths[index] * (len(current) + 1) > tokens:
            result.append(tuple(current))
            current = []
        current.append(index)
    return (*result, tuple(current)) if current else tuple(result)
