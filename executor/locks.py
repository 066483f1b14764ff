"""Who holds what. In: a lock file's path. Out: the lock, held by one process at a time and freed by its death."""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from ladle.executor.task import StepError

_POLL_SECONDS = 0.1
SPEAKS_FOR = "LADLE_SPEAKS_FOR"
"""Environment variable of a worker: the signature of its run, which is what a person started and may stop."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds a lock: `since` is local time, to the second."""

    pid: int
    command: str
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} (`{self.command}`, since {self.since})"


Waiting = Callable[[Holder], None]
"""Called whenever a lock is found held; raises to give up, returns to wait on."""


def refuse_beside_a_run(holder: Holder) -> None:
    """Give up waiting, as what changes artifacts does while a run makes them. Raises StepError, always."""
    raise StepError(f"a run is going on: {holder}", "wait until it is done")


@contextmanager
def hold(path: Path, waiting: Waiting) -> Iterator[int]:
    """Hold the lock `path`. While another process has it, `waiting` is called about ten times a second.

    Gives a file handle: a child that inherits it holds the lock too, until both have ended.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = _acquire(path, waiting)
    try:
        yield handle
    finally:
        os.close(handle)


def is_held(path: Path) -> bool:
    """Say whether a process holds a lock now; nothing is made or waited for."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _acquire(path: Path, waiting: Waiting) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(handle)
            os.close(handle)
            waiting(holder)
            time.sleep(_POLL_SECONDS)
            continue
        if _is_at(handle, path):
            _sign(handle)
            return handle
        os.close(handle)  # `gc` removed the file between opening and locking: whoever comes next makes another


def _is_at(handle: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(handle)
    return (there.st_ino, there.st_dev) == (mine.st_ino, mine.st_dev)


def _sign(handle: int) -> None:
    try:
        pid, command = json.loads(os.environ[SPEAKS_FOR])
    except (KeyError, ValueError, TypeError):
        pid, command = signature()
    me = Holder(int(pid), str(command), time.strftime("%Y-%m-%d %H:%M:%S"))
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps(asdict(me)).encode(), 0)


def signature() -> tuple[int, str]:
    """Return this process and its command, as they are told to whoever waits for it."""
    return os.getpid(), " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:200]


def _holder(handle: int) -> Holder:
    try:
        found = json.loads(os.pread(handle, 4096, 0))
        return Holder(int(found["pid"]), str(found["command"]), str(found["since"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return Holder(0, "just starting", "now")
