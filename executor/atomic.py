"""Files that a kill cannot halve. In: a path and bytes. Out: the old bytes there or the new, and refusals in words."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ladle.executor.task import StepError

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL


@contextmanager
def in_words(doing: str) -> Iterator[None]:
    """Turn what the operating system refuses inside into a StepError that says what was being done and what to do."""
    try:
        yield
    except OSError as error:
        raise refusal(doing, error) from error


def refusal(doing: str, error: OSError) -> StepError:
    """Return an operating system's refusal as a problem of the user's."""
    place = f" (`{error.filename}`)" if error.filename else ""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return StepError(
                f"the disk is full while {doing}{place}",
                "free some space (`ladle gc` lists what nothing uses) and run again: nothing finished is lost",
            )
        case errno.EROFS | errno.EACCES | errno.EPERM:
            return StepError(
                f"no permission while {doing}{place}", "make the folder writable for this user and run again"
            )
        case errno.ENOTDIR | errno.EEXIST:
            return StepError(f"a file stands where a folder is needed while {doing}{place}", "choose another place")
        case errno.EXDEV:
            return StepError(
                f"`.ladle` and the artifacts are on different disks: a folder cannot be renamed while {doing}",
                "keep the whole project on one file system",
            )
        case _:
            return StepError(f"{(error.strerror or str(error)).lower()} while {doing}{place}")


def hide(folder: Path) -> None:
    """Make a folder that git does not see: nothing in it is committed by accident."""
    mark = folder / ".gitignore"
    if not mark.exists():
        write_file(mark, b"*\n")


def rewrite(path: Path, content: bytes) -> None:
    """Replace what a file holds. A link stays a link; others may do with the file what they might before."""
    path = path.resolve()
    write_file(path, content, stat.S_IMODE(path.stat().st_mode))


def write_file(path: Path, content: bytes, mode: int | None = None) -> None:
    """Write a file so that `path` holds the old bytes or the new, and the new survive a power cut.

    `mode` is what others may do with it; nobody may do more while it is written. None: what they may with any new file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, _NEW, 0o666 if mode is None else 0o600), "wb") as file:
            file.write(content)
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync(path.parent)


def sync(path: Path) -> None:
    """Make a file's or folder's content durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
