"""What happens between steps. In: the trainer's events. Out: progress, when to checkpoint, when to stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import accumulate
from typing import Any

from ladle.executor.task import Machine, Progress
from ladle.executor.trainers.order import Plan
from ladle.executor.trainers.signals import Stop
from transformers import TrainerCallback

OWN = ("loss", "grad_norm", "learning_rate", "epoch", "step", "num_tokens")
"""What the trainer logs at every step; the rest are TRL's metrics, there where a profile asks for them."""


class Watch(TrainerCallback):  # type: ignore[misc]  # transformers has no types
    """Reports each step and asks for checkpoints by time, by step and before stopping."""

    def __init__(self, plan: Plan, last: int, machine: Machine, report: Callable[[Progress], None], stop: Stop) -> None:
        self.last = last
        self.partial = last < plan.steps
        self.machine = machine
        self.report = report
        self.stop = stop
        self.seen = (0, *accumulate(plan.tokens))
        self.first = 0
        self.began = self.saved = time.monotonic()

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the clocks."""
        self.first = state.global_step
        self.began = self.saved = time.monotonic()
        self.report(Progress(state.global_step, self.last, "steps"))

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Decide whether to checkpoint and whether to stop; after the last step of the whole training, neither.

        A state within it leaves a checkpoint: later states and the whole go on from there.
        """
        if state.global_step >= self.last:
            control.should_save = control.should_training_stop = self.partial or control.should_training_stop
            return
        every = self.machine.save_steps
        due = time.monotonic() - self.saved >= self.machine.save_seconds
        asked = self.stop.signal is not None
        control.should_save = due or asked or bool(every and state.global_step % every == 0)
        control.should_training_stop = control.should_training_stop or asked

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the clock of the next checkpoint."""
        self.saved = time.monotonic()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **_: Any) -> None:
        """Report the step just done."""
        if "loss" not in logs:
            return
        tokens = self.seen[state.global_step] - self.seen[self.first]
        speed = tokens / max(time.monotonic() - self.began, 1e-9)
        shown = {"loss": logs["loss"], "lr": logs["learning_rate"], "tokens_per_s": speed}
        measured = {name: value for name, value in logs.items() if name not in OWN}
        detail = tuple({**shown, **measured}.items())
        self.report(Progress(state.global_step, self.last, "steps", detail))
