"""Whether a value fits an option. In: an option's type, a meaning. Out: the value in normal form, or why not."""

from __future__ import annotations

from fractions import Fraction
from math import isinf

from ladle.dsl.affine import as_model
from ladle.dsl.problems import Mismatch
from ladle.dsl.program import (
    FAILED,
    BareWord,
    Choice,
    Constant,
    Entries,
    Failed,
    Items,
    Linked,
    Meaning,
    Named,
    Quantity,
)
from ladle.dsl.schedules import LARGEST, schedule
from ladle.dsl.signature import (
    Flag,
    Made,
    Names,
    Number,
    Numbers,
    OneOf,
    OptionType,
    Record,
    Reference,
    Required,
    Scheduled,
    Sort,
    Text,
    Texts,
    Word,
)
from ladle.dsl.source import Span
from ladle.dsl.suggest import did_you_mean, listing, nearest
from ladle.dsl.types import CorpusKind, CorpusType, Dimension, Share, Unknown, Value
from ladle.dsl.values import show, what
from ladle.dsl.world import World


def fit(world: World, type: OptionType, meaning: Meaning, span: Span) -> Choice | Mismatch | Failed:
    """Return the value of `meaning` for an option of this type: an integer option's is an int, a real one's a float."""
    if isinstance(meaning, Failed):
        return FAILED
    match type:
        case Number():
            return _number(type, meaning)
        case Word(choices):
            return _word(choices, meaning)
        case Flag():
            fits = isinstance(meaning, Constant) and isinstance(meaning.value, bool)
            return meaning.value if isinstance(meaning, Constant) and fits else _wanted(type, meaning)
        case Text():
            fits = isinstance(meaning, Constant) and isinstance(meaning.value, str)
            return meaning.value if isinstance(meaning, Constant) and fits else _wanted(type, meaning)
        case Numbers(item, length):
            return _numbers(item, length, meaning, type)
        case Texts():
            return _texts(type, meaning)
        case Scheduled():
            return schedule(meaning, type)
        case Names(keys):
            return _names(keys, meaning, type)
        case Record():
            return _record(world, type, meaning, span)
        case Reference():
            return _reference(world, type, meaning, span)
        case Made(role):
            fits = isinstance(meaning, Named) and meaning.term.operator.role is role
            return Linked((meaning,)) if isinstance(meaning, Named) and fits else _wanted(type, meaning)
        case OneOf(types):
            return _one_of(world, types, meaning, span)


def wanted(type: OptionType) -> str:
    """Say what an option of this type takes."""
    match type:
        case Number(integer=integer, dimensions=dimensions):
            plain = "a whole number" if integer else "a number"
            names = [plain if dimension is Dimension.PLAIN else dimension.value for dimension in dimensions]
            return " or ".join(names) + _range(type)
        case Word(choices):
            return listing(choices, last="or")
        case Flag():
            return "`true` or `false`"
        case Text():
            return "a path in double quotes" if type.path else "a string in double quotes"
        case Numbers(item, length):
            return f"a list of {f'{length} ' if length else ''}numbers{_range(item)}"
        case Texts():
            return "a list of strings in double quotes"
        case Scheduled(low, high):
            ends = Number(None if isinf(low) else low, None if isinf(high) else high, open_low=type.open_low)
            return f"a number{_range(ends)}, or a map from module names to such numbers"
        case Names(keys):
            return f"a map from {listing(keys, 20)} to strings"
        case Record(fields):
            return f"a map of {listing([field.name for field in fields], 20)}"
        case Reference(Sort.CORPUS, kinds, many):
            kind = " or ".join(f"{kind.value}" for kind in kinds)
            one = f"a {kind} corpus" if kind else "a corpus"
            return f"{one} or a list of them" if many else one
        case Reference(sort, _, many):
            return f"{sort.value} or a list of them" if many else sort.value
        case Made(role):
            return f"a {role.value}"
        case OneOf(types):
            return ", or ".join(wanted(inner) for inner in types)


def _range(type: Number) -> str:
    low, high = type.low, type.high
    if low is not None and high is not None:
        opens = [end for end, is_open in ((low, type.open_low), (high, type.open_high)) if is_open]
        without = f" ({' and '.join(f'{end:g}' for end in opens)} not included)" if opens else ""
        return f" from {_end(low)} to {_end(high)}{without}"
    if low is not None:
        return f" above {_end(low)}" if type.open_low else f" of at least {_end(low)}"
    if high is not None:
        return f" below {_end(high)}" if type.open_high else f" of at most {_end(high)}"
    return ""


def _end(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else f"{value:g}"


def _wanted(type: OptionType, meaning: Meaning) -> Mismatch:
    return Mismatch("E201", f"takes {wanted(type)}, not {what(meaning)}", label=f"this is {what(meaning)}")


def _number(type: Number, meaning: Meaning) -> Value | Mismatch:
    if not isinstance(meaning, Quantity):
        return _wanted(type, meaning)
    if meaning.dimension not in type.dimensions:
        label = f"this is {meaning.dimension.value}"
        return Mismatch("E202", f"takes {wanted(type)}, not {meaning.dimension.value}", label=label)
    number = meaning.number
    if not _within(type, meaning):
        shown = f"{show(number * 100)}%" if meaning.dimension is Dimension.PERCENT else show(number)
        return Mismatch("E204", f"takes {wanted(type)}, not {shown}", label="out of range")
    if meaning.dimension is Dimension.PERCENT:
        return Share(float(number))
    if type.integer and number.denominator != 1:
        return Mismatch("E201", f"takes {wanted(type)}, not {show(number)}", label="not a whole number")
    if abs(number) >= LARGEST:
        return Mismatch("E217", f"takes {wanted(type)}; this is too large", label="too large")
    return int(number) if type.integer else float(number)


def _within(type: Number, meaning: Quantity) -> bool:
    low, high, number = type.low, type.high, meaning.number
    if meaning.dimension is Dimension.PERCENT and type.dimensions != (Dimension.PERCENT,):
        return 0 <= number <= 1
    above = low is None or number > Fraction(low) or (number == Fraction(low) and not type.open_low)
    below = high is None or number < Fraction(high) or (number == Fraction(high) and not type.open_high)
    return above and below


def _word(choices: tuple[str, ...], meaning: Meaning) -> Value | Mismatch:
    match meaning:
        case BareWord(word) if word in choices:
            return word
        case Constant(None) if "none" in choices:
            return "none"
        case Constant(str() as text) if text in choices:
            return Mismatch(
                "E201", f"takes {wanted(Word(choices))}, not a string", f"write it without quotes: `{text}`"
            )
        case _:
            return _wanted(Word(choices), meaning)


def _numbers(item: Number, length: int, meaning: Meaning, type: Numbers) -> Value | Mismatch:
    if not isinstance(meaning, Items) or not meaning.items or length not in (0, len(meaning.items)):
        return _wanted(type, meaning)
    found = tuple(_number(item, each) for each in meaning.items)
    return next((each for each in found if isinstance(each, Mismatch)), None) or tuple(
        each for each in found if not isinstance(each, Mismatch)
    )


def _texts(type: Texts, meaning: Meaning) -> Value | Mismatch:
    items = meaning.items if isinstance(meaning, Items) else ()
    found = tuple(each.value for each in items if isinstance(each, Constant) and isinstance(each.value, str))
    return found if found and len(found) == len(items) else _wanted(type, meaning)


def _names(keys: tuple[str, ...], meaning: Meaning, type: Names) -> Value | Mismatch:
    if not isinstance(meaning, Entries):
        return _wanted(type, meaning)
    found: dict[str, Value] = {}
    for name, value in meaning.entries:
        if name not in keys:
            help = did_you_mean(nearest(name, keys)) or f"it takes {listing(keys, 20)}"
            return Mismatch("E203", f"has no key `{name}`", help)
        if not isinstance(value, Constant) or not isinstance(value.value, str):
            return Mismatch("E201", f"takes a string for `{name}`, not {what(value)}")
        found[name] = value.value
    return found


def _record(world: World, type: Record, meaning: Meaning, span: Span) -> Value | Mismatch | Failed:
    """A map with every key's value in normal form, defaults explicit."""
    if not isinstance(meaning, Entries):
        return _wanted(type, meaning)
    given = dict(meaning.entries)
    names = [field.name for field in type.fields]
    for name in given:
        if name not in names:
            said = [f"it is called `{field.name}` here" for field in type.fields if name in (field.field, field.text)]
            help = next(iter(said), "") or did_you_mean(nearest(name, names)) or f"it takes {listing(names, 20)}"
            return Mismatch("E203", f"has no key `{name}`", help)
    found: dict[str, Value] = {}
    for field in type.fields:
        if field.name not in given:
            if isinstance(field.default, Required):
                return Mismatch("E205", f"needs `{field.name}`: {field.text}", f"such as `{{{field.name}: ...}}`")
            found[field.name] = field.default
            continue
        value = fit(world, field.type, given[field.name], span)
        if isinstance(value, Mismatch):
            return Mismatch(value.code, f"has a map whose `{field.name}` {value.message}", value.help, value.label)
        if isinstance(value, Failed | Linked):
            return FAILED
        found[field.name] = value
    return found


def _reference(world: World, type: Reference, meaning: Meaning, span: Span) -> Choice | Mismatch | Failed:
    if type.many and isinstance(meaning, Items):
        found = [_one(world, type, item, span) for item in meaning.items]
        for each in found:
            if not isinstance(each, Named):
                return each
        if not found and not meaning.broken:
            return Mismatch("E209", f"takes {wanted(type)}, not an empty list")
        return FAILED if meaning.broken else Linked(tuple(each for each in found if isinstance(each, Named)))
    one = _one(world, type, meaning, span)
    return Linked((one,)) if isinstance(one, Named) else one


def _one(world: World, type: Reference, meaning: Meaning, span: Span) -> Named | Mismatch | Failed:
    if type.sort is Sort.MODEL:
        return as_model(world, meaning, span)
    if not isinstance(meaning, Named) or meaning.term.sort is not type.sort:
        return _wanted(type, meaning)
    return _of_kind(world, type, meaning, span) if type.sort is Sort.CORPUS else meaning


def _of_kind(world: World, type: Reference, corpus: Named, span: Span) -> Named | Mismatch:
    found, kinds = corpus.term.type, type.kinds
    if not kinds or not isinstance(found, CorpusType):
        return corpus
    if type.answered and found.unanswered:
        message = f"takes chats that are answered, and `{found.unanswered}` has no answer of the assistant"
        help = "leave the row out, or give it an answer: answers are what is learned"
        return Mismatch("E407", message, help, "a chat without an answer")
    names = " or ".join(kind.value for kind in kinds)
    if isinstance(found.kind, Unknown):
        world.skip(span, f"whether `{corpus.label}` is a {names} corpus", corpus.term)
    elif found.kind not in kinds:
        message = f"takes a {names} corpus, and `{corpus.label}` is a {found.kind.value} corpus"
        help = "conversions are operators: `as_text`" if CorpusKind.TEXT in kinds else ""
        return Mismatch("E207", message, help, f"a {found.kind.value} corpus")
    return corpus


def _one_of(world: World, types: tuple[OptionType, ...], meaning: Meaning, span: Span) -> Choice | Mismatch | Failed:
    """The first type that fits; what came nearest (right sort of value, wrong range) explains when none does."""
    misses: list[Mismatch] = []
    for type in types:
        found = fit(world, type, meaning, span)
        if not isinstance(found, Mismatch):
            return found
        if isinstance(type, Record) and isinstance(meaning, Entries):
            return found
        misses.append(found)
    near = [miss for miss in misses if miss.code not in ("E201", "E202")]
    if near:
        return near[0]
    units = any(miss.code == "E202" for miss in misses)
    return Mismatch(
        "E202" if units else "E201",
        f"takes {wanted(OneOf(types))}, not {what(meaning)}",
        label=f"this is {what(meaning)}",
    )
