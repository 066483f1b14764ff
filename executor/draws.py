"""Random choices of rows, without numpy. In: a seed and a purpose. Out: the same choice on every machine."""

from __future__ import annotations

import hashlib
from random import Random


def stream_seed(seed: int, purpose: str) -> int:
    """Return 64 bits derived from SHA-256 of `seed` and `purpose`: a seed for any generator."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{purpose}".encode()).digest()[:8], "big")


def permutation(count: int, seed: int, purpose: str) -> list[int]:
    """Return the numbers 0 to `count - 1` in a random order."""
    order = list(range(count))
    Random(stream_seed(seed, purpose)).shuffle(order)
    return order


def chosen(count: int, size: int, seed: int, purpose: str) -> list[int]:
    """Return `size` of the numbers 0 to `count - 1`, drawn without repetition, in rising order."""
    return sorted(permutation(count, seed, purpose)[:size])
