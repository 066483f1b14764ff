"""Reads a model's embeddings in the order of other tokens. In: its leaf, others, where rows come from. Out: a leaf."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from ladle.executor.weights.reading import Leaf
from ladle.executor.weights.vocabularies import Rows

_EMBEDDING = re.compile(
    r"(?:.*\.)?(?:embed_tokens|embed_tokens_per_layer|wte|word_embeddings|embed_in|embed_out|lm_head)\.(?:weight|bias)"
)


def is_embedding(tensor: str, shape: tuple[int, ...], rows: int) -> bool:
    """Say whether a tensor holds a row, or a number, for each of `rows` tokens: at the input or the output."""
    return shape[:1] == (rows,) and called_embedding(tensor)


def called_embedding(tensor: str) -> bool:
    """Say whether a tensor has the name of an embedding of tokens, at the input or the output."""
    return _EMBEDDING.fullmatch(tensor) is not None


@dataclass(frozen=True, slots=True)
class _Run:
    """Rows that lie one after the other in one model."""

    start: int
    model: int
    row: int
    count: int


class Rearranged:
    """A leaf whose embeddings are read row by row from where `rows` says; every other tensor is its own.

    Consecutive rows are read at once. `models` are the leaves of the whole expression; nobody else may read them, since
    what a leaf read is valid only until it is read again.
    """

    def __init__(
        self, own: Leaf, models: Sequence[Leaf], rows: Rows, embeddings: Mapping[str, tuple[int, ...]]
    ) -> None:
        """Take `embeddings`, the shapes of the tensors to be rearranged, as they are in the result."""
        self._own, self._models, self._embeddings = own, tuple(models), embeddings
        pairs = zip(rows.models.tolist(), rows.rows.tolist(), strict=True)
        self._layers = tuple(_Layer(models, numbers) for models, numbers in pairs)
        counts = (rows.models >= 0).sum(0)
        self._counts = counts.clamp(min=1).float() if len(self._layers) > 1 else None

    def read(self, tensor: str, row: int, rows: int) -> torch.Tensor:
        """Return rows of a tensor in float32, shape (rows, columns); a tensor of one dimension is one row."""
        shape = self._embeddings.get(tensor)
        if shape is None:
            return self._own.read(tensor, row, rows)
        if len(shape) == 1:
            return self._numbers(tensor, shape[0])
        found = torch.zeros((rows, shape[-1]), dtype=torch.float32)
        for number, layer in enumerate(self._layers):
            for run in layer.within(row, rows):
                into = found[run.start - row : run.start - row + run.count]
                values = self._models[run.model].read(tensor, run.row, run.count)
                _put(into, values, add=number > 0)
        if self._counts is not None:
            found /= self._counts[row : row + rows, None]
        return found

    def _numbers(self, tensor: str, count: int) -> torch.Tensor:
        """A bias: one number for each token."""
        found = torch.zeros((1, count), dtype=torch.float32)
        whole: dict[int, torch.Tensor] = {}
        for number, layer in enumerate(self._layers):
            for run in layer.within(0, count):
                if run.model not in whole:
                    whole[run.model] = self._models[run.model].read(tensor, 0, 1).clone()
                values = whole[run.model][0, run.row : run.row + run.count]
                _put(found[0, run.start : run.start + run.count], values, add=number > 0)
        return found if self._counts is None else found / self._counts


def _put(into: torch.Tensor, values: torch.Tensor, *, add: bool) -> None:
    """The first source is taken as it is: 0 + -0 would not be."""
    if add:
        into += values
    else:
        into.copy_(values)


class _Layer:
    """The n-th source of each row."""

    def __init__(self, models: Sequence[int], numbers: Sequence[int]) -> None:
        self._runs = tuple(_runs(models, numbers))
        self._starts = [run.start for run in self._runs]

    def within(self, row: int, rows: int) -> Iterator[_Run]:
        """Yield the runs between two rows, cut there."""
        place = max(bisect_right(self._starts, row) - 1, 0)
        while place < len(self._runs) and self._runs[place].start < row + rows:
            run = self._runs[place]
            first, last = max(run.start, row), min(run.start + run.count, row + rows)
            if first < last:
                yield _Run(first, run.model, run.row + first - run.start, last - first)
            place += 1


def _runs(models: Sequence[int], numbers: Sequence[int]) -> Iterator[_Run]:
    """Yield runs of rows that have a source here."""
    start = 0
    for at in range(1, len(numbers) + 1):
        goes_on = at < len(numbers) and models[at] == models[start] and numbers[at] == numbers[start] + at - start
        if not goes_on:
            if models[start] >= 0:
                yield _Run(start, models[start], numbers[start], at - start)
            start = at
