"""Options that an operator does not have. In: a name that is set. Out: the problem, with what is meant."""

from __future__ import annotations

from collections.abc import Iterable

from ladle.dsl.remedies import as_weight, field_of, part_of_field, within_record
from ladle.dsl.signature import Operator, Option, Role
from ladle.dsl.suggest import did_you_mean, listing, nearest, sentences
from ladle.dsl.syntax import Name
from ladle.dsl.world import World, option_of


def unknown_option(world: World, operator: Operator, name: Name, what: str = "") -> None:
    """Report an option that `operator` does not have: where it belongs, or the nearest name."""
    if world.problems.told("E203", name.span):
        return
    own = [option.name for option in operator.options]
    owners = [
        other.written
        for other in world.vocabulary.values()
        if other.role is operator.role and option_of(other, name.name) is not None
    ]
    belongs = f"`{name.name}` belongs to {listing(owners)}, not to `{operator.written}`" if owners else ""
    takes = f"`{operator.written}` takes {listing(own, 20)}" if own else f"`{operator.written}` takes no option"
    # A name that another kind has is no misspelling: `beta` is not `betas`.
    same = field_of(operator.options, name.name)
    like = _called(operator.options, same) if same else "" if owners else of_tools(world, name.name, operator)
    like = like or ("" if owners else meant(operator.options, name.name))
    like = as_weight(world, operator, name.name) or like
    help = sentences((like, belongs)) or takes
    message = f"{what or f'`{operator.written}`'} has no option `{name.name}`"
    world.problems.report("E203", name.span, message, help, f"not an option of `{operator.written}`")


def of_tools(world: World, word: str, operator: Operator | None = None) -> str:
    """Say what an option of a stage, or of this one, is called here that another trainer calls `word`; else ""."""
    if operator is not None and operator.role is not Role.STAGE:
        return ""
    name, told = world.facts.elsewhere(word)
    kinds = [other for other in world.vocabulary.values() if other.role is Role.STAGE and option_of(other, name)]
    if told or not kinds:
        return told
    called = f"it is called `{name}` here"
    if operator is None or operator in kinds:
        return called
    return f"{called}, and belongs to {listing([kind.written for kind in kinds])}, not to `{operator.written}`"


def meant(options: Iterable[Option], name: str) -> str:
    """Say which of `options` is meant by a name that none of them has, "" where none is like it."""
    known = tuple(options)
    same = field_of(known, name)
    near = () if same else nearest(name, [option.name for option in known])
    if not same and (record := within_record(known, name)):
        return f"write `{record}`"
    other = same or ("" if near else part_of_field(known, name))
    return _called(known, other) if other else did_you_mean(near)


def _called(options: Iterable[Option], name: str) -> str:
    """Say what an option is called, and where it is a product of the library's what it counts."""
    product = next((option.field for option in options if option.name == name and "*" in option.field), "")
    return f"it is called `{name}` here" + (f", and is {product}" if product else "")
