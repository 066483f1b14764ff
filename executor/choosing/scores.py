"""The scores that a choice is made by. In: a task's scores. Out: one number each; and the choice, written."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from ladle.dsl.frozen import frozen
from ladle.dsl.graph import Json
from ladle.executor.task import Given, StepError, Task, operands

CHOICE = "choice.json"
"""What a choice writes beside the model: metric, scores and the members taken, by their places and fingerprints."""


@frozen
class Candidate:
    """One model of a choice: its place among the operands and its score."""

    place: int
    model: Given
    metric: str
    value: float

    @property
    def merit(self) -> float:
        """The score so that more is better."""
        return merit(self.metric, self.value)


def merit(metric: str, value: float) -> float:
    """Return a score so that more is better: a loss is less, an accuracy more."""
    return -value if metric == "loss" else value


def candidates(task: Task) -> tuple[Candidate, ...]:
    """Return the models of a choice with their scores, in order. Raises StepError where they do not fit each other."""
    found = []
    for place, model in enumerate(operands(task.inputs)):
        score = task.given(f"score:{place}")
        metric, value = headline(score.path)
        found.append(Candidate(place, model, metric, value))
    if len({each.metric for each in found}) != 1:
        raise StepError("the scores of this choice are not of one kind of benchmark", "score the models again")
    return tuple(found)


def headline(folder: Path | None) -> tuple[str, float]:
    """Return metric and value of a score. Raises StepError where it cannot be read."""
    try:
        metrics = json.loads(((folder or Path()) / "metrics.json").read_text(encoding="utf-8"))
        metric = "accuracy" if "accuracy" in metrics else "loss"
        value = float(metrics[metric])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise StepError(f"a score of this choice cannot be read: {error}", "make it again") from None
    if not math.isfinite(value):
        raise StepError("a score of this choice is no number", "score the models again")
    return metric, value


def write_choice(
    folder: Path, found: Sequence[Candidate], taken: Sequence[int], more: Mapping[str, Json] | None = None
) -> None:
    """Write `choice.json`: which members were taken, and every score that decided. Names have no part in it."""
    members: list[Json] = [{"fingerprint": each.model.fingerprint, "score": each.value} for each in found]
    value: dict[str, Json] = {
        "schema": 1,
        "metric": found[0].metric,
        "members": members,
        "taken": list[Json](taken),
        **(more or {}),
    }
    (folder / CHOICE).write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")
