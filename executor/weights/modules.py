"""Which tensors a schedule's names mean. In: a per-tensor parameter, a tensor's name, the layer count. Out: a number.

Holds no torch: the catalogue checks names against `MODULES` before anything runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ladle.dsl.graph import Json

_PATHS: Final[Mapping[str, str]] = {
    "embed": "embed_tokens",
    "lm_head": "lm_head",
    "norm": "norm",
    "layers": "layers.*",
    "self_attn": "layers.*.self_attn",
    "q_proj": "layers.*.self_attn.q_proj",
    "k_proj": "layers.*.self_attn.k_proj",
    "v_proj": "layers.*.self_attn.v_proj",
    "o_proj": "layers.*.self_attn.o_proj",
    "q_norm": "layers.*.self_attn.q_norm",
    "k_norm": "layers.*.self_attn.k_norm",
    "mlp": "layers.*.mlp",
    "gate_proj": "layers.*.mlp.gate_proj",
    "up_proj": "layers.*.mlp.up_proj",
    "down_proj": "layers.*.mlp.down_proj",
    "input_layernorm": "layers.*.input_layernorm",
    "post_attention_layernorm": "layers.*.post_attention_layernorm",
    "pre_feedforward_layernorm": "layers.*.pre_feedforward_layernorm",
    "post_feedforward_layernorm": "layers.*.post_feedforward_layernorm",
}
"""Module name of a schedule to its path in a model of the Llama family, `*` for the number of the layer."""

MODULES: Final[tuple[str, ...]] = tuple(_PATHS)
"""Every module name that a schedule may use."""

LAYERED: Final[frozenset[str]] = frozenset(name for name, path in _PATHS.items() if "*" in path)
"""Those that stand once in each layer; only they take a list over depth (what is the depth of an embedding?)."""


def module_path(tensor: str) -> tuple[tuple[str, ...], int]:
    """Return the path of a tensor with `*` for its layer, and the number of the layer (-1: outside the layers)."""
    parts = tensor.removeprefix("model.").split(".")
    if len(parts) > 1 and parts[0] == "layers" and parts[1].isdecimal() and len(parts[1]) < 10:
        return ("layers", "*", *parts[2:]), int(parts[1])
    return tuple(parts), -1


def matching(names: Mapping[str, Json], tensor: str) -> str:
    """Return the name in `names` that `tensor` belongs to, the innermost module winning, or "" where none does."""
    path, _ = module_path(tensor)
    best = ""
    length = 0
    for name in names:
        wanted = tuple(_PATHS[name].split(".")) if name in _PATHS else ()
        if wanted and path[: len(wanted)] == wanted and len(wanted) > length:
            best, length = name, len(wanted)
    return best


def by_precedence(names: Iterable[str]) -> tuple[str, ...]:
    """Return names in the order in which they win a tensor that several match: one that stands within another first."""
    known = [name for name in MODULES if name in set(names)]
    return tuple(sorted(known, key=lambda name: -_PATHS[name].count(".")))


def over_depth(values: list[Json], layer: int, layers: int) -> float:
    """Return the piecewise linear interpolation of `values` at depth layer/(layers-1), ends included.

    The only layer of a model of one layer is the last (as in mergekit), and so is one beyond those that the
    configuration counts, such as one that predicts further tokens.
    """
    layer = min(layer, layers - 1)
    place, rest = divmod(layer * (len(values) - 1), layers - 1) if layers > 1 else (len(values) - 1, 0)
    if rest == 0:
        return _number(values[place])
    part = rest / (layers - 1)
    return (1 - part) * _number(values[place]) + part * _number(values[place + 1])


def value_at(setting: Json, tensor: str, layers: int) -> float:
    """Return the value of a per-tensor parameter (a number, or a schedule in canonical form) for one tensor.

    Raises ValueError for a list over depth on a module that stands outside the layers.
    """
    if not isinstance(setting, dict):
        return _number(setting)
    names = setting["schedule"]
    assert isinstance(names, dict)
    name = matching(names, tensor)
    chosen = names[name] if name else setting["else"]
    if not isinstance(chosen, list):
        return _number(chosen)
    _, layer = module_path(tensor)
    if layer < 0:
        raise ValueError(f"`{name or 'else'}` has a list over depth, but `{tensor}` stands in no layer")
    return over_depth(chosen, layer, layers)


def unmatched(setting: Json, tensors: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of a schedule that match none of `tensors` (for which it would silently do nothing)."""
    if not isinstance(setting, dict):
        return ()
    names = setting["schedule"]
    assert isinstance(names, dict)
    paths = {module_path(tensor)[0] for tensor in tensors}
    return tuple(name for name in names if not any(matching({name: None}, ".".join(path)) for path in paths))


def _number(value: Json) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is not a number")
    return float(value)
