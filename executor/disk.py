"""Folders that a kill cannot halve, and their room. In: a whole new folder. Out: all of it in place, or nothing."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
from pathlib import Path

from ladle.executor.atomic import hide, in_words, refusal, sync, write_file
from ladle.executor.sizes import in_units
from ladle.executor.task import StepError

__all__ = [
    "exchange", "hide", "in_words", "link_tree", "need_space", "publish", "refusal", "remove", "sync", "sync_tree",
    "tree_bytes", "write_file",
]  # fmt: skip

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def need_space(folder: Path, size: int, who: str = "the result") -> None:
    """Raise StepError where the disk of `folder` has no room for the `size` bytes that `who` needs."""
    free = shutil.disk_usage(folder).free
    if free < size:
        raise StepError(
            f"the disk has {in_units(free)} free, {who} needs about {in_units(size)}",
            "free some space: `ladle gc` lists what nothing uses",
        )


def sync_tree(folder: Path) -> None:
    """Make every file and folder below `folder`, and itself, durable."""
    for parent, _, files in os.walk(folder, topdown=False):
        for name in files:
            sync(Path(parent, name))
        sync(Path(parent))


def publish(new: Path, place: Path, aside: Path) -> None:
    """Put folder `new` at `place` in one rename; what lay there goes to `aside` and is removed after.

    At every moment `place` is the old folder or the new one, whole. `new` must be synced.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(place):
        exchange(new, place, aside)
    else:
        new.rename(place)
    sync(place.parent)
    for left in (new, aside):
        remove(left)


def exchange(new: Path, place: Path, aside: Path) -> None:
    """Swap two folders in one step where the system can (Linux); else move the old one aside first."""
    if not _swap(new, place):
        remove(aside)
        place.rename(aside)
        try:
            new.rename(place)
        except OSError:
            aside.rename(place)
            raise


def _swap(new: Path, place: Path) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        return False
    if libc.renameat2(_AT_FDCWD, os.fsencode(new), _AT_FDCWD, os.fsencode(place), _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EINVAL):
        return False
    raise OSError(number, os.strerror(number), str(place))


def remove(path: Path) -> None:
    """Remove a file or a whole folder, if it is there; a symbolic link itself, never what it points to."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def link_tree(source: Path, target: Path) -> None:
    """Give every file below `source` a second name below `target` (a copy where the disk knows no hard links)."""
    for parent, _, files in os.walk(source):
        folder = target / Path(parent).relative_to(source)
        folder.mkdir(parents=True, exist_ok=True)
        for name in files:
            _link(Path(parent, name), folder / name)


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
            raise
        shutil.copyfile(source, target)


def tree_bytes(folder: Path) -> int:
    """Return the bytes of all files below `folder`."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
