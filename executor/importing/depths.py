"""mergekit's per-tensor values. In: a number, a gradient, or filters. Out: a number or a schedule of the language.

mergekit takes the first filter whose text is part of a tensor's name, and of a gradient the first value outside the
layers; a schedule takes the longest module name. So each module is asked for, and the shortest map written that says
the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ladle.dsl.source import Span
from ladle.dsl.suggest import nearest
from ladle.executor.importing.fields import scalar_number
from ladle.executor.importing.spelling import written
from ladle.executor.importing.tree import Listing, Scalar, Table, Tree
from ladle.executor.quoting import short
from ladle.executor.weights.modules import over_depth

At = float | tuple[float, ...]
"""A value of a module: a number, or values over depth."""

_ATTENTION: Final = ("q_proj", "k_proj", "v_proj", "o_proj")
_MLP: Final = ("gate_proj", "up_proj", "down_proj")
_NORMS: Final = ("input_layernorm", "post_attention_layernorm")
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "layers": ("self_attn", "mlp", *_NORMS),
    "self_attn": _ATTENTION,
    "mlp": _MLP,
}
TENSORS: Final[Mapping[str, str]] = {
    "embed": "model.embed_tokens.weight",
    "lm_head": "lm_head.weight",
    "norm": "model.norm.weight",
    **{name: f"model.layers.#.self_attn.{name}.weight" for name in _ATTENTION},
    **{name: f"model.layers.#.mlp.{name}.weight" for name in _MLP},
    **{name: f"model.layers.#.{name}.weight" for name in _NORMS},
}
"""A tensor of each module that a Llama has, `#` for the layer."""
RARE: Final[Mapping[str, tuple[str, str]]] = {
    "q_norm": ("model.layers.#.self_attn.q_norm.weight", "self_attn"),
    "k_norm": ("model.layers.#.self_attn.k_norm.weight", "self_attn"),
    "pre_feedforward_layernorm": ("model.layers.#.pre_feedforward_layernorm.weight", "layers"),
    "post_feedforward_layernorm": ("model.layers.#.post_feedforward_layernorm.weight", "layers"),
}
"""Modules that only some architectures have, and the group whose value they take in a schedule."""
_WORDS: Final = ("embed_tokens", "layernorm")
"""Parts of names that filters take beside those of modules."""
_LAYERS: Final = 200
_FORMS: Final = "write a number, `0.5`, a list over depth, `[0, 0.5, 1]`, or filters, each with a `value` of that kind"


class Unsayable(Exception):
    """A value that no schedule says; the text says why, `span` where, if it is a part of the value, `help` the mend."""

    def __init__(self, why: str, span: Span | None = None, help: str = "") -> None:
        super().__init__(why)
        self.span = span
        self.help = help


@dataclass(frozen=True, slots=True)
class Rule:
    """One filter of mergekit's, "" for the rest, and its value."""

    part: str
    value: At
    span: Span | None = None

    def covers(self, tensor: str) -> bool:
        """Say whether the filter takes a tensor, in every layer. Raises Unsayable where only in some."""
        if "#" not in tensor:
            return self.part in tensor
        found = {self.part in tensor.replace("#", str(layer)) for layer in range(_LAYERS)}
        if len(found) > 1:
            help = "a module is varied over depth by a list, `value: [0, 0.5, 1]` without the layer's number"
            raise Unsayable(f"the filter `{self.part[:40]}` takes some layers and not others", self.span, help)
        return found.pop()


@dataclass(frozen=True, slots=True)
class Depths:
    """A per-tensor value as the language has it: one number, or numbers and lists by module with the rest's."""

    modules: tuple[tuple[str, At], ...]
    otherwise: float
    strays: tuple[str, ...] = ()
    """Rare modules for which mergekit would take another value."""

    @property
    def text(self) -> str:
        """The value as a recipe writes it."""
        if not self.modules:
            return written(self.otherwise)
        told = [f"{name}: {_written(value)}" for name, value in self.modules]
        return "{" + ", ".join([*told, f"else: {written(self.otherwise)}"]) + "}"


Sliced = Sequence[tuple[Sequence[Tree], int]]
"""Values, each of a slice of so many layers; of one that is none the number is not asked for.

A value is what stands nearest the model, and what mergekit falls through to for a tensor that its filters do not take.
"""


def depths(parts: Sliced) -> Depths:
    """Return what a value of mergekit's says, over one slice or several that follow each other.

    Raises Unsayable for what is none, or what no schedule says.
    """
    rules = [_rules(trees) for trees, _ in parts]
    counts = [count for _, count in parts]
    alike = {rule.value if not rule.part else () for each in rules for rule in each}
    if len(alike) == 1 and not isinstance(only := alike.pop(), tuple):
        return Depths((), only)
    values = {name: _over(rules, counts, tensor) for name, tensor in TENSORS.items()}
    rest = next((rule.value for rule in rules[0] if not rule.part), values["embed"])
    if len(parts) > 1:
        rest = values["lm_head"]  # which a model that ties its head does not have, and no map may name
    otherwise = rest[0] if isinstance(rest, tuple) else rest
    found: dict[str, At] = {}
    for name in ("embed", "lm_head", "norm"):
        if values[name] != otherwise:
            found[name] = values[name]
    _group("layers", otherwise, values, found)
    return Depths(tuple(found.items()), otherwise, tuple(_strays(rules, counts, found, otherwise)))


def _over(rules: Sequence[tuple[Rule, ...]], counts: Sequence[int], tensor: str) -> At:
    """Return mergekit's value for a tensor: that of a slice, or a value for each layer of several.

    Embeddings are merged as the first slice is, what follows the layers as the last one.
    """
    if len(rules) == 1:
        return _at(rules[0], tensor)
    if "#" not in tensor:
        return _at(rules[0 if tensor == TENSORS["embed"] else -1], tensor)
    values = [(_at(each, tensor), count) for each, count in zip(rules, counts, strict=True)]
    listed = [_layer(value, at, count) for value, count in values for at in range(count)]
    return tuple(listed) if any(value != listed[0] for value in listed) else listed[0]


def _layer(value: At, layer: int, layers: int) -> float:
    """Return the value in one layer of a slice, whose only layer is its last."""
    return over_depth(list(value), layer, layers) if isinstance(value, tuple) else value


def _group(name: str, inherited: At, values: Mapping[str, At], found: dict[str, At]) -> None:
    """Write a module where it differs from what it would inherit; the same values always give the same map."""
    leaves = [values[leaf] for leaf in _leaves(name)]
    value = inherited if name == "layers" and inherited in leaves else max(leaves, key=leaves.count)
    if value != inherited:
        found[name] = value
    for child in GROUPS.get(name, ()):
        if any(values[leaf] != value for leaf in _leaves(child)):
            _group(child, value, values, found)


def _leaves(name: str) -> list[str]:
    return [leaf for child in GROUPS[name] for leaf in _leaves(child)] if name in GROUPS else [name]


def _strays(
    rules: Sequence[tuple[Rule, ...]], counts: Sequence[int], found: Mapping[str, At], otherwise: float
) -> list[str]:
    strays = []
    for name, (tensor, group) in RARE.items():
        ours = found.get(group, found.get("layers", otherwise))
        if _over(rules, counts, tensor) != ours:
            strays.append(name)
    return strays


def _at(rules: tuple[Rule, ...], tensor: str) -> At:
    """Return mergekit's value for a tensor; a gradient outside the layers is its first value."""
    rule = next((rule for rule in rules if rule.covers(tensor)), None)
    if rule is None:
        help = "end with one for all others: `- value: 0.5`"
        raise Unsayable("no filter takes the other tensors", rules[-1].span, help)
    value = rule.value
    return value[0] if isinstance(value, tuple) and "#" not in tensor else value


def total(tree: Tree) -> bool:
    """Say whether a value takes every tensor, so that nothing is fallen through to. Raises Unsayable."""
    return any(not rule.part for rule in _filters(tree))


def strange(tree: Tree) -> tuple[Rule, ...]:
    """Return the filters that take no tensor of a known name, in any layer. Raises Unsayable."""
    known = [*TENSORS.values(), *(tensor for tensor, _ in RARE.values())]
    names = [name.replace("#", str(layer)) for name in known for layer in range(_LAYERS if "#" in name else 1)]
    return tuple(rule for rule in _filters(tree) if not any(rule.part in name for name in names))


def meant(part: str) -> tuple[str, ...]:
    """Return the modules whose names are near to a filter."""
    return nearest(part, (*TENSORS, *RARE, *GROUPS, *_WORDS))


def _rules(trees: Sequence[Tree]) -> tuple[Rule, ...]:
    """Return rules up to the first that takes every tensor."""
    found: list[Rule] = []
    for rule in (rule for tree in trees for rule in _filters(tree)):
        found.append(rule)
        if not rule.part:
            break
    return tuple(found)


def _filters(tree: Tree) -> tuple[Rule, ...]:
    match tree:
        case Table():
            return (_rule(tree),)
        case Listing(items) if items and all(isinstance(item, Table) for item in items):
            return tuple(_rule(item) for item in items if isinstance(item, Table))
        case _:
            return (Rule("", _value(tree)),)


def _rule(table: Table) -> Rule:
    unknown = [entry.key for entry in table.entries if entry.key not in ("filter", "value")]
    part, value = table.get("filter"), table.get("value")
    if unknown or value is None:
        help = "write `filter: self_attn` and `value: 0.5`, and for all other tensors `value` alone"
        raise Unsayable("a filter has the keys `filter` and `value`, and no others", table.span, help)
    text = part.value.text if part and isinstance(part.value, Scalar) and part.value.value is not None else ""
    return Rule("" if text == "*" else text, _value(value.value), part.at if part else table.span)


def _value(tree: Tree) -> At:
    number = scalar_number(tree)
    if number is not None:
        return float(number)
    if not isinstance(tree, Listing) or not tree.items:
        raise Unsayable("a number, a list of numbers, or filters are wanted", tree.span, _FORMS)
    known = tuple(map(_of_depth, tree.items))
    return known[0] if len(known) == 1 else known


def _of_depth(item: Tree) -> float:
    """Return a number of a list over depth."""
    number = scalar_number(item)
    if number is None:
        called = f"`{short(item.text)}` is none" if isinstance(item, Scalar) else "this is none"
        raise Unsayable(f"a list over depth holds numbers, and {called}", item.span, "write a number there")
    return float(number)


def _written(value: At) -> str:
    return f"[{', '.join(written(item) for item in value)}]" if isinstance(value, tuple) else written(value)
