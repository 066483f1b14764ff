"""Which row comes when. In: row lengths, a budget, a seed. Out: every step's rows, a pure function of (seed, step)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from ladle.executor.random_streams import stream
from ladle.executor.trainers.settings import Budget, Epochs, Steps, Tokens

Numbers = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of a training.

    An epoch is one pass over all rows in a fresh order. Where `global_batch` does not divide the rows, the last step of
    an epoch has fewer of them: every row is trained on in every epoch, and an epoch ends with a step.
    """

    steps: int
    tokens: tuple[int, ...]
    """Tokens of each step, padding not counted."""


def order(seed: int, epoch: int, rows: int) -> Numbers:
    """Return the order of rows in an epoch, counted from 0."""
    return stream(seed, f"order/{epoch}").permutation(rows).astype(np.int64)


def plan(lengths: Numbers, budget: Budget, global_batch: int, seed: int) -> Plan:
    """Return the steps that `budget` buys over rows of `lengths` tokens."""
    tokens: list[int] = []
    match budget:
        case Epochs(epochs):
            steps = max(1, math.ceil(epochs * math.ceil(len(lengths) / global_batch)))
            tokens = _first(lengths, global_batch, seed, steps)
        case Steps(steps):
            tokens = _first(lengths, global_batch, seed, steps)
        case Tokens(wanted):
            seen = 0
            for step in _walk(lengths, global_batch, seed):
                tokens.append(step)
                seen += step
                if seen >= wanted:
                    break
    return Plan(len(tokens), tuple(tokens))


def _first(lengths: Numbers, global_batch: int, seed: int, steps: int) -> list[int]:
    walk = _walk(lengths, global_batch, seed)
    return [next(walk) for _ in range(steps)]


def _walk(lengths: Numbers, global_batch: int, seed: int) -> Iterator[int]:
    """Yield the tokens of step 0, 1, 2, ... without end."""
    epoch = 0
    while True:
        ordered = lengths[order(seed, epoch, len(lengths))]
        yield from (int(part.sum()) for part in np.split(ordered, range(global_batch, len(ordered), global_batch)))
        epoch += 1


class OrderSampler(torch.utils.data.Sampler[int]):
    """The rows of the epoch that `set_epoch` named last, for a data loader."""

    def __init__(self, seed: int, rows: int) -> None:
        self.seed = seed
        self.rows = rows
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Turn to `epoch`, counted from 0."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.rows

    def __iter__(self) -> Iterator[int]:
        return iter(order(self.seed, self.epoch, self.rows).tolist())
