"""Networks of a few thousand weights, trained here: a base, and models that each learned one task from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import sqrt
from statistics import mean, stdev

import torch

Weights = dict[str, torch.Tensor]
Rows = tuple[torch.Tensor, torch.Tensor]
INPUTS, HIDDEN, CLASSES = 20, 64, 10
T95 = 2.776
"""Student's t for a two-sided interval of 95 % over five pairs."""


@dataclass(frozen=True)
class Family:
    """A base, a model for each task, and rows of each task: those learned from, and others."""

    base: Weights
    models: tuple[Weights, ...]
    seen: tuple[Rows, ...]
    held: tuple[Rows, ...]


@cache
def family(seed: int) -> Family:
    """Return two models trained from one base; each task shows one half of the inputs, the other is zero."""
    generator = torch.Generator().manual_seed(200 + seed)
    base = trained(_start(seed), _rows(torch.randn(CLASSES, INPUTS, generator=generator), generator, 1500), 200, 3e-3)
    centres = torch.randn(CLASSES, INPUTS, generator=generator)
    half = torch.arange(INPUTS) < INPUTS // 2
    halves = (half.float(), (~half).float())
    seen = tuple(_rows(centres, generator, 400, mask) for mask in halves)
    held = tuple(_rows(centres, generator, 400, mask) for mask in halves)
    return Family(base, tuple(trained(base, rows, 100, 2e-3) for rows in seen), seen, held)


def loss(weights: Mapping[str, torch.Tensor], *tasks: Rows) -> float:
    """Return the mean loss over tasks."""
    return mean(torch.nn.functional.cross_entropy(forward(weights, x), y).item() for x, y in tasks)


def accuracy(weights: Mapping[str, torch.Tensor], task: Rows) -> float:
    """Return the share of rows of a task that a network gets right."""
    return (forward(weights, task[0]).argmax(1) == task[1]).float().mean().item()


def forward(weights: Mapping[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """Return the logits of a network with two hidden layers."""
    for layer in ("a", "b"):
        x = torch.relu(x @ weights[f"{layer}.weight"].T + weights[f"{layer}.bias"])
    return x @ weights["c.weight"].T + weights["c.bias"]


def mean_of(models: Sequence[Mapping[str, torch.Tensor]]) -> Weights:
    """Return the mean of models."""
    return {name: torch.stack([model[name] for model in models]).mean(0) for name in models[0]}


def lower(one: Callable[[Family], float], other: Callable[[Family], float]) -> tuple[float, float]:
    """Return the 95 % interval of one value minus another over five families, pair by pair."""
    families = [family(seed) for seed in range(5)]
    gaps = [one(each) - other(each) for each in families]
    half = T95 * stdev(gaps) / sqrt(len(gaps))
    return mean(gaps) - half, mean(gaps) + half


def _start(seed: int) -> Weights:
    generator = torch.Generator().manual_seed(seed)
    sizes = {"a": (HIDDEN, INPUTS), "b": (HIDDEN, HIDDEN), "c": (CLASSES, HIDDEN)}
    found: Weights = {}
    for name, (rows, columns) in sizes.items():
        found[f"{name}.weight"] = torch.randn(rows, columns, generator=generator) / sqrt(columns)
        found[f"{name}.bias"] = torch.zeros(rows)
    return found


def _rows(centres: torch.Tensor, generator: torch.Generator, count: int, mask: torch.Tensor | float = 1.0) -> Rows:
    labels = torch.randint(0, CLASSES, (count,), generator=generator)
    return (centres[labels] + 0.5 * torch.randn(count, INPUTS, generator=generator)) * mask, labels


def trained(start: Weights, rows: Rows, steps: int, rate: float, plain: bool = False) -> Weights:
    """Return a network after so many steps over all rows, of Adam or of plain gradient descent with momentum."""
    weights = {name: value.clone().requires_grad_() for name, value in start.items()}
    optimizer: torch.optim.Optimizer = torch.optim.Adam(list(weights.values()), lr=rate)
    if plain:
        optimizer = torch.optim.SGD(list(weights.values()), lr=rate, momentum=0.9)
    for _ in range(steps):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(forward(weights, rows[0]), rows[1]).backward()
        optimizer.step()
    return {name: value.detach() for name, value in weights.items()}
