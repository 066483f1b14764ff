"""Schedules as mergekit's filters. In: a per-tensor parameter in canonical form. Out: a number or a list of filters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ladle.dsl.graph import Json
from ladle.executor.exporting.said import Said
from ladle.executor.exporting.subject import number
from ladle.executor.weights.modules import by_precedence

FILTERS: Final = {"embed": "embed_tokens", "norm": "model.norm", "layers": "layers."}
"""Names of modules for which mergekit's filter, part of a tensor's name, is another text."""


def setting(value: Json) -> Said:
    """Return a parameter as mergekit reads it: it takes the first filter that fits, so they stand as names win here."""
    if not isinstance(value, dict):
        return value if isinstance(value, bool) else _number(value)
    names = value["schedule"]
    assert isinstance(names, dict)
    rules: list[Said] = [
        {"filter": FILTERS.get(name, name), "value": _value(names[name])} for name in by_precedence(names)
    ]
    return [*rules, {"value": _number(value["else"])}]


def coefficient(products: Json) -> Json:
    """Return the sum of `[number, schedule or null]` products as one parameter; None for several schedules."""
    pairs = (
        [(number(item[0]), item[1]) for item in products if isinstance(item, list)]
        if isinstance(products, list)
        else []
    )
    constant = sum(factor for factor, schedule in pairs if schedule is None)
    scheduled = [(factor, schedule) for factor, schedule in pairs if schedule is not None]
    if len(scheduled) > 1:
        return None
    if not scheduled:
        return constant
    factor, schedule = scheduled[0]
    return _mapped(schedule, lambda value: constant + factor * value)


def opposite(value: Json) -> Json:
    """Return `1 - t` of a parameter."""
    return _mapped(value, lambda t: 1 - t)


def _mapped(value: Json, change: Callable[[float], float]) -> Json:
    if isinstance(value, dict):
        names = value["schedule"]
        assert isinstance(names, dict)
        changed = {name: _mapped(item, change) for name, item in names.items()}
        return {"schedule": changed, "else": change(number(value["else"]))}
    return [change(number(item)) for item in value] if isinstance(value, list) else change(number(value))


def _value(value: Json) -> Said:
    return [_number(item) for item in value] if isinstance(value, list) else _number(value)


def _number(value: Json) -> Said:
    return value if isinstance(value, int) else number(value)
