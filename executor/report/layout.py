"""Places the nodes of an acyclic graph in layers, left to right. In: their number, edges. Out: places and paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final

_SWEEPS: Final = 8
_BEND = -1
"""First part of a point that stands for an edge where it passes a layer."""

Point = tuple[int, int]
"""(number of a node, 0) or (`_BEND`, number of the bend)."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Layers from left to right; the height of each point, in rows; and for each edge the points it passes."""

    layers: tuple[tuple[Point, ...], ...]
    heights: Mapping[Point, float]
    paths: tuple[tuple[Point, ...], ...]


def place(count: int, edges: Sequence[tuple[int, int]]) -> Placed:
    """Lay out nodes 0 to `count - 1`: inputs left of users, few crossings, edges mostly straight."""
    layer_of = _layers(count, edges)
    paths, columns = _bends(layer_of, edges, count)
    before: dict[Point, list[Point]] = {point: [] for column in columns for point in column}
    after: dict[Point, list[Point]] = {point: [] for column in columns for point in column}
    for path in paths:
        for start, end in pairwise(path):
            after[start].append(end)
            before[end].append(start)
    for _ in range(_SWEEPS):
        _order(columns[1:], before, columns)
        _order(columns[-2::-1], after, columns)
    return Placed(tuple(tuple(column) for column in columns), _heights(columns, before, after), tuple(paths))


def _layers(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    users: list[list[int]] = [[] for _ in range(count)]
    inputs: list[list[int]] = [[] for _ in range(count)]
    for start, end in edges:
        users[start].append(end)
        inputs[end].append(start)
    layer = [0] * count
    order = _topological(inputs, users)
    for node in order:
        layer[node] = max((layer[i] + 1 for i in inputs[node]), default=0)
    # What is used stands right before its first user: a corpus beside the stage that reads it, not far left of it.
    for node in reversed(order):
        if users[node]:
            layer[node] = min(layer[user] for user in users[node]) - 1
    return layer


def _topological(inputs: Sequence[Sequence[int]], users: Sequence[Sequence[int]]) -> list[int]:
    waiting = [len(each) for each in inputs]
    order = [node for node, number in enumerate(waiting) if number == 0]
    for node in order:
        for user in users[node]:
            waiting[user] -= 1
            if waiting[user] == 0:
                order.append(user)
    if len(order) < len(inputs):
        raise ValueError("the graph has a cycle")
    return order


def _bends(
    layer_of: Sequence[int], edges: Sequence[tuple[int, int]], count: int
) -> tuple[list[tuple[Point, ...]], list[list[Point]]]:
    columns: list[list[Point]] = [[] for _ in range(max(layer_of, default=-1) + 1)]
    for node in range(count):
        columns[layer_of[node]].append((node, 0))
    paths: list[tuple[Point, ...]] = []
    bends = 0
    for start, end in edges:
        path: list[Point] = [(start, 0)]
        for layer in range(layer_of[start] + 1, layer_of[end]):
            path.append((_BEND, bends))
            columns[layer].append((_BEND, bends))
            bends += 1
        paths.append((*path, (end, 0)))
    return paths, columns


def _order(
    columns: Sequence[list[Point]], neighbours: Mapping[Point, Sequence[Point]], all_columns: Sequence[Sequence[Point]]
) -> None:
    """Sort each column by the mean place of its neighbours in the column beside it."""
    rank = {point: i for column in all_columns for i, point in enumerate(column)}
    for column in columns:
        weight = {
            point: sum(rank[n] for n in neighbours[point]) / len(neighbours[point])
            if neighbours[point]
            else rank[point]
            for point in column
        }
        column.sort(key=lambda point: weight[point])
        rank.update({point: i for i, point in enumerate(column)})


def _heights(
    columns: Sequence[Sequence[Point]],
    before: Mapping[Point, Sequence[Point]],
    after: Mapping[Point, Sequence[Point]],
) -> dict[Point, float]:
    """Pull each point towards its neighbours, keeping the order and a row's distance (less between bends)."""
    heights: dict[Point, float] = {point: float(i) for column in columns for i, point in enumerate(column)}
    for sweep in range(2 * _SWEEPS):
        forward = sweep % 2 == 0
        for column in columns if forward else columns[::-1]:
            near = before if forward else after
            wanted = [median([heights[n] for n in near[p]]) if near[p] else heights[p] for p in column]
            for point, height in zip(column, _apart(column, wanted), strict=True):
                heights[point] = height
    lowest = min(heights.values(), default=0.0)
    return {point: height - lowest for point, height in heights.items()}


def _apart(column: Sequence[Point], wanted: Sequence[float]) -> list[float]:
    """Return heights near `wanted`, in order and apart: neighbours too close become one block at their mean."""
    gaps = [0.0]
    for one, two in pairwise(column):
        gaps.append(gaps[-1] + (0.6 if _BEND in (one[0], two[0]) else 1.0))
    blocks: list[tuple[float, int]] = []
    for height, gap in zip(wanted, gaps, strict=True):
        blocks.append((height - gap, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (a, n), (b, m) = blocks[-2], blocks[-1]
            blocks[-2:] = [((a * n + b * m) / (n + m), n + m)]
    starts = [start for start, size in blocks for _ in range(size)]
    return [start + gap for start, gap in zip(starts, gaps, strict=True)]
