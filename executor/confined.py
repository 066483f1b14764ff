"""Runs one program as a process that can do little: `python -I -m ladle.executor.confined`. In: an order, as JSON.

For files that nobody vouches for and that only a large library can read. Before the program is loaded the process gives
up network and privileges, and dies with its parent; before the program runs, memory, time, what it may write and what
Python may do are bounded. It is still a process of this user: it can read what the user can. Only the standard library
is imported here.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

_NEW_USER: Final = 0x10000000
_NEW_NET: Final = 0x40000000
_PARENT_DIES: Final = 1
_NO_NEW_PRIVILEGES: Final = 38
_LAST_SECONDS: Final = 5
"""Between the signal that names the limit of time, and the kill."""
_FORBIDDEN: Final = (
    "os.",
    "subprocess.",
    "socket.",
    "pty.",
    "shutil.",
    "ctypes.",
    "webbrowser.",
    "ftplib.",
    "smtplib.",
)
"""Beginnings of the names of Python's audit events for what a reader of tensors never does."""
_HARMLESS: Final = ("os.listdir", "os.scandir", "os.walk", "os.fwalk", "os.getxattr", "os.listxattr")


class Forbidden(PermissionError):
    """Something tried what a confined process may not do; the message names it."""


def main(text: str) -> None:
    """Do an order and print what the program returns, as JSON."""
    order = json.loads(text)
    isolated = leave_network()
    die_with(int(order["parent"]))
    bound(resource.RLIMIT_CORE, 0)
    program: Callable[[object], dict[str, object]] = importlib.import_module(order["program"]).run
    bound(resource.RLIMIT_AS, _taken() + int(order["memory"]))
    bound(resource.RLIMIT_CPU, int(order["seconds"]), _LAST_SECONDS)
    bound(resource.RLIMIT_FSIZE, int(order["written"]))
    bound(resource.RLIMIT_NPROC, 0)
    sys.addaudithook(refuse)
    print(json.dumps({"isolated": isolated} | program(order["order"])))


def leave_network() -> bool:
    """Move to a network of its own, in which there is nothing; say whether the system lets this process do that."""
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None, use_errno=True)
    return any(library.unshare(flags) == 0 for flags in (_NEW_NET, _NEW_USER | _NEW_NET))


def die_with(parent: int) -> None:
    """Have the kernel kill this process with its parent, and let it gain no privilege (Linux)."""
    if sys.platform == "linux":  # after a change of the user namespace, which would undo it
        library = ctypes.CDLL(None, use_errno=True)
        library.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        library.prctl(_PARENT_DIES, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)


def bound(kind: int, most: int, spare: int = 0) -> None:
    """Lower a limit of this process for good, the hard one with `spare` more; one that is lower already stays."""
    hard = resource.getrlimit(kind)[1]
    last = most + spare if hard == resource.RLIM_INFINITY else min(most + spare, hard)
    resource.setrlimit(kind, (min(most, last), last))


def refuse(event: str, arguments: tuple[object, ...]) -> None:
    """Raise Forbidden for what is no reading, nor writing below the working folder."""
    if event.startswith(_FORBIDDEN) and event not in _HARMLESS:
        raise Forbidden(event)
    if event == "open" and _writes(arguments) and not _here(arguments[0]):
        raise Forbidden(f"writing `{arguments[0]!r}`")


def _writes(arguments: tuple[object, ...]) -> bool:
    flags = arguments[2] if len(arguments) > 2 else 0
    return not isinstance(flags, int) or bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))


def _here(path: object) -> bool:
    return isinstance(path, str) and path == os.path.basename(path) and not os.path.islink(path)  # noqa: PTH119, PTH114


def _taken() -> int:
    """Address space in bytes that the libraries take already."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return 1 << 36


if __name__ == "__main__":
    main(sys.argv[1])
