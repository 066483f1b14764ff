"""Positional arguments. In: a call's arguments, the piped value. Out: operands with weights, and options."""

from __future__ import annotations

from collections.abc import Sequence

from ladle.dsl.affine import as_model
from ladle.dsl.fitting import fit
from ladle.dsl.frozen import frozen
from ladle.dsl.numbers import with_point
from ladle.dsl.options import fitted, read
from ladle.dsl.problems import Mismatch
from ladle.dsl.program import FAILED, Choice, Failed, Family, Items, Linked, Meaning, Named, Setting, Term
from ladle.dsl.signature import REQUIRED, Operator, Reference, Role, Sort
from ladle.dsl.source import Span
from ladle.dsl.suggest import listing
from ladle.dsl.syntax import (
    Argument,
    ConstantLiteral,
    Expr,
    ListLiteral,
    MapLiteral,
    NumberLiteral,
    StringLiteral,
)
from ladle.dsl.types import CorpusType, Unknown, Value
from ladle.dsl.values import key, what
from ladle.dsl.world import Scope, World


@frozen
class Piped:
    """What stands before `|`."""

    value: Meaning
    span: Span


@frozen
class Operand:
    """One operand: a model or corpus, its weight where one is written, and where both stand."""

    value: Named
    weight: Value
    span: Span
    weighs: Span | None = None


@frozen
class _Given:
    value: Meaning
    weight: Expr | None
    span: Span


def operands(
    world: World, operator: Operator, arguments: Sequence[Argument], piped: Piped | None, span: Span, scope: Scope
) -> tuple[tuple[Operand, ...] | Failed, dict[str, Setting]]:
    """Return the operands of a call, and the options that are set by position after them."""
    takes = operator.operands
    many = takes.variadic or takes.family
    written = [argument for argument in arguments if argument.name is None]
    room = len(written) if many else max(0, len(takes.sorts) - (piped is not None and bool(takes.sorts)))
    given = [] if piped is None else [_Given(piped.value, None, piped.span)]
    inner = scope.of(takes.sorts[-1] if takes.sorts else scope.sort)
    given += [_Given(world.evaluate(a.value, inner), a.weight, a.value.span) for a in written[:room]]
    early = [] if takes.sorts or piped is None else [given.pop()]
    named = frozenset(argument.name.name for argument in arguments if argument.name)
    by_position = _by_position(world, operator, early, written[room:], scope, named)
    if isinstance(by_position, Failed):
        return FAILED, {}
    if takes.weighted == "must" and any(a.name and a.name.name in ("weight", "weights") for a in arguments):
        return FAILED, by_position  # what is wrong is told of that option
    found = _spliced(given) if takes.family else given
    if isinstance(found, Failed) or not _counted(world, operator, len(found), span):
        return FAILED, by_position
    return _fitted(world, operator, _once(found) if takes.family else found, scope), by_position


def _by_position(
    world: World,
    operator: Operator,
    early: list[_Given],
    written: Sequence[Argument],
    scope: Scope,
    named: frozenset[str],
) -> dict[str, Setting] | Failed:
    options = [option for option in operator.options if option.positional]
    found: dict[str, Setting] = {}
    for given in early:
        if not options or not isinstance(options[0].type, Reference):
            message = f"`{operator.written}` takes no operand, and {what(given.value)} is piped into it"
            return FAILED if given.value is FAILED else world.problems.report("E209", given.span, message)
        option = options.pop(0)
        found[option.name] = fitted(world, option, given.value, given.span)
    for argument in written:
        if not options or argument.weight is not None:
            return _surplus(world, operator, argument, named)
        option = options.pop(0)
        found[option.name] = read(world, option, argument.value, scope)
    return found


def _surplus(world: World, operator: Operator, argument: Argument, given: frozenset[str]) -> Failed:
    message = f"`{operator.written}` takes {_count(operator)}, and this is one more"
    named = [option.name for option in operator.options if not option.positional]
    help = cut_decimal(world, argument.value) or _unnamed(world, operator, argument.value, given)
    if operator.whole and len(operator.operands.sorts) == 1 and not _literal(argument.value):
        help = help or f"leave it out, and merge what comes of the one with it: {operator.text}"
    help = help or _taking_many(world, operator, argument.value)
    if not help and named:
        help = f"options are named: `{named[0]} = {world.written(argument.value.span)}`"
    return world.problems.report("E209", argument.span, message, help, "one too many")


def cut_decimal(world: World, value: Expr) -> str:
    """Say how a decimal is written whose digits a comma parts, "" where `value` is no such digits."""
    span = value.span
    point = with_point(span.within(world.problems.source).text, span.start, span.end)
    return f"a decimal is written with a point: `{point}`" if point and isinstance(value, NumberLiteral) else ""


def _unnamed(world: World, operator: Operator, value: Expr, given: frozenset[str]) -> str:
    """Name the model that a call still needs, which is an option: what is one more may be meant as that."""
    needed = (
        option
        for option in operator.options
        if option.default is REQUIRED and isinstance(option.type, Reference) and option.type.sort is Sort.MODEL
    )
    option = next((option for option in needed if option.name not in given), None)
    if option is None or _literal(value):
        return ""
    return f"`{option.name}` is named: `{option.name} = {world.written(value.span)}`, {option.text}"


def _literal(value: Expr) -> bool:
    """Say whether an expression is no model, but a value that an option takes."""
    return isinstance(value, NumberLiteral | StringLiteral | ConstantLiteral | ListLiteral | MapLiteral)


def _taking_many(world: World, operator: Operator, value: Expr) -> str:
    """Name the operators of this role that take any number of operands; what is written out is an option's value."""
    others = [
        other.written
        for other in world.vocabulary.values()
        if other.role is operator.role
        and (other.operands.variadic or other.operands.family)
        and not any(option.default is REQUIRED for option in other.options)
    ]
    if _literal(value) or not operator.operands.sorts or not others:
        return ""
    return f"{listing(sorted(others))} {'take' if len(others) > 1 else 'takes'} any number of them"


def _count(operator: Operator) -> str:
    takes = operator.operands
    positional = [option.name for option in operator.options if option.positional]
    if not takes.sorts:
        return f"`{'`, `'.join(positional)}` by position" if positional else "no operand"
    noun = takes.sorts[0].value.removeprefix("a ")
    least = takes.minimum or len(takes.sorts)
    more = takes.variadic or takes.family
    if not more and least < len(takes.sorts):
        return f"{least} to {len(takes.sorts)} {noun}s"
    if takes.family:
        return f"a list or family of at least {least} {noun}s"
    return f"{'at least ' if more else ''}{least} {noun}{'s' if least != 1 else ''}"


def _counted(world: World, operator: Operator, count: int, span: Span) -> bool:
    takes = operator.operands
    least = takes.minimum or len(takes.sorts)
    more = takes.variadic or takes.family
    if count >= least and (more or count <= len(takes.sorts)):
        return True
    message = (
        f"`{operator.written}` takes {_count(operator)}, and {count or 'none'} {'is' if count <= 1 else 'are'} given"
    )
    world.problems.report("E209", span, message, operator.text, f"{count} given")
    return False


def _spliced(given: list[_Given]) -> list[_Given] | Failed:
    """The members of families and lists, in order."""
    found: list[_Given] = []
    for each in given:
        values = spliced(each.value)
        if isinstance(values, Failed):
            return FAILED
        found += (_Given(value, each.weight, each.span) for value in values)
    return found


def _once(given: list[_Given]) -> list[_Given]:
    """Equal models count once: under a variant many may be one."""
    found: dict[str, _Given] = {}
    for each in given:
        found.setdefault(key(each.value), each)
    return list(found.values())


def spliced(value: Meaning) -> tuple[Meaning, ...] | Failed:
    """Return what stands in a list or family, families in lists spliced in order; anything else is a list of itself."""
    match value:
        case Failed() | Items(broken=True) | Family(broken=True):
            return FAILED
        case Family(members=members):
            return tuple(member.model for member in members)
        case Items(items):
            found: list[Meaning] = []
            for item in items:
                inner = spliced(item)
                if isinstance(inner, Failed):
                    return FAILED
                found += inner
            return tuple(found)
        case _:
            return (value,)


def _fitted(world: World, operator: Operator, given: list[_Given], scope: Scope) -> tuple[Operand, ...] | Failed:
    sorts = operator.operands.sorts
    found: list[Operand] = []
    failed = False
    for place, each in enumerate(given):
        value = _of_sort(world, operator, sorts[min(place, len(sorts) - 1)], each)
        weight = _weight(world, operator, each, scope)
        if isinstance(value, Failed) or isinstance(weight, Failed):
            failed = True
        else:
            found.append(Operand(value, weight, each.span, each.weight.span if each.weight else None))
    if failed or not _weighted(world, operator, given) or not _one_kind(world, operator, found):
        return FAILED
    return FAILED if _repeated(world, operator, found) else tuple(found)


def _repeated(world: World, operator: Operator, found: list[Operand]) -> bool:
    """Report an operand that stands twice where order means nothing: a key written twice, of which one may be lost."""
    if operator.operands.ordered:
        return False
    first: dict[Term, Operand] = {}
    for each in found:
        if each.value.term in first:
            line = world.problems.line(first[each.value.term].span)
            message = f"`{each.value.label}` stands twice in this `{operator.name}`, first on line {line}"
            help = "name it once, with the weight that is meant: twice as often is a weight of 2"
            world.problems.report("E260", each.span, message, help, "stands there already")
            return True
        first[each.value.term] = each
    return False


def _of_sort(world: World, operator: Operator, sort: Sort, given: _Given) -> Named | Failed:
    found: Named | Mismatch | Failed
    if given.value is FAILED:
        return FAILED
    if sort is Sort.MODEL:
        found = as_model(world, given.value, given.span)
    elif isinstance(given.value, Named) and given.value.term.sort is sort:
        found = given.value
    else:
        found = Mismatch("E201", f"takes {sort.value}, not {what(given.value)}", label=f"this is {what(given.value)}")
    if isinstance(found, Mismatch):
        message = f"`{operator.written}` {found.message}"
        return world.problems.report(found.code, given.span, message, found.help, found.label)
    return found


def _weight(world: World, operator: Operator, given: _Given, scope: Scope) -> Value | Failed:
    type = operator.operands.weight_type
    if given.weight is None or type is None or operator.operands.weighted == "no":
        return None
    found: Choice | Mismatch | Failed = fit(world, type, world.evaluate(given.weight, scope), given.weight.span)
    if isinstance(found, Mismatch):
        help = found.help or ("leave the operand out, or choose another weight" if found.code == "E204" else "")
        message = f"a weight of `{operator.written}` {found.message}"
        return world.problems.report(found.code, given.weight.span, message, help, found.label)
    return FAILED if isinstance(found, Linked) else found


def _weighted(world: World, operator: Operator, given: list[_Given]) -> bool:
    rule = operator.operands.weighted
    with_weight = [each for each in given if each.weight is not None]
    without = [each for each in given if each.weight is None]
    if rule == "others":
        without, with_weight = without[1:] if given[:1] == without[:1] else without, given[1:]
    if rule == "others" and given[0].weight is not None:
        message = f"the first operand of `{operator.written}` takes no weight"
        world.problems.report("E212", given[0].span, message, "leave out `: ...`", "has a weight")
    elif rule == "no" and with_weight:
        message = f"`{operator.written}` takes no weights"
        world.problems.report("E212", with_weight[0].span, message, "leave out `: ...`", "has a weight")
    elif without and (rule == "must" or with_weight):
        one = "1" if operator.role is Role.TRANSFORM else "0.5"
        each = ", ".join(f"{world.written(operand.span)}: {one}" for operand in given[:3])
        rest = ", ..." if len(given) > 3 else ""
        help = f"write a weight for each, such as `{operator.written}({each}{rest})`"
        world.problems.report(
            "E212", without[0].span, f"`{operator.written}` needs a weight for this operand", help, "no weight"
        )
    else:
        return True
    return False


def _one_kind(world: World, operator: Operator, found: list[Operand]) -> bool:
    """Corpora of one call are of one kind, and of one that the operator takes."""
    kinds = operator.operands.kinds
    known = [(each, each.value.term.type.kind) for each in found if isinstance(each.value.term.type, CorpusType)]
    first = next((kind for _, kind in known if not isinstance(kind, Unknown)), None)
    for each, kind in known:
        if isinstance(kind, Unknown):
            text = f"whether the kind of `{each.value.label}` suits `{operator.written}`"
            world.skip(each.span, text, each.value.term)
        elif kinds and kind not in kinds:
            names = listing([kind.value for kind in kinds])
            message = f"`{operator.written}` takes {names} corpora, and `{each.value.label}` is a {kind.value} corpus"
            help = f"leave it out, or give {names} rows"
            world.problems.report("E207", each.span, message, help, f"a {kind.value} corpus")
            return False
        elif first is not None and kind is not first:
            other = f"`{each.value.label}` is {kind.value}, not {first.value}"
            message = f"`{operator.written}` takes corpora of one kind: {other}"
            help = "rows of two kinds do not mix: make both text, `... | as_text`, or train on them one after the other"
            world.problems.report("E207", each.span, message, help, f"a {kind.value} corpus")
            return False
    return True
