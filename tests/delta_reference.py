"""The task-arithmetic family in float64, and under given masks. In: a method's name, options, tensors. Out: results."""

from __future__ import annotations

import importlib
from collections.abc import Generator
from dataclasses import dataclass, field
from types import ModuleType
from typing import TypeVar

import numpy as np
import torch
from ladle.dsl.graph import Json
from ladle.executor.draws import stream_seed
from ladle.executor.weights.draws import Draws, Streams
from ladle.executor.weights.kernel import Ask, Call, Combine, Piece
from ladle.executor.weights.reading import matrix
from merging import TENSOR, Tensors, defaults

ELECTING = ("ties", "dare_ties", "breadcrumbs_ties", "della")
TRIMMING = ("ties", "breadcrumbs", "breadcrumbs_ties")
RANDOM = ("dare_linear", "dare_ties", "della_linear", "della")
METHODS = ("task_arithmetic", *TRIMMING, *RANDOM)

T = TypeVar("T")
WEIGHTS = (0.613, 0.971, -0.337)
"""No round numbers: over bf16 models those give many results half-way, where float64 itself rounds by chance."""
DENSITIES = (0.5, 0.3, 0.7)
GAMMAS = (0.02, 0.05, 0.0)
EPSILONS = (0.1, 0.2, 0.05)


def module(name: str) -> ModuleType:
    return importlib.import_module(f"ladle.executor.merges.{name}")


def options_of(name: str) -> set[str]:
    return {option.name for option in module(name).OPERATOR.options}


def each(name: str, count: int, **more: Json) -> dict[str, Json]:
    """The options of a method, another value for each operand where it takes one."""
    given = {"density": DENSITIES, "gamma": GAMMAS, "epsilon": EPSILONS}
    found: dict[str, Json] = {"weights": list(WEIGHTS[:count]), "lambda": 1.31}
    found |= {option: list(values[:count]) for option, values in given.items() if option in options_of(name)}
    return found | more


@dataclass
class Reference:
    """A method of the family, written down plainly in float64."""

    name: str
    options: dict[str, Json]
    masks: Tensors = ()
    """Of the random methods."""
    sure: torch.Tensor = field(default_factory=lambda: torch.ones(0), init=False)
    """Not the elements at a magnitude threshold of any operand: which of equal ones are kept is a rule, no formula."""

    def numbers(self, option: str, place: int) -> float:
        value = self.options[option]
        found = value[place] if isinstance(value, list) else value
        assert isinstance(found, int | float)
        return float(found)

    def merged(self, models: Tensors, base: torch.Tensor) -> torch.Tensor:
        wide = base.double()
        self.sure = torch.ones(base.shape, dtype=torch.bool)
        weights = [self.numbers("weights", i) for i in range(len(models))]
        kept = [self.kept(i, model, base) * weights[i] for i, model in enumerate(models)]
        mask = torch.ones(len(models), *base.shape, dtype=torch.float64)
        if self.name in ELECTING:
            elected = torch.where(sum(kept[1:], kept[0]) >= 0, 1.0, -1.0)
            mask = torch.stack([(each.sign() == elected).double() for each in kept])
        total = sum((one * each for one, each in zip(mask, kept, strict=True)), torch.zeros_like(wide))
        if self.options["normalize"]:
            divisor = sum((one * weight for one, weight in zip(mask, weights, strict=True)), torch.zeros_like(wide))
            total = total / torch.where(divisor.abs() < 1e-8, 1.0, divisor)
        return wide + self.numbers("lambda", 0) * total

    def kept(self, place: int, model: torch.Tensor, base: torch.Tensor) -> torch.Tensor:
        delta = (model - base).double()
        if self.name == "task_arithmetic" or self.numbers("density", place) >= 1:
            return delta
        mask = self.masks[place].double() if self.name in RANDOM else self.trimmed(place, delta)
        kept = mask * delta
        before, after = delta.abs().sum(), kept.abs().sum()
        if self.options["rescale"] and min(before, after) >= 1e-7:
            kept = kept * (before / after)
        return kept

    def trimmed(self, place: int, delta: torch.Tensor) -> torch.Tensor:
        size = delta.abs()
        ranked = size.flatten().sort(descending=True).values
        keep = int(self.numbers("density", place) * size.numel())
        top = 0
        if self.name == "ties":
            keep = max(1, keep)
        else:
            top = int(self.numbers("gamma", place) * size.numel())
        if keep == 0:
            return torch.zeros_like(size)
        most, least = ranked[top], ranked[top + keep - 1]
        self.sure &= (size != least) & (size != most)
        return ((size >= least) & (size <= most)).double()


def own_masks(name: str, models: Tensors, base: torch.Tensor, options: dict[str, Json]) -> Tensors:
    """What the engine draws for a tensor, made another way: whole, and by sorting by index."""
    seed, found = options["seed"], []
    assert isinstance(seed, int)
    reference = Reference(name, options)
    for place, model in enumerate(models):
        if name.startswith("della"):
            drew = numbers(seed, f"{place}", base, "<i4") / 2**32 + 0.5
            chance = chances(model - base, reference.numbers("density", place), reference.numbers("epsilon", place))
        else:
            upper = (numbers(seed, f"{place}", base, "<i1") + 2**7) / 2**8
            key = stream_seed(seed, f"merge/{TENSOR}/{place}/lower")
            lower = [split_mix(key + at * 0x9E3779B97F4A7C15) >> 40 for at in range(base.numel())]
            drew = upper + torch.tensor(lower, dtype=torch.float64).reshape(base.shape) / 2**32
            chance = torch.full(base.shape, reference.numbers("density", place), dtype=torch.float64)
        found.append(drew < chance)
    return tuple(found)


def numbers(seed: int, purpose: str, like: torch.Tensor, kind: str) -> torch.Tensor:
    """The numbers of a stream, whole, one for each element."""
    raw = np.random.PCG64(stream_seed(seed, f"merge/{TENSOR}/{purpose}")).random_raw(like.numel())
    drawn = np.asarray(raw, dtype="<u8").view(kind)[: like.numel()]
    return torch.from_numpy(drawn.astype(float)).reshape(like.shape)


def split_mix(state: int) -> int:
    """What SplitMix64 makes of a state: Steele, Lea and Flood 2014, figure 16, in whole numbers."""
    state &= 2**64 - 1
    state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & 2**64 - 1
    state = (state ^ state >> 27) * 0x94D049BB133111EB & 2**64 - 1
    return state ^ state >> 31


def chances(delta: torch.Tensor, density: float, epsilon: float) -> torch.Tensor:
    rows = delta.reshape(matrix(tuple(delta.shape))).abs()
    ranks = rows.sort(dim=1, stable=True).indices.argsort(dim=1).double()
    last = rows.shape[1] - 1
    return (density - epsilon + 2 * epsilon * (ranks / last if last else 0.5 + ranks)).reshape(delta.shape)


def said(options: dict[str, Json]) -> dict[str, float | bool | tuple[float, ...]]:
    """Options as mergekit's parameters."""
    found: dict[str, float | bool | tuple[float, ...]] = {}
    for name, value in options.items():
        if isinstance(value, list):
            found["weight" if name == "weights" else name] = tuple(float(str(item)) for item in value)
        elif name != "seed":
            assert isinstance(value, int | float)
            found[name] = value
    return found


def their_mask(name: str, delta: torch.Tensor, place: int, options: dict[str, Json]) -> torch.Tensor:
    """What mergekit draws for an operand, which is drawn in the same order and precision."""
    reference = Reference(name, options)
    density = reference.numbers("density", place)
    if not name.startswith("della"):
        return torch.bernoulli(torch.full_like(delta, density))
    epsilon, rows = reference.numbers("epsilon", place), delta.reshape(-1, delta.shape[-1]).abs()
    ranks = rows.argsort(dim=1).argsort(dim=1).float() + 1
    low, high = ranks.min(dim=1, keepdim=True).values, ranks.max(dim=1, keepdim=True).values
    chance = (density - epsilon) + ((ranks - low) / (high - low)).clamp(0, 1) * 2 * epsilon
    return torch.bernoulli(chance).reshape(delta.shape)


@dataclass(frozen=True)
class Drawn(Draws):
    """Masks that are given: 1 where an element is kept."""

    masks: Tensors

    def mask(self, seed: int, operand: int, share: float) -> torch.Tensor:
        return self.masks[operand].clone()

    def uniform(self, seed: int, operand: int) -> torch.Tensor:
        return 1 - self.masks[operand]


def under(
    method: ModuleType, masks: Tensors, models: Tensors, base: torch.Tensor, options: dict[str, Json]
) -> torch.Tensor:
    """What a method makes where the given masks are drawn: the tensor is one piece."""
    shape = matrix(tuple(base.shape))

    drawn = Drawn(Streams(TENSOR), 0, base, tuple(mask.reshape(shape).float() for mask in masks))
    piece = Piece(tuple(each.reshape(shape) for each in models), base.reshape(shape), 0, drawn)
    plan = method.kernel(Call(TENSOR, tuple(base.shape), len(models), defaults(method.OPERATOR) | options))
    combine: Combine = answered(plan, piece)[0]
    found: torch.Tensor = combine(piece).reshape(base.shape)
    return found


def answered(plan: Generator[Ask, torch.Tensor, T], piece: Piece) -> tuple[T, int]:
    """What a plan returns over a tensor that is one piece, and how often it asked."""
    answer, asked = None, 0
    while True:
        try:
            ask = next(plan) if answer is None else plan.send(answer)
        except StopIteration as end:
            return end.value, asked
        answer, asked = ask.of(piece, *ask.args), asked + 1
