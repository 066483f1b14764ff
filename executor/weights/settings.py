"""Parameters of a merge, tensor by tensor. In: options of a node. Out: the same with numbers for schedules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ladle.dsl.graph import Json
from ladle.executor.weights.modules import unmatched, value_at


def at(value: Json, tensor: str, layers: int) -> Json:
    """Return an option's value for one tensor: each schedule in it is a number.

    Raises ValueError for a list over depth on a module that stands outside the layers.
    """
    if _is_schedule(value):
        return value_at(value, tensor, layers)
    if isinstance(value, list):
        return [at(item, tensor, layers) for item in value]
    return value


def ineffective(options: Mapping[str, Json], tensors: tuple[str, ...]) -> str:
    """Return a message for the first module name of a schedule that no tensor matches, or ""."""
    option, name = idle(options, tensors)
    return f"`{name}` in `{option}` matches no tensor of the model" if name else ""


def idle(options: Mapping[str, Json], tensors: tuple[str, ...]) -> tuple[str, str]:
    """Return the first option whose schedule names a module that no tensor matches, and that name; or "" for both."""
    for option, value in options.items():
        for schedule in _schedules(value):
            for name in unmatched(schedule, tensors):
                return option, name
    return "", ""


def _schedules(value: Json) -> Iterator[Json]:
    if _is_schedule(value):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _schedules(item)


def _is_schedule(value: Json) -> bool:
    return isinstance(value, dict) and "schedule" in value
