"""Rows of a table averaged over an axis. In: its groups and cells. Out: mean and spread of each, one row a group."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from ladle.executor.report.content import Average, Cell, Model

Groups = Sequence[tuple[str, Sequence[str]]]


def averages(groups: Groups, cells: Iterable[Cell], models: Iterable[Model]) -> tuple[Average, ...]:
    """Return mean, sample standard deviation and ends of each group on each benchmark, their mean ("") first.

    The spread is between runs, such as seeds. It is no interval of one run's score, which comes from its items.
    """
    scores: dict[str, dict[str, tuple[str, float]]] = {}
    for model in models:
        if model.overall is not None:
            scores.setdefault(model.name, {})[""] = ("accuracy", model.overall.value)
    for cell in cells:
        scores.setdefault(cell.model, {})[cell.benchmark] = (cell.metric, cell.value)
    return tuple(each for name, members in groups for each in _row(name, members, scores))


def _row(name: str, members: Sequence[str], scores: Mapping[str, Mapping[str, tuple[str, float]]]) -> Iterable[Average]:
    for benchmark, (metric, _) in scores[members[0]].items():
        values = [scores[member][benchmark][1] for member in members]
        mean = math.fsum(values) / len(values)
        squares = math.fsum((value - mean) ** 2 for value in values)
        spread = math.sqrt(squares / (len(values) - 1)) if len(values) > 1 else None
        yield Average(name, benchmark, metric, tuple(members), mean, spread, min(values), max(values))
