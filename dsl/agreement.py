"""Whether models can be merged. In: operands with types. Out: what differs, with both values; what is unknown."""

from __future__ import annotations

from ladle.dsl.frozen import frozen
from ladle.dsl.program import Named
from ladle.dsl.source import Span
from ladle.dsl.suggest import listing
from ladle.dsl.types import ModelType, Unknown, one_vocabulary
from ladle.dsl.world import World

_HELP = "the operands of a merge need one architecture, shape, vocabulary and template"


@frozen
class _Operand:
    place: str
    label: str
    type: ModelType
    span: Span
    source: str


def agree(
    world: World,
    operands: tuple[Named, ...],
    spans: tuple[Span, ...],
    span: Span,
    others: tuple[tuple[str, Named], ...] = (),
) -> None:
    """Report where operands, and `others` such as `base`, differ from the first operand; list what is unknown."""
    places = [(f"operand {place}", operand) for place, operand in enumerate(operands, 1)]
    places += [(f"`{name}`", model) for name, model in others]
    found: list[_Operand] = []
    for place, (name, model) in enumerate(places):
        if isinstance(model.term.type, ModelType):
            at = spans[place] if place < len(spans) else span
            found.append(_Operand(name, model.label, model.term.type, at, model.term.source.key))
    for other in found[1:]:
        _compare(world, found[0], other)


def same_tokens(world: World, model: Named, other: Named, span: Span) -> None:
    """Report a model that a stage uses beside its own (`reference`) and that reads other tokens."""
    a, b = model.term.type, other.term.type
    if isinstance(a, ModelType) and isinstance(b, ModelType) and one_vocabulary(a.vocabulary, b.vocabulary) is False:
        message = f"`{other.label}` has another vocabulary than `{model.label}`"
        world.problems.report("E210", span, message, "both must read the same tokens", "another vocabulary")


def _compare(world: World, first: _Operand, other: _Operand) -> None:
    a, b = first.type, other.type
    facts = {
        "architecture": (a.architecture, b.architecture),
        "shape": (a.shape, b.shape),
        "vocabulary": (one_vocabulary(a.vocabulary, b.vocabulary),),
        "template": (a.template, b.template),
    }
    unknown = [name for name, pair in facts.items() if any(isinstance(value, Unknown) for value in pair)]
    if unknown:
        text = f"whether `{first.label}` and `{other.label}` have one {', '.join(unknown)}"
        world.skip(other.span, text, once=f"agree {first.source} {other.source}")
    difference = _difference(first, other)
    if difference:
        world.problems.report("E210", other.span, difference, _HELP, f"{other.place}")


def _difference(first: _Operand, other: _Operand) -> str:
    """The first of architecture, shape, tensors, vocabulary and template that is known of both and differs."""
    a, b = first.type, other.type
    text = ""
    if _differ(a.architecture, b.architecture):
        text = f"architecture `{b.architecture}`, not `{a.architecture}`"
    elif not isinstance(a.shape, Unknown) and not isinstance(b.shape, Unknown) and a.shape != b.shape:
        text = _shapes(dict(a.shape), dict(b.shape))
    elif not isinstance(a.tensors, Unknown) and not isinstance(b.tensors, Unknown):
        text = _tensors(a.tensors, b.tensors)
    if not text and one_vocabulary(a.vocabulary, b.vocabulary) is False:
        text = f"another vocabulary ({_short(b.vocabulary)}, not {_short(a.vocabulary)})"
    elif not text and _differ(a.template, b.template):
        text = f"{_template(b.template)}, not {_template(a.template)}"
    return f"{other.place} (`{other.label}`) cannot be merged with `{first.label}`: {text}" if text else ""


def _differ(a: str | Unknown | None, b: str | Unknown | None) -> bool:
    return not isinstance(a, Unknown) and not isinstance(b, Unknown) and a != b


def _short(identity: str | Unknown) -> str:
    return f"`{str(identity)[:20]}`"


def _shapes(a: dict[str, int], b: dict[str, int]) -> str:
    names = [name for name in sorted(a.keys() | b.keys()) if a.get(name) != b.get(name)]
    return ", ".join(f"{name} {_size(b.get(name))}, not {_size(a.get(name))}" for name in names)


def _size(value: int | None) -> str:
    return "unknown" if value is None else str(value).lower()


def _tensors(a: tuple[tuple[str, str, tuple[int, ...]], ...], b: tuple[tuple[str, str, tuple[int, ...]], ...]) -> str:
    shapes = {name: shape for name, _, shape in a}
    others = {name: shape for name, _, shape in b}
    missing, extra = sorted(shapes.keys() - others.keys()), sorted(others.keys() - shapes.keys())
    wrong = sorted(name for name in shapes.keys() & others.keys() if shapes[name] != others[name])
    parts = [f"it lacks {listing(missing, 4)}"] if missing else []
    parts += [f"it has {listing(extra, 4)} too many"] if extra else []
    parts += [f"`{name}` has shape {list(others[name])}, not {list(shapes[name])}" for name in wrong[:3]]
    return "; ".join(parts)


def _template(value: str | Unknown | None) -> str:
    return "no template" if value is None else f"template {_short(value)}"
