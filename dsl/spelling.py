"""Names made from expressions. In: values, labels of inputs. Out: letters, digits, `-` and `_`, of bounded length."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping

from ladle.dsl.graph import canonical, digest
from ladle.dsl.program import (
    BareWord,
    Choice,
    Combination,
    Constant,
    Entries,
    Failed,
    Family,
    Items,
    Linked,
    Meaning,
    Named,
    Quantity,
    StageValue,
)
from ladle.dsl.signature import Operator
from ladle.dsl.types import Dimension, Schedule, Share, Value
from ladle.dsl.values import key, show

MAX_NAME = 120
_DIGEST = 8
_PLAIN = re.compile(r"[a-z][a-z0-9_]*")


def joined(parts: Iterable[str]) -> str:
    """Return `parts` joined to one name; a long one ends in a digest of the whole."""
    text = "-".join(part for part in parts if part)
    if len(text) <= MAX_NAME:
        return text
    return f"{text[: MAX_NAME - _DIGEST - 1]}-{hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]}"


def spelled(choice: Choice) -> str:
    """Return the value of an option as part of a name."""
    match choice:
        case Linked(items):
            return joined(item.label for item in items)
        case None | bool():
            return "none" if choice is None else str(choice).lower()
        case int() | float():
            return number(choice)
        case str():
            return choice if _PLAIN.fullmatch(choice) else _short(choice)
        case Share(fraction):
            return number(round(fraction * 100, 10)) + "pct"
        case tuple() if all(isinstance(item, int | float | Share) for item in choice):
            return "_".join(spelled(item) for item in choice)
        case Schedule() | tuple() | Mapping():
            return digest(canonical(choice))[:_DIGEST]


def number(value: float) -> str:
    """Return a number as part of a name: `0_5`, `m1`, `2e-05`."""
    whole = isinstance(value, int) or (value.is_integer() and abs(value) < 10**15)
    text = str(int(value)) if whole else f"{value:.12g}"
    return ("m" + text[1:] if text.startswith("-") else text).replace(".", "_").replace("+", "")


def axis_value(meaning: Meaning) -> str:
    """Return the value of an axis as part of a member's name."""
    match meaning:
        case Quantity(value, dimension):
            shown = float(value * 100 if dimension is Dimension.PERCENT else value)
            return number(round(shown, 10)) + ("pct" if dimension is Dimension.PERCENT else "")
        case Constant(value):
            return spelled(value)
        case BareWord(word):
            return word
        case StageValue(steps):
            return joined(part for step in steps for part in (step.name, settings(step.kind, step.values)))
        case Named(_, label) | Combination(_, label):
            return label
        case Family() | Items() | Entries() | Failed():
            return digest(key(meaning))[:_DIGEST]


def as_index(value: Meaning) -> str:
    """Return the value of an axis as an index of a recipe writes it."""
    match value:
        case StageValue(steps):
            return " | ".join(step.name for step in steps)
        case Quantity(number, Dimension.PERCENT):
            return f"{show(number * 100)}%"
        case Quantity(number):
            return show(number)
        case Constant(str() as text):
            return f'"{text}"'
        case _:
            return axis_value(value)


def settings(operator: Operator, values: Mapping[str, Choice]) -> str:
    """Return what was set at a call, in the order in which the operator declares its options."""
    names = [option.name for option in operator.options if option.name in values]
    return "-".join(f"{name}-{spelled(values[name])}" for name in names)


def source_name(operator: Operator, value: Value) -> str:
    """Return a name for data that is located by `value`: its last part, and a digest that tells equal ones apart."""
    return f"{operator.name}-{_short(str(value))}"


def _short(text: str) -> str:
    stem = re.sub(r"[^a-z0-9_]+", "-", text.lower().rsplit("/", 1)[-1].rsplit(".", 1)[0]).strip("-")
    return "-".join(part for part in (stem[:40], hashlib.sha256(text.encode()).hexdigest()[:6]) if part)
