"""Families of models. In: axes and an expression. Out: one member for each combination; and what an index picks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ladle.dsl.affine import as_model
from ladle.dsl.problems import Mismatch
from ladle.dsl.program import (
    FAILED,
    Combination,
    Failed,
    Family,
    Items,
    Meaning,
    Member,
    Named,
)
from ladle.dsl.spelling import as_index, axis_value, joined
from ladle.dsl.suggest import did_you_mean, listing, nearest
from ladle.dsl.syntax import Argument, Axis, Index, ModelDecl
from ladle.dsl.values import MAX_ITEMS, key, what
from ladle.dsl.world import Scope, TooMany, World


def expand(world: World, declaration: ModelDecl, model: Callable[[Mapping[str, Meaning]], Named | Failed]) -> Family:
    """Return the family of a declaration; `model` gives the member of one combination. The bound is kept first."""
    name = declaration.name.name
    axes = tuple(axis.name.name for axis in declaration.axes)
    rows, broken = _combinations(world, declaration)
    members: dict[tuple[str, ...], Member] = {}
    for row in rows:
        keys = tuple(key(value) for value in row)
        if keys in members:
            continue
        found = model(dict(zip(axes, row, strict=True)))
        if isinstance(found, Failed) or FAILED in row:
            broken = True
            continue
        label = joined((name, *(axis_value(value) for value in row)))
        members[keys] = Member(row, keys, Named(found.term, label))
    return Family.of(name, axes, tuple(members.values()), broken)


def _combinations(world: World, declaration: ModelDecl) -> tuple[list[tuple[Meaning, ...]], bool]:
    axes = declaration.axes
    rows: list[tuple[Meaning, ...]] = [()]
    broken = False
    for place, axis in enumerate(axes):
        names = [earlier.name.name for earlier in axes[:place]]
        longer: list[tuple[Meaning, ...]] = []
        for row in rows:
            values, failed = _values(world, axis, Scope(dict(zip(names, row, strict=True))))
            broken = broken or failed
            # Where no value is left the expression is read once all the same, for what else is wrong with it.
            values = values or ([FAILED] if failed else [])
            longer += [(*row, value) for value in values]
            if world.members + len(longer) > MAX_ITEMS:
                _too_many(world, declaration)
        rows = longer
    world.members += len(rows)
    return rows, broken


def _too_many(world: World, declaration: ModelDecl) -> None:
    several = "; with the families before it" if world.members else ""
    message = f"the family `{declaration.name.name}` has more than {MAX_ITEMS:,} members{several}"
    world.problems.report("E302", declaration.name.span, message, "make an axis shorter", "too many members")
    raise TooMany


def _values(world: World, axis: Axis, scope: Scope) -> tuple[list[Meaning], bool]:
    """The values of an axis, families spliced; and whether some failed."""
    meaning = world.evaluate(axis.values, scope)
    match meaning:
        case Failed():
            return [], True
        case Family(members=members, broken=broken):
            return [member.model for member in members], broken
        case Items(items, broken=broken):
            found: list[Meaning] = []
            for item in items:
                found += (
                    [member.model for member in item.members]
                    if isinstance(item, Family)
                    else [_model(world, axis, item)]
                )
                broken = broken or (isinstance(item, Family) and item.broken)
            good = [value for value in found if value is not FAILED]
            return good, broken or len(good) < len(found)
        case _:
            help = f"write `{axis.name.name} in [{world.written(axis.values.span)}]`"
            message = f"an axis takes a list, a range or a family, not {what(meaning)}"
            world.problems.report("E201", axis.values.span, message, help, f"this is {what(meaning)}")
            return [], True


def _model(world: World, axis: Axis, value: Meaning) -> Meaning:
    """A sum that is a model stands on an axis as that model; a delta stays one."""
    if not isinstance(value, Combination) or value.total != 1:
        return value
    found = as_model(world, value, axis.values.span)
    return world.problems.mismatch(found, axis.values.span) if isinstance(found, Mismatch) else found


def index(world: World, expr: Index, scope: Scope) -> Meaning:
    """Return the member, or with fewer axes than the family has the sub-family, that an index picks."""
    family = world.evaluate(expr.target, scope)
    wanted = _wanted(world, expr, family, scope) if isinstance(family, Family) else FAILED
    if not isinstance(family, Family):
        if family is not FAILED:
            message = f"only a family has members, and `{world.written(expr.target.span)}` is {what(family)}"
            world.problems.report("E201", expr.target.span, message, "", f"this is {what(family)}")
        return FAILED
    if isinstance(wanted, Failed):
        return FAILED
    picked = _picked(family, wanted)
    if not picked:
        return FAILED if family.broken else _no_member(world, expr, family)
    if len(wanted) == len(family.axes):
        return picked[0].model
    return Family.of(family.name, family.axes, picked, family.broken)


def _picked(family: Family, wanted: Mapping[int, str]) -> tuple[Member, ...]:
    if len(wanted) == len(family.axes):
        found = family.by_keys.get(tuple(wanted[place] for place in range(len(wanted))))
        return () if found is None else (found,)
    return tuple(m for m in family.members if all(m.keys[place] == each for place, each in wanted.items()))


def _wanted(world: World, expr: Index, family: Family, scope: Scope) -> dict[int, str] | Failed:
    """The place of each axis that is given, and the key of its value."""
    found: dict[int, str] = {}
    for place, argument in enumerate(expr.arguments):
        axis = _axis(world, family, argument, place)
        value = world.evaluate(argument.value, scope.outside())
        if isinstance(value, Combination) and value.total == 1:
            model = as_model(world, value, argument.span)
            value = FAILED if isinstance(model, Mismatch) else model
        if isinstance(axis, Failed) or value is FAILED:
            return FAILED
        if axis in found:
            return world.problems.report("E106", argument.span, f"`{family.axes[axis]}` is given twice", "", "again")
        found[axis] = key(value)
    by_place = [argument for argument in expr.arguments if argument.name is None]
    if by_place and len(found) < len(family.axes):
        help = f"for a sub-family name the axis: `{family.name}[{family.axes[0]} = ...]`"
        message = f"`{family.name}` has {len(family.axes)} axes ({', '.join(family.axes)}), and {len(found)} is given"
        return world.problems.report("E215", expr.span, message, help)
    return found


def _axis(world: World, family: Family, argument: Argument, place: int) -> int | Failed:
    if argument.weight is not None:
        return world.problems.report("E209", argument.span, "an index takes no weight")
    if argument.name is None:
        if place < len(family.axes):
            return place
        message = f"`{family.name}` has {len(family.axes)} axes ({', '.join(family.axes)}), and this is one more"
        return world.problems.report("E215", argument.span, message, "", "one too many")
    if argument.name.name in family.axes:
        return family.axes.index(argument.name.name)
    help = did_you_mean(nearest(argument.name.name, family.axes)) or f"its axes are {listing(family.axes)}"
    message = f"`{family.name}` has no axis `{argument.name.name}`"
    return world.problems.report("E215", argument.name.span, message, help, "no axis of it")


def _no_member(world: World, expr: Index, family: Family) -> Failed:
    names = [f"{family.name}[{', '.join(map(as_index, member.values))}]" for member in family.members]
    message = f"`{family.name}` has no member `{world.written(expr.span)}`"
    return world.problems.report("E215", expr.span, message, f"its members are {listing(names)}", "no member of it")
