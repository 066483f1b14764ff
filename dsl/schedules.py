"""Per-tensor parameters. In: a number or a map as meant. Out: a float or a Schedule in normal form, or why not."""

from __future__ import annotations

from fractions import Fraction

from ladle.dsl.problems import Mismatch
from ladle.dsl.program import Entries, Items, Meaning, Quantity
from ladle.dsl.types import Dimension, Schedule
from ladle.dsl.values import show, what

_HELP = "such as `{self_attn: [0, 1], mlp: 0.3, else: 0.5}`: `else` is required and comes last"


def schedule(meaning: Meaning, low: float | None, high: float | None) -> float | Schedule | Mismatch:
    """Return a number as it is, a map as a Schedule; every number within [low, high]."""
    match meaning:
        case Quantity():
            return _value(meaning, low, high)
        case Entries(entries):
            return _map(entries, low, high)
        case Items():
            message = "takes a number or a map of module names; a list alone leaves the embeddings without a value"
            return Mismatch("E213", message, "write `{layers: [...], else: 0.5}`", "a list alone")
        case _:
            message = f"takes a number, or a map from module names to numbers, not {what(meaning)}"
            return Mismatch("E201", message, label=f"this is {what(meaning)}")


def _map(entries: tuple[tuple[str, Meaning], ...], low: float | None, high: float | None) -> Schedule | Mismatch:
    if not entries or entries[-1][0] != "else":
        return Mismatch("E213", "has a map that does not end in `else`", _HELP, "no `else` at the end")
    modules: dict[str, float | tuple[float, ...]] = {}
    for name, meaning in entries[:-1]:
        found = _depth(name, meaning, low, high) if isinstance(meaning, Items) else _value(meaning, low, high)
        if isinstance(found, Mismatch):
            return found
        modules[name] = found
    default = _value(entries[-1][1], low, high)
    if isinstance(default, Mismatch):
        return default
    return Schedule(tuple(sorted(modules.items(), key=_module)), default)


def _module(item: tuple[str, float | tuple[float, ...]]) -> str:
    return item[0]


def _depth(name: str, values: Items, low: float | None, high: float | None) -> tuple[float, ...] | Mismatch:
    if len(values.items) < 2:
        return Mismatch("E213", f"has a list over depth for `{name}` with fewer than two values", "write a number")
    found: list[float] = []
    for item in values.items:
        value = _value(item, low, high)
        if isinstance(value, Mismatch):
            return value
        found.append(value)
    return tuple(found)


def _value(meaning: Meaning, low: float | None, high: float | None) -> float | Mismatch:
    if not isinstance(meaning, Quantity):
        return Mismatch("E201", f"takes numbers, not {what(meaning)}")
    if meaning.dimension is not Dimension.PLAIN:
        return Mismatch("E202", f"takes plain numbers, not {meaning.dimension.value}")
    below = low is not None and meaning.number < Fraction(low)
    if below or (high is not None and meaning.number > Fraction(high)):
        wanted = f"between {low:g} and {high:g}" if low is not None and high is not None else "in range"
        return Mismatch("E204", f"takes numbers {wanted}, not {show(meaning.number)}", label="out of range")
    try:
        return float(meaning.number)
    except OverflowError:
        return Mismatch("E217", "has a number that is too large")
