"""Values of the language. In: literals and meanings. Out: exact quantities, keys for comparing, words for people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction

from ladle.dsl.graph import digest
from ladle.dsl.program import (
    FAILED,
    BareWord,
    Combination,
    Constant,
    Entries,
    Failed,
    Family,
    Items,
    Meaning,
    Named,
    Quantity,
    StageValue,
)
from ladle.dsl.signature import Sort
from ladle.dsl.syntax import NumberLiteral
from ladle.dsl.types import CorpusKind, CorpusType, Dimension

MAX_ITEMS = 10_000
"""Values in a list, members in families, nodes in a graph."""
MAX_DEPTH = 100
"""Lists within lists, those behind names too."""

_BITS = 2200
"""Size up to which numbers are computed with: more than any float, little enough to be quick."""
_NUMBER = re.compile(r"(\d[\d_]*(?:\.\d[\d_]*)?)(?:e([+-]?\d{1,4})(?!\d))?(.*)", re.DOTALL)
_HUNDREDTHS = (Dimension.PERCENT, Dimension.POINTS)


def exact(literal: NumberLiteral) -> Quantity | None:
    """Return the number as written, exactly (0.1 is a tenth), or None where it is too large or too long."""
    if isinstance(literal.value, int):
        return Quantity(Fraction(literal.value), literal.dimension)
    match = _NUMBER.fullmatch(literal.written)
    if match is None or len(literal.written) > 400 or "e" in match[3]:
        return None
    digits, exponent, unit = match.groups()
    number = Fraction(digits.replace("_", "")) * Fraction(10) ** int(exponent or 0)
    if literal.dimension in _HUNDREDTHS:
        number /= 100
    elif unit and number:
        number *= round(Fraction(literal.value) / number)
    return Quantity(number, literal.dimension) if sized(number) else None


def sized(number: Fraction) -> bool:
    """Say whether a number is small enough to compute with."""
    return number.numerator.bit_length() < _BITS and number.denominator.bit_length() < _BITS


def key(meaning: Meaning) -> str:
    """Return a text that is equal for equal values: how an index finds a member."""
    match meaning:
        case Quantity(number, dimension):
            return f"{number} {dimension.name}"
        case Constant(value):
            return f"constant {value!r}"
        case BareWord(word):
            return f"word {word}"
        case Items(items):
            return digest(["list", *(key(item) for item in items)])
        case Entries(entries):
            return digest(["map", *[f"{name} {key(value)}" for name, value in entries]])
        case StageValue(steps):
            return digest(["stages", *(step.key for step in steps)])
        case Named(term):
            return f"term {term.key}"
        case Combination(parts):
            return digest(["sum", *[f"{p.factor} {p.schedule} {p.model.term.key}" for p in parts]])
        case Family(name):
            return f"family {name}"
        case Failed():
            return "failed"


def what(meaning: Meaning) -> str:
    """Say what a value is, for a message."""
    match meaning:
        case Quantity(_, dimension):
            return dimension.value
        case Constant(value):
            return "a string" if isinstance(value, str) else f"`{'none' if value is None else str(value).lower()}`"
        case BareWord(word):
            return f"the word `{word}`"
        case Items():
            return "a list"
        case Entries():
            return "a map"
        case StageValue(steps):
            return "a stage" if len(steps) == 1 else f"a composition of {len(steps)} stages"
        case Named(term):
            return "a tokenizer" if term.sort is None else _sort(term.sort, term.type)
        case Combination() if meaning.total == 0:
            return "a delta"
        case Combination():
            return f"a sum of models with coefficients that sum to {show(meaning.total)}"
        case Family(members=members):
            return f"a family of {len(members)} models"
        case Failed():
            return "unknown"


def _sort(sort: Sort, type: object) -> str:
    if isinstance(type, CorpusType) and isinstance(type.kind, CorpusKind) and sort is Sort.CORPUS:
        return f"a {type.kind.value} corpus"
    return sort.value


def show(number: Fraction) -> str:
    """Return a number for people: exact where it is a short decimal."""
    if number.denominator == 1:
        return str(number.numerator) if abs(number.numerator) < 10**20 else "a very large number"
    try:
        short = f"{float(number):.12g}"
    except OverflowError:
        return "a very large number"
    return short if Fraction(short) == number else f"about {float(number):.6g}"


def items(values: list[Meaning]) -> Items | Failed | None:
    """Return a list without what failed, or None where it is too long or too deep."""
    good = tuple(value for value in values if value is not FAILED)
    broken = len(good) < len(values) or any(isinstance(value, Items) and value.broken for value in good)
    size, depth = measured(good)
    if size > MAX_ITEMS or depth > MAX_DEPTH:
        return FAILED if broken else None
    return Items(good, size, depth, broken)


def entries(found: Mapping[str, Meaning]) -> Entries | Failed | None:
    """Return a map, or None where it holds too much or goes too deep."""
    if any(value is FAILED or (isinstance(value, Items) and value.broken) for value in found.values()):
        return FAILED
    size, depth = measured(found.values())
    return Entries(tuple(found.items()), size, depth) if size <= MAX_ITEMS and depth <= MAX_DEPTH else None


def measured(values: Iterable[Meaning]) -> tuple[int, int]:
    """Return how many values these are, lists and maps in them through, and how deep they go."""
    size, depth = 0, 1
    for value in values:
        size += 1
        if isinstance(value, Items | Entries):
            size += value.size
            depth = max(depth, value.depth + 1)
    return size, depth
