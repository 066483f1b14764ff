"""What gates find. In: a recipe's requirements and the scores on disk. Out: which hold, with what was measured.

Nothing is trained or scored: what is not measured, or was measured of something else, holds nothing.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from ladle.dsl.program import Demand, Gate, Measure, Side
from ladle.executor.layout import Layout
from ladle.executor.lineage import Lineage, inspect
from ladle.executor.report.statistics import Interval, difference, pairs
from ladle.executor.report.tables import Score, read_score
from ladle.executor.reuse import find_equal
from ladle.executor.task import StepError
from ladle.executor.workspace import Workspace

COMPARE: Mapping[str, Callable[[Fraction, Fraction], bool]] = {
    ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "==": operator.eq,
}  # fmt: skip


class State(StrEnum):
    """What is known of a score."""

    MEASURED = "measured"
    MISSING = "not measured"
    STALE = "measured before the recipe changed"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Found:
    """A score that a requirement names: `score` is None unless it is measured."""

    measure: Measure
    state: State
    score: Score | None
    asked: bool
    """Whether a table of the recipe asks for it, so that a run measures it."""

    @property
    def name(self) -> str:
        """How the requirement writes it."""
        return f"{self.measure.model.label}.{self.measure.benchmark.label}"

    @property
    def value(self) -> Fraction:
        """The measured number, an accuracy exactly."""
        assert self.score is not None
        if self.score.correct:
            return Fraction(sum(self.score.correct), len(self.score.correct))
        return Fraction(str(self.score.value))


@dataclass(frozen=True, slots=True)
class Verdict:
    """One requirement: `holds` is None where something is not measured."""

    demand: Demand
    holds: bool | None
    found: tuple[Found, ...]
    left: Fraction | None
    right: Fraction | None
    interval: Interval | None
    """The left side minus the right, with its 95 % interval; None where the two are not paired."""
    problem: str
    """Why it could not be judged, or ""."""


def judge(gate: Gate, layout: Layout, workspace: Workspace) -> tuple[Verdict, ...]:
    """Return the verdict on each requirement of a gate."""
    return tuple(_verdict(demand, layout, workspace) for demand in gate.demands)


def _verdict(demand: Demand, layout: Layout, workspace: Workspace) -> Verdict:
    left = tuple(_found(each, layout, workspace) for each in demand.left.measures)
    right = tuple(_found(each, layout, workspace) for each in demand.right.measures)
    found = (*left, *right)
    problem = _problem(found)
    if problem:
        return Verdict(demand, None, found, None, None, None, problem)
    one, other = _sum(demand.left, left), _sum(demand.right, right)
    return Verdict(demand, COMPARE[demand.sign](one, other), found, one, other, _interval(demand, left, right), "")


def _found(measure: Measure, layout: Layout, workspace: Workspace) -> Found:
    key = layout.graph.measures[measure.model.term.key, measure.benchmark.term.key]
    place = layout.spots[key].place
    asked = any(key == score for table in layout.graph.tables for *_, score in table.scores)
    there = inspect(workspace.artifact(place), workspace.digests)
    if not isinstance(there, Lineage) or there.fingerprint != key:
        elsewhere = find_equal(workspace, key)
        if elsewhere is None:
            lacking = State.STALE if isinstance(there, Lineage) else State.MISSING if there.absent else State.DAMAGED
            return Found(measure, lacking, None, asked)
        place = elsewhere
    try:
        return Found(measure, State.MEASURED, read_score(workspace.artifact(place)), asked)
    except StepError:
        return Found(measure, State.DAMAGED, None, asked)


def _problem(found: Iterable[Found]) -> str:
    items = list(found)
    for each in items:
        if each.state is not State.MEASURED:
            return f"`{each.name}` is {each.state.value}"
    content: dict[str, tuple[str, ...]] = {}
    for each in items:
        assert each.score is not None
        asked = content.setdefault(each.measure.benchmark.term.key, each.score.content)
        if asked != each.score.content:
            return f"`{each.name}` was asked other items than what it is compared with"
    return ""


def _sum(side: Side, found: Iterable[Found]) -> Fraction:
    return side.constant + sum((each.measure.factor * each.value for each in found), Fraction(0))


def _interval(demand: Demand, left: tuple[Found, ...], right: tuple[Found, ...]) -> Interval | None:
    """The interval of left minus right: of one score, or of two over the same items, item by item."""
    signed = [*((each, each.measure.factor) for each in left), *((each, -each.measure.factor) for each in right)]
    shift = float(demand.left.constant - demand.right.constant)
    match sorted(signed, key=lambda item: -item[1]):
        case [(one, factor)] if one.score and one.score.low is not None and one.score.high is not None:
            ends = sorted((factor * one.score.low, factor * one.score.high))
            return Interval(factor * float(one.value) + shift, ends[0] + shift, ends[1] + shift)
        case [(plus, 1), (minus, -1)] if _paired(plus, minus):
            assert plus.score is not None
            assert minus.score is not None
            apart = difference(pairs(plus.score.correct, minus.score.correct))
            return Interval(apart.value + shift, apart.low + shift, apart.high + shift)
        case _:
            return None


def _paired(one: Found, other: Found) -> bool:
    same = one.measure.benchmark.term is other.measure.benchmark.term
    return bool(same and one.score and other.score and one.score.correct and other.score.correct)
