"""What a person sees of a run. In: what happens to its steps. Out: plain lines, for a log or a pipe."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from ladle.executor.backends.schedule import Job
from ladle.executor.console import plain
from ladle.executor.sizes import in_units
from ladle.executor.task import Progress

EVERY_SECONDS = 10.0
"""How often a line is printed about a step that goes on."""


class Display(Protocol):
    """Shows a run; every text may come from a stranger and is stripped of control characters."""

    def begin(self, job: Job) -> None:
        """A step starts."""

    def progress(self, job: Job, at: Progress) -> None:
        """A step has come so far."""

    def end(self, job: Job, seconds: float, how: str) -> None:
        """A step is done."""

    def drop(self, job: Job) -> None:
        """A step ended without a result; what to say about it is said."""

    def say(self, text: str) -> None:
        """Show one line that stays."""

    def close(self) -> None:
        """The run is over."""


@dataclass(slots=True)
class _Running:
    began: float
    said: float
    first: int | None = None


@dataclass(slots=True)
class Scored:
    """The scores of one model that are to be made, and those that are."""

    model: str
    wanted: int
    done: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Lines:
    """One line when a step starts and ends, and every ten seconds in between; one for all scores of a model."""

    total: int
    write: Callable[[str], None]
    scores: dict[str, Scored] = field(default_factory=dict)
    """By the fingerprint of the model."""
    done: int = 0
    running: dict[str, _Running] = field(default_factory=dict)

    def begin(self, job: Job) -> None:
        """Print that a step starts."""
        now = time.monotonic()
        self.running[job.key] = _Running(now, now)
        if job.model not in self.scores:
            self.say(f"start  {job.name} ({job.operator})")

    def progress(self, job: Job, at: Progress) -> None:
        """Print how far a step is, if it is some time since that was said."""
        running, now = self.running[job.key], time.monotonic()
        if running.first is None:
            running.first, running.began = at.done, now
        if now - running.said >= EVERY_SECONDS:
            running.said = now
            left = time_left(at, running.first, now - running.began)
            self.say(f"       {job.name}: {counted(at)}{shown(at)}{left}")

    def end(self, job: Job, seconds: float, how: str) -> None:
        """Print that a step is done."""
        self.done += 1
        self.running.pop(job.key, None)
        group = self.scores.get(job.model)
        if group is None:
            self.say(f"done   {job.name} in {duration(seconds)}, {how} ({self.done} of {self.total})")
            return
        group.done, group.seconds = group.done + 1, group.seconds + seconds
        if group.done == group.wanted:
            self._end_scores(group)

    def _end_scores(self, group: Scored) -> None:
        count = f"{group.done}" if group.done == group.wanted else f"{group.done} of {group.wanted}"
        noun = "score" if group.wanted == 1 else "scores"
        said = f"done   {count} {noun} of {group.model} in {duration(group.seconds)}"
        self.say(f"{said} ({self.done} of {self.total})")

    def drop(self, job: Job) -> None:
        """Forget a step."""
        self.running.pop(job.key, None)

    def say(self, text: str) -> None:
        """Print one line."""
        self.write(plain(text))

    def close(self) -> None:
        """Say what was scored of models that are not through."""
        for group in self.scores.values():
            if 0 < group.done < group.wanted:
                self._end_scores(group)


def counted(at: Progress) -> str:
    """Return how far a step is: `steps 3 of 8`, or `1.2 GiB of 4.0 GiB`."""
    if at.unit == "bytes":
        return f"{in_units(at.done)} of {in_units(at.total)}"
    return f"{at.unit} {at.done}" + (f" of {at.total}" if at.total else "")


def shown(at: Progress) -> str:
    """Return loss and speed as they are printed."""
    return "".join(f", {text}" for text in (_detail(name, value) for name, value in at.detail) if text)


def _detail(name: str, value: float) -> str:
    match name:
        case "loss":
            return f"loss {value:.3f}"
        case "tokens_per_s":
            return f"{value:,.0f} tokens/s"
        case "bytes_per_s":
            return f"{in_units(value)}/s"
        case "lr" | "grad_norm":
            return ""
        case _:
            return f"{name} {value:.4g}"


def time_left(at: Progress, first: int, seconds: float) -> str:
    """Return the time a step still needs, going on as it did since its step `first`."""
    if at.done <= first or at.done >= at.total:
        return ""
    return f", {duration(seconds / (at.done - first) * (at.total - at.done))} left"


def duration(seconds: float) -> str:
    """Return seconds as people write them: `4.2 s`, `3 min 5 s`, `2 h 10 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
