"""How a step ends early. In: SIGTERM, or the death of its parent. Out: a flag for the program; later, the end."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from types import FrameType

STOPPED = 143
"""Exit status of a step that was asked to end."""

GRACE_SECONDS = 5.0
"""How long a program that saves no checkpoint may go on before the process ends regardless."""

_PR_SET_PDEATHSIG = 1


class StopFlag:
    """False until the process is asked to end. `install` makes SIGTERM raise it and start the grace."""

    def __init__(self) -> None:
        self._raised = False

    def __call__(self) -> bool:
        """Say whether the process was asked to end."""
        return self._raised

    def install(self) -> None:
        """Turn SIGTERM into the flag. SIGALRM ends the process when the grace is over."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGALRM, _end)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if not self._raised:
            self._raised = True
            signal.setitimer(signal.ITIMER_REAL, GRACE_SECONDS)


def _end(number: int, frame: FrameType | None) -> None:
    os._exit(STOPPED)


def die_with_parent(parent: int | None = None) -> None:
    """Ask the kernel to send SIGTERM when the parent dies (Linux); elsewhere nothing is done.

    `parent` is its process id where the parent has told it; a parent that died before this call is noticed.
    """
    if sys.platform != "linux":
        return
    before = parent or os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != before:
        os._exit(STOPPED)


def parent_is_gone() -> None:
    """Send this process the SIGTERM that the kernel sends by itself on Linux: a second one would not be held back."""
    if sys.platform != "linux":
        os.kill(os.getpid(), signal.SIGTERM)
