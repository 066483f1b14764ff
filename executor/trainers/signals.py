"""Being asked to stop. In: SIGTERM or SIGINT during a training. Out: a flag; after the checkpoint, the signal again."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

STOPPING = (signal.SIGTERM, signal.SIGINT)


@dataclass(slots=True)
class Stop:
    """Which signal asked to stop, if any."""

    signal: int | None = None


@contextmanager
def stop_on_signal() -> Iterator[Stop]:
    """Note the first signal that asks to stop instead of dying of it, and send it again at the end of the block.

    A second one is not held back. Outside the main thread, where Python allows no handlers, nothing is changed.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for number in STOPPING}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def note(number: int, frame: FrameType | None) -> None:
        stop.signal = number
        restore()

    for number in STOPPING:
        signal.signal(number, note)
    try:
        yield stop
    finally:
        restore()
        if stop.signal is not None:
            os.kill(os.getpid(), stop.signal)
