"""Regression means. In: a task with models and rows. Out: a model folder; `executor/merges/regmean.py` says how.

While a model is run Gram matrices are in memory, the square of its inputs for each linear layer: no more of them than
the model is large, since it is run again for those of further layers. The merge then holds one layer's, in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from ladle.executor.headers import Tensor, folder_tensors
from ladle.executor.task import Progress, StepError, Task, operands
from ladle.executor.weights.adapted import leaf
from ladle.executor.weights.configurations import copy_beside
from ladle.executor.weights.observed import Found, Seen, Tensors, observed
from ladle.executor.weights.one_thread import one_thread
from ladle.executor.weights.parents import Parent, agree, apart, parent
from ladle.executor.weights.reading import DTYPES, Files, Leaf, Stored
from ladle.executor.weights.regression import Rows, regression
from ladle.executor.weights.stream import cut
from ladle.executor.weights.writing import Shape, Writer


def run(task: Task) -> None:
    """Write the regression mean. Raises StepError for models that do not fit, or rows that hold nothing to predict."""
    parents = tuple(parent(given, task.work) for given in operands(task.inputs))
    agree(parents)
    for text in apart(parents):
        task.note(text)
    factor = task.options["off_diagonal"]
    assert isinstance(factor, int | float)
    with one_thread(), torch.inference_mode(), Files() as files:
        folders = observed(task, grams)
        headers = [folder_tensors(folder) for folder in folders]
        inputs = [Stored(folder, found, files) for folder, found in zip(folders, headers, strict=True)]
        models = [leaf(each, files) for each in parents]
        averaged = _write(task, parents[0], Layers(models, inputs, headers[0], float(factor)))
        files.unchanged()
    if text := _told(averaged, parents[0].embeddings()):
        task.note(text)
    copy_beside(task.output, parents[0])


def grams(seen: Seen, most: int = 0) -> Found:
    """Return for each linear layer the sum over tokens of x x^T, by the name of its weight; 0 where it sees none.

    The model is run as often as it takes for at most `most` bytes of them at a time, by default the model's own.
    """
    linear = {f"{name}.weight": each for name, each in seen.model.named_modules() if isinstance(each, torch.nn.Linear)}
    limit = most or sum(each.numel() * 4 for each in seen.model.parameters())
    turns: list[dict[str, torch.nn.Linear]] = []
    for name, each in linear.items():
        if not turns or 4 * sum(other.in_features**2 for other in (*turns[-1].values(), each)) > limit:
            turns.append({})
        turns[-1][name] = each
    shapes = {name: (each.in_features, each.in_features) for name, each in linear.items()}
    return Found(shapes, (_grams(seen, turn, place, len(turns)) for place, turn in enumerate(turns)))


def _grams(seen: Seen, layers: dict[str, torch.nn.Linear], turn: int, turns: int) -> Tensors:
    found: dict[str, torch.Tensor] = {}

    def watch(name: str) -> Callable[[Any, tuple[torch.Tensor, ...], Any], None]:
        def hook(module: Any, given: tuple[torch.Tensor, ...], result: Any) -> None:
            x = given[0].reshape(-1, given[0].shape[-1]).float()
            part = x.T @ x
            found[name] = found[name].add_(part) if name in found else part

        return hook

    hooks = [each.register_forward_hook(watch(name)) for name, each in layers.items()]
    for ids in seen.each(turn, turns):
        seen.model(input_ids=ids, use_cache=False)
    for hook in hooks:
        hook.remove()
    for name, each in layers.items():
        if name not in found:
            found[name] = torch.zeros(each.in_features, each.in_features)
    return found


class Layers:
    """Makes the tensors of the result."""

    def __init__(
        self, models: Sequence[Leaf], inputs: Sequence[Stored], known: dict[str, Tensor], factor: float
    ) -> None:
        self._models, self._inputs, self._known, self._factor = models, inputs, known, factor

    def solved(self, name: str, shape: tuple[int, ...]) -> Iterator[tuple[int, torch.Tensor]] | None:
        """Return rows of the solution for a linear layer, and the first one's number, some at a time.

        None for any other tensor, and for a layer that saw no inputs.
        """
        if name not in self._known or len(shape) != 2 or self._known[name].shape != (shape[1], shape[1]):
            return None
        given, weights = (_rows(leaves, name) for leaves in (self._inputs, self._models))
        return regression(given, weights, shape, self._factor)

    def mean(self, name: str, row: int, rows: int) -> torch.Tensor:
        """Return the mean of rows of any other tensor."""
        found = self._models[0].read(name, row, rows).double()
        for each in self._models[1:]:
            found = found + each.read(name, row, rows)
        return found / len(self._models)


def _rows(leaves: Sequence[Leaf], name: str) -> list[Rows]:
    def reading(leaf: Leaf) -> Rows:
        return lambda row, rows: leaf.read(name, row, rows).double()

    return [reading(each) for each in leaves]


def _told(averaged: Sequence[str], embeddings: Sequence[str]) -> str:
    """Say which matrices come out as plain means, "" where none does but the embeddings, of which that is known."""
    means = [name for name in averaged if name not in embeddings]
    more = f" and {len(means) - 1} more matrices come" if len(means) > 1 else " comes"
    return f"`{means[0]}`{more} out as plain means: no inputs of theirs were seen" if means else ""


def _write(task: Task, first: Parent, layers: Layers) -> list[str]:
    """Write every tensor, and return the names of the matrices that are means."""
    averaged = []
    tensors = {name: Shape(DTYPES[each.dtype], each.shape) for name, each in sorted(first.headers.items())}
    with Writer(task.output, tensors) as writer:
        for done, (name, shape) in enumerate(tensors.items(), 1):
            if (solution := layers.solved(name, shape.shape)) is not None:
                for row, found in solution:
                    writer.write(name, row * shape.shape[1], _rounded(name, found, shape.dtype))
            else:
                averaged += [name] if len(shape.shape) > 1 else []
                for rows in cut(shape.shape):
                    found = layers.mean(name, rows.first, rows.count)
                    writer.write(name, rows.start, _rounded(name, found, shape.dtype))
            task.report(Progress(done, len(tensors), "tensors"))
        writer.finish(task.hashed)
    return averaged


def _rounded(name: str, values: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    found = values.to(dtype)
    if not torch.isfinite(found).all():
        raise StepError(
            f"`{name}` comes out with values that are not finite numbers",
            "a model is damaged, or its training diverged; a smaller `off_diagonal` guards against dependent inputs",
        )
    return found
