"""Options of merges that keep a part of each difference. In: nothing. Out: options, and what they must leave."""

from __future__ import annotations

from collections.abc import Iterator

from ladle.dsl.signature import Fault, Number, Option, Typed, Typing
from ladle.dsl.types import Schedule, Value
from ladle.executor.merge import scheduled, weighted_type
from ladle.executor.scheduled import over_tensors

GAMMA = Option(
    "gamma",
    scheduled(0, 1),
    0.01,
    "share of each difference's elements, the largest, that is dropped; where `density` is 1 none is",
    field="gamma",
    each=True,
)

EPSILON = Option(
    "epsilon",
    scheduled(0, 0.5),
    0.15,
    "how far the chance to be kept lies below and above `density`, from the least magnitude of a row to the largest",
    field="epsilon",
    each=True,
)

SEED = Option("seed", Number(low=0, high=2**32 - 1, integer=True), 42, "what the dropped elements are drawn from")


def too_many(density: float, gamma: float) -> str:
    """Say why elements cannot all be dropped as outliers or kept, "" where they can."""
    if density < 1 < density + gamma - 1e-9:
        return f"`density` {density:g} and `gamma` {gamma:g} are more than all elements"
    return ""


def no_chance(density: float, epsilon: float) -> str:
    """Say which chance to be kept is none, "" where all are."""
    for end in (density - epsilon, density + epsilon):
        if density < 1 and not 0 < end < 1:
            return f"`density` {density:g} and `epsilon` {epsilon:g} give a chance of {end:g}, not one between 0 and 1"
    return ""


def density_type(typing: Typing) -> Typed:
    """Return the first operand's type; `density` and what stands beside it must leave something of each operand."""
    for density, gamma in _pairs(typing, "gamma"):
        if message := too_many(density, gamma):
            return (Fault("E296", message, "`gamma` is dropped first, then `density` is kept: lower one", "gamma"),)
    for density, epsilon in _pairs(typing, "epsilon"):
        if message := no_chance(density, epsilon):
            return (Fault("E296", message, "lower `epsilon`, or set `density = 1` to keep all", "epsilon"),)
    return weighted_type(typing)


def _pairs(typing: Typing, name: str) -> Iterator[tuple[float, float]]:
    """Yield each density with the value that the other option has beside it; of schedules what meets in a tensor.

    Of a model whose tensors nobody knows yet what meets there is said by the step.
    """
    if name not in typing.options:
        return
    densities, others = (_each(typing, option) for option in ("density", name))
    for one, two in zip(densities, others, strict=True):
        if isinstance(one, Schedule) or isinstance(two, Schedule):
            yield from ((first, second) for _, (first, second) in over_tensors(typing.operands[0], (one, two)))
        elif isinstance(one, int | float) and isinstance(two, int | float):
            yield float(one), float(two)


def _each(typing: Typing, name: str) -> tuple[Value, ...]:
    value = typing.options[name]
    return value if isinstance(value, tuple) else (value,) * len(typing.operands)
