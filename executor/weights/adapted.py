"""A model with adapters in it. In: the model's weights and small matrices. Out: rows of the folded weights, in float32.

W + scale * B @ A is computed row by row and never written. DoRA (arXiv 2402.09353) scales each row to its magnitude:
m * (W + scale * B @ A) / |W + scale * B @ A|.
"""

from __future__ import annotations

import threading
from functools import reduce

import torch
from ladle.executor.adapter import Adapter, Change
from ladle.executor.task import StepError
from ladle.executor.weights.parents import Parent
from ladle.executor.weights.reading import Files, Leaf, Stored, matrix


def leaf(model: Parent, files: Files) -> Leaf:
    """Return what reads the weights of a model, its adapters folded in, the first one first."""
    stored: Leaf = Stored(model.folder, model.headers, files)
    return reduce(lambda below, adapter: Adapted(below, adapter, files), model.adapters, stored)


class Adapted:
    """The tensors of a model with an adapter in it. Held are the adapter's matrices for one tensor of each thread."""

    def __init__(self, model: Leaf, adapter: Adapter, files: Files) -> None:
        self._model, self._adapter = model, adapter
        # Two readers: what one returns holds until it reads again, and a tensor that is replaced is then added to.
        self._whole = Stored(adapter.folder, adapter.headers, files)
        self._parts = Stored(adapter.folder, adapter.headers, files)
        self._mine = threading.local()

    def read(self, tensor: str, row: int, rows: int) -> torch.Tensor:
        """Return rows of a tensor in float32, shape (rows, columns). Raises StepError for parts that are no numbers."""
        change = self._adapter.changes.get(tensor)
        if change is None:
            return self._model.read(tensor, row, rows)
        start = self._whole.read(change.whole, row, rows) if change.whole else self._model.read(tensor, row, rows)
        if not change.a:
            return start
        a, b = self._matrices(tensor, change)
        left, right = (a[:, row : row + rows].T, b.T) if change.turned else (b[row : row + rows], a)
        folded = torch.addmm(start, left, right, alpha=change.scale)
        if not change.magnitude:
            return folded
        wanted = self._parts.read(change.magnitude, 0, 1)[0, row : row + rows].double()
        lengths: torch.Tensor = torch.linalg.vector_norm(folded, dim=1, dtype=torch.float64)
        return folded * (wanted / lengths).float()[:, None]

    def _matrices(self, tensor: str, change: Change) -> tuple[torch.Tensor, torch.Tensor]:
        held: tuple[str, torch.Tensor, torch.Tensor] | None = getattr(self._mine, "held", None)
        if held is None or held[0] != tensor:
            held = self._mine.held = (tensor, self._matrix(change.a), self._matrix(change.b))
        return held[1], held[2]

    def _matrix(self, name: str) -> torch.Tensor:
        found = self._parts.read(name, 0, matrix(self._adapter.headers[name].shape)[0]).clone()
        if not torch.isfinite(found).all():
            raise StepError(
                f"`{name}` of the adapter `{self._adapter.name}` holds values that are not finite numbers",
                "the adapter is damaged, or its training diverged",
            )
        return found
