"""What removing frees. In: paths that go. Out: for each the bytes that no other name keeps, and what all free together.

Results of one fingerprint are hard links of each other: removing one of several names frees nothing.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

Inode = tuple[int, int]


def freed(paths: Sequence[Path]) -> tuple[int, ...]:
    """Return for each path the bytes that are free once all are removed; what several share is the first one's."""
    names: dict[Inode, int] = {}
    found: dict[Inode, tuple[int, os.stat_result]] = {}
    for place, path in enumerate(paths):
        for status in _files(path):
            inode = status.st_dev, status.st_ino
            names[inode] = names.get(inode, 0) + 1
            found.setdefault(inode, (place, status))
    totals = [0] * len(paths)
    for inode, (place, status) in found.items():
        if names[inode] >= status.st_nlink:
            totals[place] += status.st_size
    return tuple(totals)


def _files(path: Path) -> Iterator[os.stat_result]:
    """Yield what each file of a tree is; a link is its own few bytes, never what it leads to."""
    paths = [path] if not path.is_dir() or path.is_symlink() else path.rglob("*")
    for each in paths:
        status = each.lstat()
        if stat.S_ISREG(status.st_mode):
            yield status
