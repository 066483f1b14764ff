"""Per-tensor parameters. In: a number or a map as meant. Out: a float or a Schedule in normal form, or why not."""

from __future__ import annotations

from math import isinf

from ladle.dsl.problems import Mismatch
from ladle.dsl.program import Entries, Items, Meaning, Quantity
from ladle.dsl.signature import Scheduled
from ladle.dsl.suggest import did_you_mean, listing, nearest
from ladle.dsl.types import Dimension, Schedule
from ladle.dsl.values import show, what

LARGEST = 2**63
"""No number of a recipe is as large."""
_HELP = "such as `{self_attn: [0, 1], mlp: 0.3, else: 0.5}`: `else` is required and comes last"


def schedule(meaning: Meaning, type: Scheduled) -> float | Schedule | Mismatch:
    """Return a number as it is, a map as a Schedule; every number in the range of the type."""
    match meaning:
        case Quantity():
            return _value(meaning, type)
        case Entries(entries):
            return _map(entries, type)
        case Items():
            message = "takes a number or a map of module names; a list alone leaves the embeddings without a value"
            return Mismatch("E213", message, "write `{layers: [...], else: 0.5}`", "a list alone")
        case _:
            message = f"takes a number, or a map from module names to numbers, not {what(meaning)}"
            return Mismatch("E201", message, label=f"this is {what(meaning)}")


def _map(entries: tuple[tuple[str, Meaning], ...], type: Scheduled) -> Schedule | Mismatch:
    if not entries or entries[-1][0] != "else":
        return Mismatch("E213", "has a map that does not end in `else`", _HELP, "no `else` at the end")
    modules: dict[str, float | tuple[float, ...]] = {}
    for name, meaning in entries[:-1]:
        found = _module(name, meaning, type)
        if isinstance(found, Mismatch):
            return found
        modules[name] = found
    default = _value(entries[-1][1], type)
    if isinstance(default, Mismatch):
        return default
    return Schedule(tuple((name, modules[name]) for name in sorted(modules)), default)


def _module(name: str, meaning: Meaning, type: Scheduled) -> float | tuple[float, ...] | Mismatch:
    if type.modules and name not in type.modules:
        help = did_you_mean(nearest(name, type.modules)) or f"modules are {listing(type.modules, 30)}"
        return Mismatch("E213", f"has a map with `{name}`, which is no module of a model", help, f"`{name}`")
    if not isinstance(meaning, Items):
        return _value(meaning, type)
    if type.modules and name not in type.layered:
        help = "a list runs over the depth of the layers; write a number"
        return Mismatch("E213", f"has a list over depth for `{name}`, which stands outside the layers", help)
    if len(meaning.items) < 2:
        return Mismatch("E213", f"has a list over depth for `{name}` with fewer than two values", "write a number")
    return _depth(meaning, type)


def _depth(values: Items, type: Scheduled) -> tuple[float, ...] | Mismatch:
    found: list[float] = []
    for item in values.items:
        value = _value(item, type)
        if isinstance(value, Mismatch):
            return value
        found.append(value)
    return tuple(found)


def _value(meaning: Meaning, type: Scheduled) -> float | Mismatch:
    if not isinstance(meaning, Quantity):
        return Mismatch("E201", f"takes numbers, not {what(meaning)}")
    if meaning.dimension is not Dimension.PLAIN:
        return Mismatch("E202", f"takes plain numbers, not {meaning.dimension.value}")
    if abs(meaning.number) >= LARGEST:
        return Mismatch("E217", "has a number that is too large", label="too large")
    value = float(meaning.number)
    if type.low <= value <= type.high and not (type.open_low and value == type.low):
        return value
    wanted = f"between {type.low:g} and {type.high:g}" + (f" ({type.low:g} not included)" if type.open_low else "")
    if isinf(type.low) or isinf(type.high):
        wanted = f"of at least {type.low:g}" if isinf(type.high) else f"of at most {type.high:g}"
    return Mismatch("E204", f"takes numbers {wanted}, not {show(meaning.number)}", label="out of range")
