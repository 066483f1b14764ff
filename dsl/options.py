"""Options as set. In: blocks, `with` and calls over an operator's table. Out: one value for each, by precedence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ladle.dsl.fitting import fit, wanted
from ladle.dsl.problems import Mismatch
from ladle.dsl.program import Choice, Failed, Items, Linked, Meaning, Setting
from ladle.dsl.remedies import (
    bare,
    path_without_quotes,
    record_of,
    remedy,
)
from ladle.dsl.signature import (
    REQUIRED,
    Flag,
    OneOf,
    Operator,
    Option,
    OptionType,
    Reference,
    Required,
    Sort,
    Text,
    Word,
)
from ladle.dsl.source import Span
from ladle.dsl.suggest import did_you_mean, listing, nearest, sentences
from ladle.dsl.syntax import Argument, Call, ConstantLiteral, Entry, Expr, ListLiteral, MapLiteral, Name
from ladle.dsl.types import Share
from ladle.dsl.unknown import unknown_option
from ladle.dsl.world import Scope, World, option_of, words

Layer = Mapping[str, Setting]
"""Options set in one place."""

Written = tuple[Name, Expr]
"""`name = value`."""


def layer(
    world: World,
    operator: Operator,
    written: Iterable[Written],
    scope: Scope,
    what: str = "",
    before: Layer | None = None,
) -> dict[str, Setting]:
    """Return what one block or call sets, after what is set by position. What cannot be set so is reported."""
    found: dict[str, Setting] = dict(before or {})
    groups: dict[str, str] = {}
    meant: dict[str, Setting] = {}
    for name, expr in written:
        option = option_of(operator, name.name)
        if option is None:
            unknown_option(world, operator, name, what)
            meant |= _perhaps_meant(operator, name)
            continue
        if name.name in found:
            first = world.written(found[name.name].span)
            world.problems.report(
                "E106", name.span, f"`{name.name}` is set already, to `{first}`", "keep one of the two"
            )
            continue
        if option.group and groups.setdefault(option.group, name.name) != name.name:
            _conflict(world, operator, option, groups[option.group], name)
            continue
        found[name.name] = read(world, option, expr, scope)
    return {**meant, **found}


def _sort(type: OptionType) -> Sort | None:
    """What an option of this type refers to."""
    match type:
        case Reference(sort):
            return sort
        case OneOf(types):
            return next((found for inner in types if (found := _sort(inner)) is not None), None)
        case _:
            return None


def _perhaps_meant(operator: Operator, name: Name) -> dict[str, Setting]:
    """The options that a misspelt name may stand for: that they are not set is no second problem."""
    near = nearest(name.name, [option.name for option in operator.options])
    options = [option.name for option in operator.options if option.name in near or option.default is REQUIRED]
    return {option: Setting(None, name.span, failed=True) for option in options}


def read(world: World, option: Option, expr: Expr, scope: Scope) -> Setting:
    """Return what an expression sets an option to. A bare word of the option's enumeration wins over any name."""
    choices = words(option.type)
    match expr:
        case Call(Name("each"), arguments) if "each" not in world.declared:
            return _each(world, option, arguments, expr.span, scope)
        case Name(name) if name in choices:
            return Setting(name, expr.span)
        case ConstantLiteral(None) if "none" not in choices and option.default is None and not option.group:
            return Setting(None, expr.span)
        case Name(name) if _spoken(option.type) and not _known(world, name, scope):
            near = nearest(name, (*_spoken(option.type), *world.declared))
            help = did_you_mean(near) or option.text
            message = f"`{option.name}` takes {wanted(option.type)}, not `{name}`"
            world.problems.report("E105", expr.span, message, help, "not one of its words")
            return Setting(None, expr.span, failed=True)
        case Name(name) if isinstance(option.type, Text) and not _known(world, name, scope):
            if not nearest(name, world.declared):
                message = f"`{option.name}` takes {wanted(option.type)}, not the name `{name}`"
                world.problems.report("E201", expr.span, message, f'write `"{name}"`', "no quotes")
                return Setting(None, expr.span, failed=True)
        case MapLiteral(entries) if odd := _odd_word(world, option, entries, scope):
            return odd
        case _ if isinstance(option.type, Text) and path_without_quotes(expr):
            written = world.written(expr.span)
            message = f"`{option.name}` takes {wanted(option.type)}, not `{written}`"
            world.problems.report("E201", expr.span, message, f'put it in quotes: `"{written}"`', "no quotes")
            return Setting(None, expr.span, failed=True)
    constant = expr.name if isinstance(expr, Name) and expr.name in world.declared else ""
    return fitted(world, option, world.evaluate(expr, scope.of(_sort(option.type))), expr.span, constant)


def _odd_word(world: World, option: Option, entries: Iterable[Entry], scope: Scope) -> Setting | None:
    """What a key of a map is set to that takes words alone, and is given other names: they are no undeclared models."""
    keys = {key.name: key for key in record_of(option.type)}
    for entry in entries:
        key = keys.get(entry.key.name)
        if key is None or not isinstance(key.type, Word):
            continue
        named = entry.value.items if isinstance(entry.value, ListLiteral) else (entry.value,)
        odd = [each for each in named if isinstance(each, Name) and not _known(world, each.name, scope)]
        if odd or isinstance(entry.value, ListLiteral):
            message = (
                f"`{key.name}` of `{option.name}` takes {wanted(key.type)}, not `{world.written(entry.value.span)}`"
            )
            near = did_you_mean(nearest(odd[0].name, key.type.choices)) if odd else ""
            world.problems.report("E105", entry.value.span, message, near or key.text, "not one of its words")
            return Setting(None, entry.value.span, failed=True)
    return None


def _each(world: World, option: Option, given: tuple[Argument, ...], span: Span, scope: Scope) -> Setting:
    """One value for each operand: `each(0.5, 0.7)`."""
    if not option.each:
        help = "give it one value"
        world.problems.report("E243", span, f"`{option.name}` is not given operand by operand", help, "one value")
        return Setting(None, span, failed=True)
    odd = next((argument for argument in given if argument.name or argument.weight is not None), None)
    if odd is not None or not given:
        help = f"such as `{option.name} = each(0.5, 0.7)`"
        world.problems.report("E243", odd.span if odd else span, "`each` takes one value for each operand", help)
        return Setting(None, span, failed=True)
    found = [read(world, option, argument.value, scope) for argument in given]
    values = tuple(setting.value for setting in found if not isinstance(setting.value, Linked))
    return Setting(values, span, failed=any(setting.failed for setting in found))


def fitted(world: World, option: Option, meaning: Meaning, span: Span, constant: str = "") -> Setting:
    """Return what a value sets an option to; one that does not fit is reported.

    A `constant` that does not fit an option is one mistake, wherever else it stands for the same option.
    """
    found = fit(world, option.type, meaning, span)
    if isinstance(found, Mismatch):
        message = f"`{option.name}` {found.message}"
        once = f"{found.code} {option.name} = {constant}" if constant else ""
        help = _mended(world, option, meaning, found, span)
        world.problems.report(found.code, span, message, help, found.label, once)
    if isinstance(found, Mismatch | Failed):
        return Setting(None, span, failed=True)
    return Setting(found, span)


def _mended(world: World, option: Option, meaning: Meaning, wrong: Mismatch, span: Span) -> str:
    """Say what to write instead of a value that does not fit; else what the option is, and one as it may be written."""

    def fits(other: Meaning) -> bool:
        return not isinstance(fit(world, option.type, other, span), Mismatch | Failed)

    instead = remedy(world, option, meaning, span, fits)
    if option.each and isinstance(meaning, Items):
        instead = f"operand by operand it is `each({world.written(span)[1:-1]})`"
    if wrong.code == "E407":
        instead = ""  # the corpus is meant, and its row is to be mended
    example = _example(option) or bare(option, world.written(span), fits)
    return sentences((wrong.help, instead)) or sentences((option.text, example))


def _example(option: Option) -> str:
    """Show how the option is written, by its default; "" where that is no number."""
    match option.default:
        case Share(fraction):
            return f"such as `{option.name} = {fraction * 100:g}%`"
        case int() | float() if not isinstance(option.default, bool):
            return f"such as `{option.name} = {option.default:g}`".replace("e-0", "e-")
        case _:
            return ""


def settle(operator: Operator, layers: Iterable[Layer]) -> dict[str, Setting]:
    """Return what is set after all layers, later over earlier; one of a group replaces the whole group."""
    found: dict[str, Setting] = {}
    for each in layers:
        for name, setting in each.items():
            option = option_of(operator, name)
            if option is not None and option.group:
                for other in operator.options:
                    if other.group == option.group:
                        found.pop(other.name, None)
            found[name] = setting
    return found


def complete(operator: Operator, settled: Layer) -> tuple[dict[str, Choice], list[str]]:
    """Return the value of each option, defaults explicit, and the names of those that must be set and are not."""
    decided = {option.group for option in operator.options if option.group and option.name in settled}
    values: dict[str, Choice] = {}
    missing: list[str] = []
    for option in operator.options:
        if option.name in settled:
            values[option.name] = settled[option.name].value
        elif option.group in decided and option.group:
            values[option.name] = None
        elif isinstance(option.default, Required):
            missing.append(option.name)
        else:
            values[option.name] = option.default
    return values, missing


def _conflict(world: World, operator: Operator, option: Option, first: str, name: Name) -> None:
    names = [other.name for other in operator.options if other.group == option.group]
    message = f"`{first}` and `{name.name}` are set together, and only one can count"
    world.problems.report(
        "E206", name.span, message, f"set exactly one of {listing(names)}", f"`{first}` is set already"
    )


def _spoken(type: OptionType) -> tuple[str, ...]:
    """The bare words and constants that an option of this type takes."""
    return ("true", "false") if isinstance(type, Flag) else words(type)


def _known(world: World, name: str, scope: Scope) -> bool:
    return name in scope.axes or name in world.declared or name in world.words
