"""How far the reading is. In: bytes as they are read. Out: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click
from ladle.executor.backends.display import EVERY_SECONDS, time_left
from ladle.executor.sizes import in_units
from ladle.executor.task import Progress
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


class Meter:
    """Counts bytes for several threads, and says every ten seconds how far they are."""

    def __init__(self, total: int) -> None:
        self.total, self.done = total, 0
        self._lock = threading.Lock()
        self._began = self._said = time.monotonic()

    def add(self, size: int) -> None:
        """Count bytes that were read."""
        with self._lock:
            self.done += size
            self.show()

    def show(self) -> None:
        """Say how far the reading is, if it is some time since that was said."""
        now = time.monotonic()
        if now - self._said >= EVERY_SECONDS:
            self._said = now
            left = time_left(Progress(self.done, self.total, "bytes"), 0, now - self._began)
            click.echo(f"       read {in_units(self.done)} of {in_units(self.total)}{left}", err=True)


class _Bar(Meter):
    def __init__(self, total: int, bar: Bar) -> None:
        super().__init__(total)
        self._bar, self._task = bar, bar.add_task("reading", total=total)

    def show(self) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=self.done)


@contextmanager
def meter(total: int) -> Iterator[Meter]:
    """Show how far reading `total` bytes is, on standard error."""
    if not sys.stderr.isatty():
        yield Meter(total)
        return
    columns = TextColumn("{task.description}"), BarColumn(30), DownloadColumn(), TimeRemainingColumn()
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _Bar(total, bar)
