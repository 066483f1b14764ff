"""Rows of a table that differ in one axis alone. In: its models, the axis. Out: averaged rows and their members."""

from __future__ import annotations

from collections.abc import Iterator

from ladle.dsl.program import Family, Meaning, Member, Named
from ladle.dsl.spelling import axis_value, joined
from ladle.dsl.suggest import did_you_mean, listing, nearest
from ladle.dsl.syntax import Expr, Name
from ladle.dsl.world import World

Groups = tuple[tuple[str, tuple[str, ...]], ...]
_Known = dict[str, tuple[Family, Member]]


def averaged(world: World, expr: Expr | None, models: tuple[Named, ...], broken: bool) -> tuple[str, Groups]:
    """Return the axis that `average` names and, for each row that comes of it, the labels of its models.

    A member of `blended[m in read]` is averaged over the axes of `read` too. A model outside all families stays a row.
    `models` are those of the table with every name: a computation of two names is one row, under the first.
    """
    if expr is None:
        return "", ()
    known = {m.model.label: (f, m) for f in world.meanings.values() if isinstance(f, Family) for m in f.members}
    axes = sorted({axis for model in models for axis in _axes(known, model.label)})
    if not isinstance(expr, Name) or expr.name not in axes:
        written = world.written(expr.span)
        if not broken or nearest(written, axes):
            help = did_you_mean(nearest(written, axes)) or (
                f"its axes are {listing(axes)}" if axes else "name a family"
            )
            message = f"no family of this table has an axis `{written}`"
            world.problems.report("E247", expr.span, message, help, "no axis of it")
        return "", ()
    rows = {model.term: model.label for model in reversed(models)}
    groups: dict[str, dict[str, None]] = {}
    for model in models:
        if expr.name in _axes(known, model.label):
            groups.setdefault(_without(known, model.label, expr.name), {})[rows[model.term]] = None
    return expr.name, tuple((label, tuple(labels)) for label, labels in groups.items())


def _axes(known: _Known, label: str) -> Iterator[str]:
    """The axes of a member, and those of the members that it is made from."""
    if label not in known:
        return
    family, member = known[label]
    yield from family.axes
    for value in member.values:
        if isinstance(value, Named):
            yield from _axes(known, value.label)


def _without(known: _Known, label: str, axis: str) -> str:
    """The name of a member without the value of one axis."""
    if label not in known:
        return label
    family, member = known[label]
    pairs = zip(family.axes, member.values, strict=True)
    return joined((family.name, *(_told(known, value, axis) for name, value in pairs if name != axis)))


def _told(known: _Known, value: Meaning, axis: str) -> str:
    return _without(known, value.label, axis) if isinstance(value, Named) else axis_value(value)
