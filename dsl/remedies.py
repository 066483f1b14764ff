"""What to write instead of what does not fit. In: an option, what it was set to or called. Out: the help, or ""."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from ladle.dsl.numbers import NumberFault, read_number
from ladle.dsl.program import Constant, Meaning, Quantity
from ladle.dsl.signature import OneOf, Operator, Option, OptionType, Record, Reference, Role, Sort
from ladle.dsl.source import Span
from ladle.dsl.suggest import listing
from ladle.dsl.syntax import Attribute, Binary, Call, CorpusDecl, Expr, Name, NumberLiteral
from ladle.dsl.types import Dimension
from ladle.dsl.values import exact, show
from ladle.dsl.world import World, words

Fits = Callable[[Meaning], bool]
"""Says whether a value fits the option."""


def remedy(world: World, option: Option, meaning: Meaning, span: Span, fits: Fits) -> str:
    """Return what to write instead of a value that does not fit, "" where it is not plain what was meant."""
    type = option.type
    if isinstance(type, Reference):
        return corpora(world, type) if type.sort is Sort.CORPUS else ""
    if isinstance(meaning, Constant) and isinstance(meaning.value, str) and meaning.value in words(type):
        return f"write it without quotes: `{meaning.value}`"
    for text in _plain(meaning, world.written(span)):
        text = _binary(option, text)
        number = _number(text)
        if number is not None and fits(number):
            return f"write `{text}`"
    return ""


def _binary(option: Option, text: str) -> str:
    """A number with `k`, in powers of two where the option counts in them, as its default does."""
    whole = option.default
    binary = isinstance(whole, int) and whole > 0 and whole % 1024 == 0
    return f"{text[:-1]}Ki" if binary and re.fullmatch("[0-9]+[kK]", text) else text


def bare(option: Option, written: str, fits: Fits) -> str:
    """Show an option with the number that is written, without its unit; "" where that does not fit either."""
    digits = re.match("[0-9_.]*", written)
    number = _number(digits[0]) if digits else None
    return f"such as `{option.name} = {show(number.number)}`" if number is not None and fits(number) else ""


def _plain(meaning: Meaning, written: str) -> Iterator[str]:
    """The number within a string, of a percentage, of bytes."""
    match meaning:
        case Constant(str() as text):
            yield text
        case Quantity(number, Dimension.PERCENT):
            yield show(number)
        case Quantity(number, Dimension.PLAIN) if 0 < number < 1:
            yield f"{show(number * 100)}%"
        case Quantity(_, Dimension.BYTES):
            yield re.sub("GB$", "B", written) if written.endswith("GB") else written.removesuffix("B")
        case _:
            pass


def _number(text: str) -> Quantity | None:
    found = read_number(text)
    if isinstance(found, NumberFault):
        return None
    return exact(NumberLiteral(*found, text, Span(0, 0)))


def corpora(world: World, type: Reference) -> str:
    """Name the corpora here that an option may refer to, or say how one is made; "" where it takes no kind of them."""
    kinds = [kind.value for kind in type.kinds]
    if not kinds:
        return ""
    names = [n for n, each in world.declared.items() if isinstance(each, CorpusDecl) and each.kind.name in kinds]
    kind = " or ".join(kinds)
    return f"{kind} corpora here: {listing(names)}" if names else f'make one: `corpus NAME: {kinds[0]} = jsonl("FILE")`'


def how_declared(world: World, sort: Sort | None) -> str:
    """Say how what is wanted is declared, "" where nothing of one sort is."""
    match sort:
        case Sort.BENCHMARK:
            return f"declare it: `benchmark NAME: KIND {{ on = ... }}`; kinds are {called(world, Role.BENCHMARK)}"
        case Sort.CORPUS:
            return f"declare it: `corpus NAME: KIND = SOURCE`; sources are {called(world, Role.CORPUS_SOURCE)}"
        case _:
            return ""


def called(world: World, role: Role) -> str:
    """List the operators of a role, as recipes write them."""
    return listing(sorted(world.operators(role)), 20)


def as_weight(world: World, operator: Operator, name: str) -> str:
    """Say how a weight is written where an option stands for one, "" elsewhere."""
    if operator.operands.weighted == "no":
        return ""
    if name in ("weight", "weights"):
        return f"a weight stands after its operand: `{operator.written}(a: 0.7, b: 0.3)`"
    return f"a weight stands after `:`, as in `{name}: 0.5`" if name in world.declared else ""


def as_range(expr: Call) -> str:
    """Say how a range is written whose last number is not in it elsewhere."""
    ends = [found for argument in expr.arguments if isinstance(argument.value, NumberLiteral)
            if (found := exact(argument.value)) is not None]  # fmt: skip
    if len(ends) == len(expr.arguments) == 2 and ends[0].number < ends[1].number:
        return f"write `{show(ends[0].number)}..{show(ends[1].number - 1)}`: both ends are in it"
    return "a range is written `1..5` or `0.1..0.9 by 0.2`, with both ends in it"


def path_without_quotes(expr: Expr) -> bool:
    """Whether an expression looks like a path that stands without quotes: names joined by `/`, `.` and `-`."""
    return isinstance(expr, Binary | Attribute) and _joined(expr)


def _joined(expr: Expr) -> bool:
    match expr:
        case Binary(operator, left, right):
            return operator in "/-" and _joined(left) and _joined(right)
        case Attribute(target):
            return _joined(target)
        case _:
            return isinstance(expr, Name | NumberLiteral)


def field_of(options: Iterable[Option], name: str) -> str:
    """Return the option that the library beneath calls `name`, "" where there is none."""
    return next((option.name for option in options if name in _fields(option)), "")


def part_of_field(options: Iterable[Option], name: str) -> str:
    """Return the option whose name in the library beneath has the words of `name`, or that has them the other way."""
    said = set(name.split("_"))
    for option in options:
        for field in _fields(option):
            words = set(field.split("_"))
            if said <= words or (len(words) > 1 and words <= said):
                return option.name
    return ""


def within_record(options: Iterable[Option], name: str) -> str:
    """Return the option and the key of its map that `name` stands for, `lora = {r: ...}`; "" where there is none."""
    for option in options:
        for key in record_of(option.type):
            if name in (f"{option.name}_{key.name}", *_fields(key)) and "_" in name:
                return f"{option.name} = {{{key.name}: ...}}"
    return ""


def record_of(type: OptionType) -> tuple[Option, ...]:
    """Return the keys of the map that an option of this type takes, none for another type."""
    match type:
        case Record(fields):
            return fields
        case OneOf(types):
            return tuple(key for inner in types for key in record_of(inner))
        case _:
            return ()


def _fields(option: Option) -> list[str]:
    return re.findall(r"\w+", option.field)
