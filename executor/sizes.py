"""Bytes in words. In: a number of bytes. Out: text with a binary unit."""

from __future__ import annotations


def in_units(size: float) -> str:
    """Return `size` bytes with the unit in which it is easiest to read: `1.4 GiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
