"""Finds which units of two models are alike (Ainsworth et al. 2022, arXiv 2209.04836). In: both. Out: permutations.

Weight matching: permutations P of b's units that make the sum over all tensors of <a, P b> large. For one permutation,
the others held, that is a linear assignment problem; they are solved in turn until the sum stops to grow. The paper
draws the order at random; here it is fixed: the residual stream by what no other permutation touches, then each
layer, then the residual stream again by all that touches it, and so on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import torch
from ladle.executor.weights.stream import Rows, cut
from ladle.executor.weights.symmetry import Alignment, Axis, Layer, axes, in_rows, layer_of
from scipy.optimize import linear_sum_assignment

ROUNDS: Final = 20
"""At most; two or three are usual."""
_TURNS: Final = 3
"""How often query heads and values of a group are matched in turn."""

BLOCK: Final = 1 << 20
"""Elements that are worked on at a time where the whole is not wanted."""


class Weights(Protocol):
    """The tensors of a model."""

    def __call__(self, name: str, rows: Rows | None = None) -> torch.Tensor:
        """Return a tensor, or some of its rows, in float32."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The model that stays, the one whose units move, and the shapes of their tensors."""

    a: Weights
    b: Weights
    tensors: Mapping[str, tuple[int, ...]]

    def parts(self, name: str, at: Alignment, but: int = -1) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield a tensor of both models, the second with every axis in order; the axis `but` stays.

        Embeddings, the largest tensors, come some rows at a time.
        """
        for rows in cut(self.tensors[name], BLOCK) if in_rows(name) else (None,):
            yield self.a(name, rows), at.permuted(name, self.b(name, rows), but)

    def gain(self, axis: Axis, layer: int, at: Alignment, alone: bool = False) -> torch.Tensor:
        """Return how much each unit of b (column) adds to the sum at each place of a (row), all other axes in order.

        `alone`: only of tensors that no other permutation touches.
        """
        found = torch.zeros(0, dtype=torch.float64)
        for name in self.tensors:
            kinds = axes(name)
            if axis not in kinds or (layer_of(name) != layer and axis is not Axis.RESIDUAL):
                continue
            if alone and any(kind not in (axis, Axis.FIXED) for kind in kinds):
                continue
            place = kinds.index(axis)
            for a, b in self.parts(name, at, place):
                one, other = _rows(a, place), _rows(b, place)
                if not len(found):
                    found = one.new_zeros((len(one), len(other)), dtype=torch.float64)
                for into, some in zip(_blocks(found), _blocks(one, len(found)), strict=True):
                    into += some @ other.T
        return found

    def likeness(self, at: Alignment) -> float:
        """Return the sum over all tensors of <a, P b>."""
        return sum(
            one.flatten().double().dot(other.flatten().double()).item()
            for name in self.tensors
            for a, b in self.parts(name, at)
            for one, other in zip(_blocks(a), _blocks(b), strict=True)
        )


def _blocks(values: torch.Tensor, columns: int = 0) -> Sequence[torch.Tensor]:
    """Return whole rows at a time; `columns`: as many as of a matrix with that many columns."""
    step = max(1, BLOCK // max(1, columns or values[:1].numel()))
    return [values[first : first + step] for first in range(0, len(values), step)]


def _rows(values: torch.Tensor, axis: int) -> torch.Tensor:
    """Return a tensor as a matrix with a row for each unit of an axis."""
    return values.movedim(axis, 0).flatten(1) if values.dim() > 1 else values[:, None]


def align(pair: Pair, start: Alignment, done: Callable[[int], None]) -> tuple[Alignment, float, float]:
    """Return the best permutations found, and the likeness before and after. Moves nothing that gains nothing.

    `done` is told how many rounds are finished.
    """
    before = best = pair.likeness(start)
    kept = start
    at = replace(start, residual=assigned(pair.gain(Axis.RESIDUAL, -1, start, alone=True)))
    for number in range(ROUNDS):
        at = replace(at, layers=tuple(_layer(pair, place, at) for place in range(len(at.layers))))
        at = replace(at, residual=assigned(pair.gain(Axis.RESIDUAL, -1, at)))
        found = pair.likeness(at)
        done(number + 1)
        if found <= best:
            break
        kept, best = at, found
    return kept, before, best


def assigned(gain: torch.Tensor) -> torch.Tensor:
    """Return for each row the column of the assignment with the largest sum."""
    _, columns = linear_sum_assignment(gain.cpu().numpy(), maximize=True)
    return torch.from_numpy(columns)


def _layer(pair: Pair, layer: int, at: Alignment) -> Layer:
    units = at.layers[layer].units
    if len(units):
        units = assigned(pair.gain(Axis.UNITS, layer, at))
    return _attention(pair, layer, replace(at.layers[layer], units=units), at)


def _attention(pair: Pair, layer: int, found: Layer, at: Alignment) -> Layer:
    """Match groups of heads; how alike two groups are depends on how their queries and values are matched."""
    a, b = (_Blocks.of(pair, weights, layer, at) for weights in (pair.a, pair.b))
    count = at.heads.groups
    matched = [[_group(a, b, one, other) for other in range(count)] for one in range(count)]
    groups = assigned(torch.tensor([[value for value, _, _ in row] for row in matched], dtype=torch.float64))
    chosen = [matched[place][group] for place, group in enumerate(groups.tolist())]
    return replace(
        found,
        groups=groups,
        queries=torch.stack([queries for _, queries, _ in chosen]),
        values=torch.stack([values for _, _, values in chosen]),
    )


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Attention cut into groups and heads: (groups, each, size, n) for queries and outputs, else without `each`."""

    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    output: torch.Tensor

    @staticmethod
    def of(pair: Pair, weights: Weights, layer: int, at: Alignment) -> _Blocks:
        """Cut a layer's attention; of the model that moves, with its residual stream in order."""
        heads, moves = at.heads, weights is pair.b
        parts: dict[Axis, list[torch.Tensor]] = {}
        for name in pair.tensors:
            kinds = axes(name)
            inner = next((kind for kind in kinds if kind not in (Axis.RESIDUAL, Axis.FIXED, Axis.UNITS)), None)
            if layer_of(name) == layer and inner is not None:
                place = kinds.index(inner)
                values = at.permuted(name, weights(name), but=place) if moves else weights(name)
                parts.setdefault(inner, []).append(_rows(values, place))
        whole = {axis: torch.cat(found, 1) for axis, found in parts.items()}
        grouped = (heads.groups, heads.size, -1)
        headed = (heads.groups, heads.each, heads.size, -1)
        return _Blocks(
            whole[Axis.QUERY].reshape(headed), whole[Axis.KEY].reshape(grouped),
            whole[Axis.VALUE].reshape(grouped), whole[Axis.OUTPUT].reshape(headed),
        )  # fmt: skip


def _group(a: _Blocks, b: _Blocks, one: int, other: int) -> tuple[float, torch.Tensor, torch.Tensor]:
    """Return what matching two groups gains, and how their query heads and values are matched then."""
    own = (a.value[one] @ b.value[other].T).double()
    asked = torch.einsum("isn,jsn->ij", a.query[one], b.query[other]).double()
    values = assigned(own)
    queries = torch.arange(len(asked))
    together = own
    for _ in range(_TURNS):
        turned = b.output[other][:, values.to(own.device)]
        queries = assigned(asked + torch.einsum("isn,jsn->ij", a.output[one], turned).double())
        given = b.output[other][queries.to(own.device)]
        together = own + torch.einsum("isn,itn->st", a.output[one], given).double()
        values = assigned(together)
    gained = (
        together.cpu()[torch.arange(len(values)), values].sum() + asked.cpu()[torch.arange(len(queries)), queries].sum()
    )
    keys = (a.key[one].double() * b.key[other]).sum()
    return gained.item() + keys.item(), queries, values
