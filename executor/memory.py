"""Memory that ran out. In: an exception of any library. Out: whether that is what it says."""

from __future__ import annotations

_SAID = ("can't allocate memory", "out of memory", "Cannot allocate memory", "bad_alloc")


def starved(error: BaseException) -> bool:
    """Say whether there was not enough memory; torch says so in a RuntimeError, of the machine as of the device."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError | OSError) and any(text in str(error) for text in _SAID)
    )
