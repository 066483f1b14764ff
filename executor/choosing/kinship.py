"""How alike models are in what they learned. In: models and their base. Out: kinship, the cosine of differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from pathlib import Path

import torch
from ladle.executor.task import Given
from ladle.executor.weights.adapted import leaf
from ladle.executor.weights.kernel import Piece, Plan
from ladle.executor.weights.one_thread import one_thread
from ladle.executor.weights.parents import agree, parent
from ladle.executor.weights.reading import Files
from ladle.executor.weights.statistics import DELTA_GRAM
from ladle.executor.weights.stream import Merge, Rows, stream


def kinship(base: Given, models: Sequence[Given], work: Path) -> list[float]:
    """Return the cosine of what the first model adds to the base with what each other one adds, over all weights.

    0 where one of the two adds nothing. Raises StepError for models that do not fit each other.
    """
    parents = [parent(each, work) for each in (*models, base)]
    agree(parents)
    count = len(models)
    total = torch.zeros(count, count, dtype=torch.float64)
    with one_thread(), torch.inference_mode(), Files() as files:
        leaves = [leaf(each, files) for each in parents]
        for name, header in sorted(parents[0].headers.items()):
            ask = Merge(tuple(range(count)), count, _sum(total))
            stream(name, header.shape, [*leaves, ask], _nothing, torch.device("cpu"))
        files.unchanged()
    norms = [sqrt(value) for value in total.diagonal().tolist()]
    dots = total[0].tolist()
    return [dots[i] / (norms[0] * norms[i]) if norms[0] * norms[i] else 0.0 for i in range(1, count)]


def _sum(total: torch.Tensor) -> Plan:
    total += yield DELTA_GRAM
    return _unused


def _unused(piece: Piece) -> torch.Tensor:
    raise AssertionError("nothing is merged")


def _nothing(rows: Rows, value: Callable[[int], torch.Tensor]) -> None:
    """Read nothing again: only the question was wanted."""
