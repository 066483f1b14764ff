"""What a step that runs by itself shows, under `dvc repro` say. In: its progress. Out: a line every ten seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ladle.executor.backends.display import EVERY_SECONDS, counted, shown, time_left
from ladle.executor.console import plain
from ladle.executor.task import Progress


@dataclass(slots=True)
class Lone:
    """Prints where one step stands, when that has not been said for a while."""

    write: Callable[[str], None]
    began: float = field(default_factory=time.monotonic)
    said: float = field(default_factory=time.monotonic)
    first: int | None = None

    def __call__(self, at: Progress) -> None:
        """Take note of progress."""
        now = time.monotonic()
        if self.first is None:
            self.first, self.began = at.done, now
        if now - self.said >= EVERY_SECONDS:
            self.said = now
            self.write(plain(f"{counted(at)}{shown(at)}{time_left(at, self.first, now - self.began)}"))
