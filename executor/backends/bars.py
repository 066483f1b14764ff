"""What a person at a terminal sees of a run. In: what happens to its steps. Out: bars."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ladle.executor.backends.display import counted, duration, shown, time_left
from ladle.executor.backends.schedule import Job
from ladle.executor.console import plain
from ladle.executor.task import Progress
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bar


def _bar(console: Console) -> Bar:
    columns = TextColumn("{task.description}"), BarColumn(30), TextColumn("{task.fields[detail]}")
    return Bar(*columns, console=console, transient=True)


@dataclass(slots=True)
class Bars:
    """A bar for every running step, with loss, speed and time left, and one for the whole run."""

    total: int
    console: Console
    done: int = 0
    bar: Bar = field(init=False)
    whole: TaskID = field(init=False)
    tasks: dict[str, TaskID] = field(default_factory=dict)
    first: dict[str, tuple[int, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bar = _bar(self.console)
        self.whole = self.bar.add_task("[bold]all steps", total=self.total, detail=f"0 of {self.total}")
        self.bar.start()

    def begin(self, job: Job) -> None:
        """Show a bar for a step."""
        name = f"{escape(plain(job.name))} [dim]{escape(plain(job.operator))}"
        self.tasks[job.key] = self.bar.add_task(name, total=None, detail="")

    def progress(self, job: Job, at: Progress) -> None:
        """Move the bar of a step."""
        first, began = self.first.setdefault(job.key, (at.done, time.monotonic()))
        left = time_left(at, first, time.monotonic() - began)
        detail = escape(plain(f"{counted(at)}{shown(at)}{left}"))
        self.bar.update(self.tasks[job.key], completed=at.done, total=at.total or None, detail=detail)

    def end(self, job: Job, seconds: float, how: str) -> None:
        """Take the bar of a step away and leave a line."""
        self.drop(job)
        self.done += 1
        self.bar.update(self.whole, completed=self.done, detail=f"{self.done} of {self.total}")
        self.say(f"{job.name}: {how} in {duration(seconds)}")

    def drop(self, job: Job) -> None:
        """Take the bar of a step away."""
        self.bar.remove_task(self.tasks.pop(job.key))
        self.first.pop(job.key, None)

    def say(self, text: str) -> None:
        """Print a line above the bars."""
        self.bar.console.print(escape(plain(text)), highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Take all bars away."""
        self.bar.stop()
