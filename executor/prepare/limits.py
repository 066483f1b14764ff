"""Bounds for what a stranger's template may use up. In: seconds and bytes. Out: an exception where it wants more."""

from __future__ import annotations

import resource
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from ladle.executor.prepare.documents import Located
from ladle.executor.prepare.render import TemplateFault
from ladle.executor.task import StepError

SECONDS = 60.0
"""Time for a batch of renderings: thousands of times what a template needs that is one."""

SPARE_BYTES = 2**30
"""Address space that rendering may take beyond what the process has."""


class TooLong(Exception):
    """The time is up."""


@contextmanager
def patience(batch: Sequence[Located]) -> Iterator[None]:
    """Render a batch of rows under limits. Raises StepError that names the rows where they are passed."""
    try:
        with limited():
            yield
    except TemplateFault as fault:
        raise StepError(f"{fault}, between `{batch[0][0]}` and `{batch[-1][0]}`", "take another template") from None
    except (TooLong, MemoryError) as greed:
        what = f"more than {SECONDS:g} seconds" if isinstance(greed, TooLong) else "too much memory"
        raise StepError(
            f"the chat template takes {what} between `{batch[0][0]}` and `{batch[-1][0]}`",
            "give the model another template, or look for rows that are whole books",
        ) from None


@contextmanager
def limited(seconds: float = SECONDS) -> Iterator[None]:
    """Run the body with a limit of time and of memory. Raises TooLong or MemoryError where it wants more.

    Outside the main thread there is no clock to stop Python code, and only memory is bounded.
    """
    with _memory(), _clock(seconds):
        yield


@contextmanager
def _clock(seconds: float) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, _stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _stop(number: int, frame: FrameType | None) -> None:
    raise TooLong


@contextmanager
def _memory() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = _address_space() + SPARE_BYTES
    if wanted == SPARE_BYTES or (soft != resource.RLIM_INFINITY and soft <= wanted):
        yield
        return
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _address_space() -> int:
    """Bytes of address space that this process has; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError):
        return 0
    return pages * resource.getpagesize()
