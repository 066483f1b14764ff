"""Runs the kernel of a merge over tensors in memory, through the engine that cuts them into pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import pytest
import torch
from ladle.dsl.graph import Json
from ladle.executor.catalog import kernel as known
from ladle.executor.weights import stream
from ladle.executor.weights.kernel import Call, Kernel
from ladle.executor.weights.reading import matrix

Weights = Mapping[str, torch.Tensor]
CPU = torch.device("cpu")


class Memory:
    """A model of a merge that lies in memory."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights

    def read(self, tensor: str, row: int, rows: int) -> torch.Tensor:
        """Return rows of a tensor in float32."""
        found = self._weights[tensor]
        return found.reshape(matrix(tuple(found.shape)))[row : row + rows].float()


def merged(
    name: str, models: Sequence[Weights], base: Weights | None = None, **options: Json
) -> dict[str, torch.Tensor]:
    """Return what a merge makes of models, in float32."""
    kernel = known(name)
    assert kernel is not None
    return {tensor: _tensor(kernel, tensor, models, base, options) for tensor in models[0]}


def _tensor(
    kernel: Kernel, tensor: str, models: Sequence[Weights], base: Weights | None, options: Mapping[str, Json]
) -> torch.Tensor:
    shape = tuple(models[0][tensor].shape)
    leaves = [Memory(model) for model in (*models, *([] if base is None else [base]))]
    plan = kernel(Call(tensor, shape, len(models), options))
    place = len(leaves)
    merge = stream.Merge(tuple(range(len(models))), -1 if base is None else place - 1, plan)
    found = torch.zeros(matrix(shape))

    def write(rows: stream.Rows, value: Callable[[int], torch.Tensor]) -> None:
        found[rows.first : rows.first + rows.count] = value(place)

    stream.stream(tensor, shape, [*leaves, merge], write, CPU)
    return found.reshape(shape)


@contextmanager
def pieces_of(elements: int) -> Iterator[None]:
    """Cut tensors into smaller pieces: nothing a kernel computes may depend on the cut."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "PIECE_ELEMENTS", elements)
        yield
