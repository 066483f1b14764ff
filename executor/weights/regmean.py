"""Regression means. In: a task with models and rows. Out: a model folder; `executor/merges/regmean.py` says how.

While a model is run its Gram matrices are in memory, the square of its inputs for each linear layer; the merge then
holds one layer's, in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from ladle.executor.headers import Tensor, folder_tensors
from ladle.executor.task import Progress, StepError, Task, operands
from ladle.executor.weights.adapted import leaf
from ladle.executor.weights.configurations import copy_beside
from ladle.executor.weights.observed import Seen, Tensors, observed
from ladle.executor.weights.one_thread import one_thread
from ladle.executor.weights.parents import Parent, agree, apart, parent
from ladle.executor.weights.reading import DTYPES, Files, Leaf, Stored
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
        layers = Layers(models, inputs, headers[0], float(factor))
        if averaged := _averaged(parents[0], layers):
            task.note(averaged)
        _write(task, parents[0], layers)
        files.unchanged()
    copy_beside(task.output, parents[0])


def grams(seen: Seen) -> Tensors:
    """Return for each linear layer the sum over tokens of x x^T, by the name of its weight."""
    found: dict[str, torch.Tensor] = {}

    def watch(name: str) -> Callable[[Any, tuple[torch.Tensor, ...], Any], None]:
        def hook(module: Any, given: tuple[torch.Tensor, ...], result: Any) -> None:
            x = given[0].reshape(-1, given[0].shape[-1]).float()
            part = x.T @ x
            found[name] = found[name].add_(part) if name in found else part

        return hook

    linear = [(name, each) for name, each in seen.model.named_modules() if isinstance(each, torch.nn.Linear)]
    hooks = [each.register_forward_hook(watch(f"{name}.weight")) for name, each in linear]
    for ids in seen.each():
        seen.model(input_ids=ids, use_cache=False)
    for hook in hooks:
        hook.remove()
    return found


class Layers:
    """Makes the tensors of the result."""

    def __init__(
        self, models: Sequence[Leaf], inputs: Sequence[Stored], known: dict[str, Tensor], factor: float
    ) -> None:
        self._models, self._inputs, self._known, self._factor = models, inputs, known, factor

    def solved(self, name: str, shape: tuple[int, ...]) -> bool:
        """Say whether a tensor is the weight of a linear layer whose inputs were seen."""
        return name in self._known and len(shape) == 2 and self._known[name].shape == (shape[1], shape[1])

    def linear(self, name: str, shape: tuple[int, ...]) -> torch.Tensor:
        """Return the solution for a linear layer, of shape (outputs, inputs)."""
        rows, columns = shape
        weights = [each.read(name, 0, rows).double() for each in self._models]
        given = [each.read(name, 0, columns).double() for each in self._inputs]
        return regression(given, weights, self._factor)

    def mean(self, name: str, row: int, rows: int) -> torch.Tensor:
        """Return the mean of rows of any other tensor."""
        found = self._models[0].read(name, row, rows).double()
        for each in self._models[1:]:
            found = found + each.read(name, row, rows)
        return found / len(self._models)


def regression(grams: Sequence[torch.Tensor], weights: Sequence[torch.Tensor], factor: float) -> torch.Tensor:
    """Return W for which the sum of |X_i W^T - X_i W_i^T|^2 is least; float64, shape (outputs, inputs).

    `grams` are X_i^T X_i, off the diagonal times `factor`. W is the mean plus the least correction: what no input
    reaches stays the mean.
    """
    shrunk = [gram * factor + torch.diag(gram.diagonal() * (1 - factor)) for gram in grams]
    middle = torch.stack(list(weights)).mean(0)
    whole = torch.stack(shrunk).sum(0)
    wanted = torch.stack([gram @ (each - middle).T for gram, each in zip(shrunk, weights, strict=True)]).sum(0)
    factored, failed = torch.linalg.cholesky_ex(whole)
    if factor < 1 and not failed.item():
        return middle + torch.cholesky_solve(wanted, factored).T
    # Without the guard of a heavier diagonal inputs may be as good as dependent, and only a rank tells.
    tolerance = len(whole) * torch.finfo(torch.float32).eps
    found: torch.Tensor = torch.linalg.lstsq(whole.cpu(), wanted.cpu(), rcond=tolerance, driver="gelsd").solution
    return middle + found.T


def _averaged(first: Parent, layers: Layers) -> str:
    """Say which matrices come out as plain means, "" where none does but the embeddings, of which that is known."""
    embeddings = first.embeddings()
    means = [
        name
        for name, header in sorted(first.headers.items())
        if len(header.shape) > 1 and name not in embeddings and not layers.solved(name, header.shape)
    ]
    more = f" and {len(means) - 1} more matrices come" if len(means) > 1 else " comes"
    return f"`{means[0]}`{more} out as plain means: no inputs of theirs were seen" if means else ""


def _write(task: Task, first: Parent, layers: Layers) -> None:
    tensors = {name: Shape(DTYPES[each.dtype], each.shape) for name, each in sorted(first.headers.items())}
    with Writer(task.output, tensors) as writer:
        for done, (name, shape) in enumerate(tensors.items(), 1):
            if layers.solved(name, shape.shape):
                writer.write(name, 0, _rounded(name, layers.linear(name, shape.shape), shape.dtype))
            else:
                for rows in cut(shape.shape):
                    found = layers.mean(name, rows.first, rows.count)
                    writer.write(name, rows.start, _rounded(name, found, shape.dtype))
            task.report(Progress(done, len(tensors), "tensors"))
        writer.finish(task.hashed)


def _rounded(name: str, values: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    found = values.to(dtype)
    if not torch.isfinite(found).all():
        raise StepError(
            f"`{name}` comes out with values that are not finite numbers",
            "a model is damaged, or its training diverged; a smaller `off_diagonal` guards against dependent inputs",
        )
    return found
