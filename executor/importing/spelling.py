"""Values as a recipe writes them. In: numbers, words, shares. Out: their text, and whether an option takes them."""

from __future__ import annotations

from decimal import Decimal

from ladle.dsl.signature import Flag, Number, Numbers, OneOf, Operator, Option, OptionType, Scheduled, Word
from ladle.dsl.types import Dimension, Share

Said = bool | int | float | str | Share | tuple[float, ...]
"""A value of an option; a str is a bare word."""


def written(number: int | float) -> str:
    """Return a number as people write it: `2e-5`, `0.05`, `4Ki`."""
    if isinstance(number, int):
        return f"{number // 1024}Ki" if number >= 1024 and number % 1024 == 0 else str(number)
    if number.is_integer() and abs(number) < 1e15:
        return str(int(number))
    if 1e-3 <= abs(number) < 1e6:
        return format(Decimal(repr(number)), "f")
    mantissa, _, exponent = f"{Decimal(repr(number)):e}".partition("e")
    digits = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{digits}e{int(exponent)}"


def spelled(value: Said) -> str:
    """Return a value as a recipe writes it."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return written(value)
        case Share(fraction):
            return f"{format((Decimal(repr(fraction)) * 100).normalize(), 'f')}%"
        case tuple():
            return f"[{', '.join(written(item) for item in value)}]"
        case str():
            return value


def takes(type: OptionType, value: Said) -> bool:
    """Say whether an option of this type takes a value."""
    match type, value:
        case Flag(), bool():
            return True
        case Word(choices), str():
            return value in choices
        case Number(), int() | float() if not isinstance(value, bool):
            return _within(type, value)
        case Number(), Share(fraction):
            return Dimension.PERCENT in type.dimensions and _within(type, fraction)
        case Scheduled(low, high), int() | float() if not isinstance(value, bool):
            return low <= value <= high and not (type.open_low and value == low)
        case Numbers(item, length), tuple():
            return len(value) == length and all(takes(item, each) for each in value)
        case OneOf(types), _:
            return any(takes(each, value) for each in types)
        case _:
            return False


def option(operator: Operator, name: str) -> Option | None:
    """Return the option of an operator by its name."""
    return next((each for each in operator.options if each.name == name), None)


def keys(type: OptionType) -> tuple[str, ...]:
    """Return the keys of an option that is a map, such as `lora = {r: 16}`; () for any other."""
    fields = getattr(type, "fields", ())
    names = [getattr(field, "name", "") for field in fields]
    inner = getattr(type, "types", ())
    return tuple(name for name in names if isinstance(name, str)) or next(
        (keys(each) for each in inner if keys(each)), ()
    )


def _within(type: Number, value: int | float) -> bool:
    if type.integer and not float(value).is_integer():
        return False
    if type.low is not None and (value < type.low or (type.open_low and value == type.low)):
        return False
    return type.high is None or not (value > type.high or (type.open_high and value == type.high))
