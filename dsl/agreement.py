"""Whether models can be merged. In: operands with their types. Out: what differs, said with both values; or what is unknown."""

from __future__ import annotations

from dataclasses import dataclass

from ladle.dsl.program import Named
from ladle.dsl.source import Span
from ladle.dsl.suggest import listing
from ladle.dsl.types import ModelType, Unknown
from ladle.dsl.world import World

_HELP = "the operands of a merge need one architecture, shape, vocabulary and template"


@dataclass(frozen=True, slots=True)
class _Operand:
    place: str
    label: str
    type: ModelType
    span: Span


def agree(
    world: World,
    operands: tuple[Named, ...],
    spans: tuple[Span, ...],
    span: Span,
    others: tuple[tuple[str, Named], ...] = (),
) -> None:
    """Report where operands, and `others` such as `base`, differ from the first operand; list what could not be compared."""
    places = [(f"operand {place}", operand) for place, operand in enumerate(operands, 1)]
    places += [(f"`{name}`", model) for name, model in others]
    found: list[_Operand] = []
    for place, (name, model) in enumerate(places):
        if isinstance(model.term.type, ModelType):
            found.append(_Operand(name, model.label, model.term.type, spans[place] if place < len(spans) else span))
    for other in found[1:]:
        _compare(world, found[0], other)


def _compare(world: World, first: _Operand, other: _Operand) -> None:
    a, b = first.type, other.type
    unknown = [
        name
        for name, pair in (
            ("architecture", (a.architecture, b.architecture)),
            ("shape", (a.shape, b.shape)),
            ("vocabulary", (a.vocabulary, b.vocabulary)),
            ("template", (a.template, b.template)),
        )
        if isinstance(pair[0], Unknown) or isinstance(pair[1], Unknown)
    ]
    if unknown:
        world.skip(other.span, f"whether `{first.label}` and `{other.label}` have one {', '.join(unknown)}")
    difference = _difference(first, other)
    if difference:
        world.problems.report("E210", other.span, difference, _HELP, f"{other.place}: `{other.label}`")


def _difference(first: _Operand, other: _Operand) -> str:
    a, b = first.type, other.type
    names = f"`{other.label}` cannot be merged with `{first.label}`"
    if not isinstance(a.architecture, Unknown) and not isinstance(b.architecture, Unknown):
        if a.architecture != b.architecture:
            return f"{names}: architecture `{b.architecture}`, not `{a.architecture}`"
    if not isinstance(a.shape, Unknown) and not isinstance(b.shape, Unknown) and a.shape != b.shape:
        return f"{names}: {_shapes(dict(a.shape), dict(b.shape))}"
    if not isinstance(a.tensors, Unknown) and not isinstance(b.tensors, Unknown):
        if text := _tensors(a.tensors, b.tensors):
            return f"{names}: {text}"
    if not isinstance(a.vocabulary, Unknown) and not isinstance(b.vocabulary, Unknown) and a.vocabulary != b.vocabulary:
        return f"{names}: another vocabulary (`{b.vocabulary[:16]}`, not `{a.vocabulary[:16]}`)"
    if not isinstance(a.template, Unknown) and not isinstance(b.template, Unknown) and a.template != b.template:
        return f"{names}: {_template(b.template)}, not {_template(a.template)}"
    return ""


def _shapes(a: dict[str, int], b: dict[str, int]) -> str:
    names = [name for name in sorted(a.keys() | b.keys()) if a.get(name) != b.get(name)]
    return ", ".join(f"{name} {b.get(name, 'unknown')}, not {a.get(name, 'unknown')}" for name in names)


def _tensors(a: tuple[tuple[str, str, tuple[int, ...]], ...], b: tuple[tuple[str, str, tuple[int, ...]], ...]) -> str:
    shapes = {name: shape for name, _, shape in a}
    others = {name: shape for name, _, shape in b}
    missing, extra = sorted(shapes.keys() - others.keys()), sorted(others.keys() - shapes.keys())
    wrong = sorted(name for name in shapes.keys() & others.keys() if shapes[name] != others[name])
    parts = [f"it lacks {listing(missing, 4)}"] if missing else []
    parts += [f"it has {listing(extra, 4)} too many"] if extra else []
    parts += [f"`{name}` has shape {list(others[name])}, not {list(shapes[name])}" for name in wrong[:3]]
    return "; ".join(parts)


def _template(value: str | None) -> str:
    return "no template" if value is None else f"template `{value[:24]}`"
