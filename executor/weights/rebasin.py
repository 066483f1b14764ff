"""Brings a model's units into another's order. In: a task with both. Out: the same function, and `alignment.json`.

One tensor of a layer of each model and the gains of one permutation, in float64, are in memory at a time, embeddings by
rows: for hidden layers of 14,336 units that is 1.6 GB of gains, and twice that while they are assigned.
"""

from __future__ import annotations

import json
from math import isfinite
from typing import Final

import torch
from ladle.dsl.graph import Json
from ladle.executor.task import Progress, Task
from ladle.executor.weights.configurations import copy_beside
from ladle.executor.weights.matching import ROUNDS, Pair, Weights, align
from ladle.executor.weights.one_thread import one_thread
from ladle.executor.weights.parents import Parent, agree, damaged, parent, unlike
from ladle.executor.weights.reading import DTYPES, Files
from ladle.executor.weights.stream import Rows, cut
from ladle.executor.weights.symmetry import Alignment, heads, identity, in_rows
from ladle.executor.weights.whole_models import raw
from ladle.executor.weights.writing import Shape, Writer

ALIGNMENT: Final = "alignment.json"
"""What was moved, and how alike the models were before and after."""


def run(task: Task) -> None:
    """Write the first operand with its units in the order of the model `to`. Raises StepError where they do not fit."""
    moved, still = parent(task.given("0"), task.work), parent(task.given("to"), task.work)
    agree((moved, still))
    for text in unlike((moved, still)):
        task.note(text)
    shapes = {name: header.shape for name, header in sorted(moved.headers.items())}
    start = identity(heads(moved.configuration, moved.headers), shapes)

    def say(rounds: int) -> None:
        task.report(Progress(rounds, ROUNDS, "rounds at most"))

    with one_thread(), torch.inference_mode(), Files() as files:
        device = torch.device(task.machine.device)
        pair = Pair(_weights(still, files, device), _weights(moved, files, device), shapes)
        found, before, after = align(pair, start, say)
        _write(task, moved, found, files)
        files.unchanged()
    copy_beside(task.output, moved)
    _record(task, pair, found, start, (before, after))


def _weights(model: Parent, files: Files, device: torch.device) -> Weights:
    """Return what reads a tensor in float32. Values that are no numbers cannot be matched."""

    def read(name: str, rows: Rows | None = None) -> torch.Tensor:
        found = raw(model, name, files, rows).to(device=device, dtype=torch.float32)
        if not isfinite(found.sum(dtype=torch.float64).item()):
            raise damaged(name, model.name)
        return found

    return read


def _write(task: Task, model: Parent, found: Alignment, files: Files) -> None:
    tensors = {name: Shape(DTYPES[each.dtype], each.shape) for name, each in sorted(model.headers.items())}
    with Writer(task.output, tensors) as writer:
        for name, shape in tensors.items():
            for rows in cut(shape.shape) if in_rows(name) else (None,):
                start = rows.start if rows else 0
                writer.write(name, start, found.permuted(name, raw(model, name, files, rows)))
        writer.finish(task.hashed)


def _record(task: Task, pair: Pair, found: Alignment, start: Alignment, likeness: tuple[float, float]) -> None:
    units = sum(int((a.units != b.units).sum()) for a, b in zip(found.layers, start.layers, strict=True))
    groups = sum(int((a.groups != b.groups).sum()) for a, b in zip(found.layers, start.layers, strict=True))
    if found is start:
        task.note("no unit changes its place: no order was found in which the models are more alike")
    told: dict[str, Json] = {
        "schema": 1,
        "likeness": [float(f"{value:.6g}") for value in likeness],
        "moved": {"residual": int((found.residual != start.residual).sum()), "units": units, "heads": groups},
        "tensors": len(pair.tensors),
    }
    (task.output / ALIGNMENT).write_text(json.dumps(told, indent=1, sort_keys=True) + "\n", encoding="utf-8")
