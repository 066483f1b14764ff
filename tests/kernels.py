"""Runs the kernel of a merge over tensors in memory, through the engine that cuts them into pieces."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from ladle.dsl.graph import Json
from ladle.executor.catalog import kernel as known
from ladle.executor.weights.kernel import Call, Kernel
from ladle.executor.weights.reading import matrix
from ladle.executor.weights.stream import PIECE_ELEMENTS, Merge, Rows, stream

Weights = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Held:
    """A model of a merge that lies in memory."""

    weights: Weights

    def read(self, tensor: str, row: int, rows: int) -> torch.Tensor:
        """Return rows of a tensor, in a buffer of their own, as a file would give them."""
        found = self.weights[tensor]
        return found.reshape(matrix(tuple(found.shape)))[row : row + rows].float().clone()


def merged(
    name: str, models: Sequence[Weights], base: Weights | None = None, *, piece: int = PIECE_ELEMENTS, **options: Json
) -> dict[str, torch.Tensor]:
    """Return what a merge makes of models, in float32: `options` are all that its kernel asks for."""
    kernel = known(name)
    assert kernel is not None
    return {tensor: merged_tensor(kernel, tensor, models, base, options, piece) for tensor in models[0]}


def merged_tensor(
    kernel: Kernel,
    tensor: str,
    models: Sequence[Weights],
    base: Weights | None,
    options: Mapping[str, Json],
    piece: int = PIECE_ELEMENTS,
) -> torch.Tensor:
    """Return one tensor of a merge, cut into pieces of so many elements: nothing may depend on the cut."""
    everyone = [*models, *([] if base is None else [base])]
    before = [each[tensor].clone() for each in everyone]
    shape, place = tuple(models[0][tensor].shape), len(everyone)
    plan = kernel(Call(tensor, shape, len(models), options))
    merge = Merge(tuple(range(len(models))), -1 if base is None else len(models), plan)
    made = torch.full(matrix(shape), torch.nan)

    def write(rows: Rows, value: Callable[[int], torch.Tensor]) -> None:
        made[rows.first : rows.first + rows.count] = value(place)

    with torch.inference_mode():
        stream(tensor, shape, [*map(Held, everyone), merge], write, torch.device("cpu"), piece)
    after = [each[tensor] for each in everyone]
    assert all(torch.equal(one, two) for one, two in zip(before, after, strict=True)), "an operand was changed"
    return made.reshape(shape)
