"""Whether models can be merged. In: operands with types. Out: what differs, with both values; what is unknown."""

from __future__ import annotations

from ladle.dsl.frozen import frozen, replace
from ladle.dsl.program import Named, Term
from ladle.dsl.source import Span
from ladle.dsl.suggest import listing
from ladle.dsl.types import UNKNOWN, ModelType, Unknown, differing, one_vocabulary
from ladle.dsl.vocabularies import ROWS
from ladle.dsl.world import World

_HELP = "the models of a merge or a choice need one architecture and shape"
OF_A_SUM = "a sum of models has no option `tokenizer`: write it as `linear(..., normalize = false, tokenizer = first)`"


@frozen
class Tokens:
    """What it means that operands differ in vocabulary or template: a problem with this code and help, or nothing."""

    code: str = "E262"
    help: str = OF_A_SUM
    settled: bool = False
    """The merge says whose vocabulary and template its result has."""


ONE = Tokens("E210", "these models need one architecture, shape, vocabulary and template")
"""Operands have one vocabulary and template, and nothing can be said instead."""
SETTLED = Tokens(settled=True)


@frozen
class _Operand:
    place: str
    label: str
    type: ModelType
    span: Span
    term: Term
    taken: bool
    """It is only taken away from others: the result is none of its making, and needs no template of it."""


def agree(
    world: World,
    operands: tuple[Named, ...],
    spans: tuple[Span, ...],
    span: Span,
    others: tuple[tuple[str, Named], ...] = (),
    tokens: Tokens = Tokens(),  # noqa: B008 - frozen
    taken: frozenset[Term] = frozenset(),
    any_depth: bool = False,
) -> None:
    """Report where operands, and `others` such as `base`, differ from the first operand; list what is unknown.

    `others`, and operands that are `taken` away, may lack a template: that of the result is the first operand's.
    With `any_depth` only layers that both have are compared, and not how many there are.
    """
    places = [(f"operand {place}", operand) for place, operand in enumerate(operands, 1)]
    places += [(f"`{name}`", model) for name, model in others]
    found: list[_Operand] = []
    for place, (name, model) in enumerate(places):
        if isinstance(model.term.type, ModelType):
            at = spans[place] if place < len(spans) else span
            less = place >= len(operands) or model.term in taken
            found.append(_Operand(name, model.label, model.term.type, at, model.term, less))
    for other in found[1:]:
        _compare(world, found[0], other, tokens, any_depth)


def same_tokens(world: World, model: Named, other: Named, span: Span) -> None:
    """Report a model that a stage uses beside its own (`reference`) and that reads other tokens."""
    a, b = model.term.type, other.term.type
    if isinstance(a, ModelType) and isinstance(b, ModelType) and one_vocabulary(a.vocabulary, b.vocabulary) is False:
        message = f"`{other.label}` has another vocabulary than `{model.label}`"
        world.problems.report("E210", span, message, "both must read the same tokens", "another vocabulary")


def _compare(world: World, first: _Operand, other: _Operand, tokens: Tokens, any_depth: bool) -> None:
    a, b = first.type, other.type
    facts: dict[str, tuple[object, ...]] = {
        "architecture": (a.architecture, b.architecture),
        "shape": (a.shape, b.shape),
    }
    if not tokens.settled:
        facts |= {"vocabulary": (one_vocabulary(a.vocabulary, b.vocabulary),)}
        facts |= {} if other.taken and b.template is None else {"template": (a.template, b.template)}
    unknown = [name for name, pair in facts.items() if any(isinstance(value, Unknown) for value in pair)]
    difference = _difference(*(_of_one_depth(a, b) if any_depth else (a, b)))
    tokens_differ = "" if difference or tokens.settled else _other_tokens(world, first, other)
    if tokens_differ:  # what is said of tokens does not also go unsaid
        unknown = [name for name in unknown if name not in ("vocabulary", "template")]
    if unknown:
        text = f"whether `{first.label}` and `{other.label}` have one {', '.join(unknown)}"
        lacking = dict.fromkeys(each.untokenized for each in (a, b) if each.untokenized)
        text += f": {' and '.join(lacking)}" if lacking else ""
        once = f"agree {first.term.source.key} {other.term.source.key}"
        world.skip(other.span, text, first.term, other.term, once=once)
    what = f"{other.place} (`{other.label}`) cannot be merged with `{first.label}`: "
    if difference:
        world.problems.report("E210", other.span, what + difference, _HELP, f"{other.place}")
    elif tokens_differ:
        world.problems.report(tokens.code, other.span, what + tokens_differ, tokens.help, f"{other.place}")


def _difference(a: ModelType, b: ModelType) -> str:
    """The first of architecture, shape, tensors and function that is known of both and differs.

    How many rows there are for tokens does not count.
    """
    if _differ(a.architecture, b.architecture):
        return f"architecture `{b.architecture}`, not `{a.architecture}`"
    shape, other = _sizes(a), _sizes(b)
    if shape and other and shape != other:
        return _shapes(shape, other)
    told = ""
    if not isinstance(a.tensors, Unknown) and not isinstance(b.tensors, Unknown):
        told = _tensors(a.tensors, b.tensors, (rows(a), rows(b)))
    return told or ", ".join(f"{name} {one}, not {two}" for name, two, one in differing(a.function, b.function))


def _of_one_depth(a: ModelType, b: ModelType) -> tuple[ModelType, ModelType]:
    """Two models with the layers that both have, as far as these are known."""
    counts = [dict(each.shape).get("layers") for each in (a, b) if not isinstance(each.shape, Unknown)]
    known = [count for count in counts if count is not None]
    if len(known) < 2 or known[0] == known[1]:
        return a, b
    return _up_to(a, min(known)), _up_to(b, min(known))


def _up_to(model: ModelType, layers: int) -> ModelType:
    shape, tensors = model.shape, model.tensors
    if not isinstance(shape, Unknown):
        shape = tuple((name, layers if name == "layers" else size) for name, size in shape)
    if not isinstance(tensors, Unknown):
        tensors = tuple(each for each in tensors if _layer(each[0]) < layers)
    return replace(model, shape=shape, tensors=tensors)


def _layer(tensor: str) -> int:
    """Return the layer that a tensor is of, -1 for one of none: the first number in its name."""
    number = next((part for part in tensor.split(".") if part.isascii() and part.isdecimal()), "")
    return int(number) if 0 < len(number) < 10 else -1


def _other_tokens(world: World, first: _Operand, other: _Operand) -> str:
    """What vocabulary or template the other has that the first has not, "" where nothing known differs."""
    a, b = first.type, other.type
    if one_vocabulary(a.vocabulary, b.vocabulary) is False:
        told = world.facts.differing_token(str(a.vocabulary), str(b.vocabulary))
        if told:
            text, here, there = told
            return f"another vocabulary: {text} is {there} of `{other.label}` and {here} of `{first.label}`"
        return f"another vocabulary ({_short(b.vocabulary)}, not {_short(a.vocabulary)})"
    if beyond := _beside_a_union(world, first, other) or _beside_a_union(world, other, first):
        return beyond
    if rows(a) != rows(b) and not isinstance(rows(a), Unknown) and not isinstance(rows(b), Unknown):
        return f"embeddings of {rows(b)} tokens, not {rows(a)}"
    if _differ(a.template, b.template) and not (other.taken and b.template is None):
        return _templates(first, other)
    return ""


def _beside_a_union(world: World, union: _Operand, model: _Operand) -> str:
    """What a union of vocabularies is known to have that one of those that it is made from has not, "" for nothing."""
    own = model.type.vocabulary
    if isinstance(own, Unknown) or own not in union.type.united:
        return ""
    found = (world.facts.lacking_token(own, other) for other in union.type.united if other != own)
    token = next(filter(None, found), "")
    return f"another vocabulary: {token} is a token of `{union.label}` and none of `{model.label}`" if token else ""


def rows(type: ModelType) -> int | Unknown:
    """Return how many tokens a model has embeddings for."""
    return UNKNOWN if isinstance(type.shape, Unknown) else dict(type.shape).get(ROWS, UNKNOWN)


def _sizes(type: ModelType) -> dict[str, int]:
    """The sizes of a shape that must agree, none where it is unknown."""
    return {} if isinstance(type.shape, Unknown) else {name: n for name, n in type.shape if name != ROWS}


def _differ(a: str | Unknown | None, b: str | Unknown | None) -> bool:
    return not isinstance(a, Unknown) and not isinstance(b, Unknown) and a != b


def _short(identity: str | Unknown) -> str:
    return f"`{str(identity)[:20]}`"


def _shapes(a: dict[str, int], b: dict[str, int]) -> str:
    names = [name for name in sorted(a.keys() | b.keys()) if a.get(name) != b.get(name)]
    return ", ".join(f"{name} {_size(b.get(name))}, not {_size(a.get(name))}" for name in names)


def _size(value: int | None) -> str:
    return "unknown" if value is None else str(value).lower()


Headers = tuple[tuple[str, str, tuple[int, ...]], ...]


def _tensors(a: Headers, b: Headers, tokens: tuple[int | Unknown, int | Unknown]) -> str:
    shapes = {name: shape for name, _, shape in a}
    others = {name: shape for name, _, shape in b}
    missing, extra = sorted(shapes.keys() - others.keys()), sorted(others.keys() - shapes.keys())
    wrong = sorted(name for name in shapes.keys() & others.keys() if _apart(shapes[name], others[name], tokens))
    parts = [f"it lacks {listing(missing, 4)}"] if missing else []
    parts += [f"it has {listing(extra, 4)} too many"] if extra else []
    parts += [f"`{name}` has shape {list(others[name])}, not {list(shapes[name])}" for name in wrong[:3]]
    return "; ".join(parts)


def _apart(a: tuple[int, ...], b: tuple[int, ...], tokens: tuple[int | Unknown, int | Unknown]) -> bool:
    """Say whether shapes differ in more than the number of rows, one for each token."""
    return a != b and (a[1:] != b[1:] or (a[:1], b[:1]) != ((tokens[0],), (tokens[1],)))


def _templates(first: _Operand, other: _Operand) -> str:
    """How the templates of two models differ."""
    a, b = first.type.template, other.type.template
    if b is None:
        return f"it has no chat template, `{first.label}` has one"
    if a is None:
        return f"it has a chat template, `{first.label}` has none"
    return f"another chat template ({_short(b)}, not {_short(a)})"
