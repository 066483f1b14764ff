"""What a score leaves behind. In: one row per item. Out: `items.jsonl` and `metrics.json`, always the same bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

from ladle.dsl.graph import Json, digest
from ladle.executor.scoring.intervals import wilson
from ladle.executor.task import Given, StepError, Task

DECIMALS = 6
"""Decimals of a log-likelihood: more than batches can disturb is noise, and would only make files differ."""


def on(task: Task) -> Given:
    """Return the rows that a benchmark asks. Raises StepError where the task names none."""
    found = task.all_given("on")
    if len(found) != 1:
        raise StepError(f"a `{task.operator}` benchmark takes one corpus for `on`, not {len(found)}")
    return found[0]


def content(row: Json) -> str:
    """Return the SHA-256 of a row: two scores are of one item exactly where it is equal."""
    return digest(row)


def rounded(value: float) -> float:
    """Return a number as it is written: to `DECIMALS`, and no negative zero."""
    return round(value, DECIMALS) + 0.0


def write_items(folder: Path, items: Iterable[Mapping[str, Json]]) -> None:
    """Write `items.jsonl`, one object a line with sorted keys."""
    lines = (dump(dict(item)) for item in items)
    (folder / "items.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_metrics(folder: Path, metrics: Mapping[str, Json]) -> None:
    """Write `metrics.json`."""
    (folder / "metrics.json").write_text(dump(dict(metrics)) + "\n", encoding="utf-8")


def write_accuracy(folder: Path, items: list[dict[str, Json]]) -> None:
    """Write items that have a `correct` each, and the accuracy with its 95 % interval."""
    right = sum(item["correct"] is True for item in items)
    low, high = wilson(right, len(items))
    write_items(folder, items)
    write_metrics(
        folder,
        {"n": len(items), "accuracy": rounded(right / len(items)), "low": rounded(low), "high": rounded(high)},
    )


def finite(value: float) -> float | None:
    """Return a rounded number, or None for what JSON has no number for."""
    return rounded(value) if math.isfinite(value) else None


def dump(value: Json) -> str:
    """Return one line of JSON with sorted keys."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)
