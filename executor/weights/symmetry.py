"""Which units of a model may change places. In: a tensor's name. Out: what each of its axes counts, and permutations.

A model of the Llama family computes the same function when these are permuted, together wherever they occur: the
residual stream, the hidden units of each MLP, the groups of key heads with their query heads, the query heads within
a group, and the values' dimensions within a group. The dimensions of queries and keys stay: rotary positions tell
them apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import torch
from ladle.dsl.graph import Json
from ladle.executor.headers import Tensor
from ladle.executor.task import StepError
from ladle.executor.weights.modules import module_path


class Axis(StrEnum):
    """What an axis of a tensor counts."""

    FIXED = "fixed"
    RESIDUAL = "residual"
    UNITS = "units"
    QUERY = "query"
    KEY = "key"
    VALUE = "value"
    OUTPUT = "output"
    """What the heads give to the attention's last matrix."""


_NORM: Final = (Axis.RESIDUAL,)
_LAYER: Final[Mapping[str, tuple[Axis, ...]]] = {
    "self_attn.q_proj": (Axis.QUERY, Axis.RESIDUAL),
    "self_attn.k_proj": (Axis.KEY, Axis.RESIDUAL),
    "self_attn.v_proj": (Axis.VALUE, Axis.RESIDUAL),
    "self_attn.o_proj": (Axis.RESIDUAL, Axis.OUTPUT),
    "self_attn.q_norm": (Axis.FIXED,),
    "self_attn.k_norm": (Axis.FIXED,),
    "mlp.gate_proj": (Axis.UNITS, Axis.RESIDUAL),
    "mlp.up_proj": (Axis.UNITS, Axis.RESIDUAL),
    "mlp.down_proj": (Axis.RESIDUAL, Axis.UNITS),
    "input_layernorm": _NORM,
    "post_attention_layernorm": _NORM,
    "pre_feedforward_layernorm": _NORM,
    "post_feedforward_layernorm": _NORM,
}
_AXES: Final[Mapping[str, tuple[Axis, ...]]] = {
    "embed_tokens": (Axis.FIXED, Axis.RESIDUAL),
    "lm_head": (Axis.FIXED, Axis.RESIDUAL),
    "norm": _NORM,
    **{f"layers.*.{name}": axes for name, axes in _LAYER.items()},
}


def axes(tensor: str) -> tuple[Axis, ...]:
    """Return what each axis of a tensor counts. Raises StepError for one that no model of the Llama family has."""
    path, _ = module_path(tensor)
    module, kind = ".".join(path[:-1]), path[-1]
    found = _AXES.get(module, ())
    if kind == "weight" and found:
        return found
    if kind == "bias" and len(found) == 2:
        return found[:1]
    raise StepError(
        f"`{tensor}` is no tensor of the Llama family, so nobody knows which of its units may change places",
        "`rebasin` permutes models whose tensors are called as those of Llama, Mistral and Qwen are",
    )


def in_rows(tensor: str) -> bool:
    """Say whether a tensor is a matrix whose rows stay: it can be permuted some rows at a time."""
    found = axes(tensor)
    return len(found) == 2 and found[0] is Axis.FIXED and tensor.endswith(".weight")


def layer_of(tensor: str) -> int:
    """Return the number of a tensor's layer, -1 outside the layers."""
    return module_path(tensor)[1]


@dataclass(frozen=True, slots=True)
class Heads:
    """How attention is divided: `groups` of key heads, each with `each` query heads of `size` dimensions."""

    groups: int
    each: int
    size: int

    @property
    def rows(self) -> int:
        """Rows of the query matrix."""
        return self.groups * self.each * self.size


def heads(configuration: Mapping[str, Json], tensors: Mapping[str, Tensor]) -> Heads:
    """Return how attention is divided. Raises StepError where configuration and weights disagree."""
    number = {key: value for key, value in configuration.items() if isinstance(value, int)}
    count = number.get("num_attention_heads", 1)
    groups = number.get("num_key_value_heads", count)
    size = number.get("head_dim", number.get("hidden_size", 0) // max(1, count))
    found = Heads(max(1, groups), count // max(1, groups), size)
    wanted = {Axis.QUERY: found.rows, Axis.OUTPUT: found.rows}
    wanted |= {Axis.KEY: groups * size, Axis.VALUE: groups * size}
    for name, header in tensors.items():
        for axis, length in zip(axes(name), header.shape, strict=True):
            if wanted.get(axis, length) != length or (axis is Axis.FIXED and "_norm" in name and length != size):
                raise StepError(f"`{name}` has shape {list(header.shape)}, not that of {count} heads of {size}")
    return found


@dataclass(frozen=True, slots=True)
class Layer:
    """The permutations of one layer: at each place the number of the unit of the other model that goes there."""

    units: torch.Tensor
    groups: torch.Tensor
    queries: torch.Tensor
    """For each group the order of the query heads within the group that goes there, shape (groups, each)."""
    values: torch.Tensor
    """For each group the order of the values' dimensions, shape (groups, size)."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """Permutations of a whole model."""

    heads: Heads
    residual: torch.Tensor
    layers: tuple[Layer, ...]

    def order(self, axis: Axis, layer: int) -> torch.Tensor | None:
        """Return which elements of an axis go where, None for an axis that stays."""
        if axis in (Axis.FIXED, Axis.RESIDUAL):
            return self.residual if axis is Axis.RESIDUAL else None
        found, size, each = self.layers[layer], self.heads.size, self.heads.each
        if axis is Axis.UNITS:
            return found.units
        within = torch.arange(size)
        query = found.groups[:, None] * each + found.queries
        match axis:
            case Axis.QUERY:
                return (query[:, :, None] * size + within).flatten()
            case Axis.KEY:
                return (found.groups[:, None] * size + within).flatten()
            case Axis.VALUE:
                return (found.groups[:, None] * size + found.values).flatten()
            case _:
                return (query[:, :, None] * size + found.values[:, None, :]).flatten()

    def permuted(self, tensor: str, values: torch.Tensor, but: int = -1) -> torch.Tensor:
        """Return a tensor's values with every axis in order; the axis `but` stays."""
        for place, axis in enumerate(axes(tensor)):
            order = None if place == but else self.order(axis, layer_of(tensor))
            if order is not None:
                values = values.index_select(place, order.to(values.device))
        return values


def identity(heads: Heads, tensors: Mapping[str, Sequence[int]]) -> Alignment:
    """Return the permutations that move nothing, for a model with tensors of these shapes.

    Raises StepError where a layer is missing.
    """
    layers = sorted({layer_of(name) for name in tensors} - {-1})
    if layers != list(range(len(layers))):
        raise StepError("the layers of the model are not numbered 0, 1, ...", "a tensor is missing, or misnamed")
    lengths = {(axis, layer_of(name)): shape[place]
               for name, shape in tensors.items() for place, axis in enumerate(axes(name))}  # fmt: skip
    residual = next(length for (axis, _), length in lengths.items() if axis is Axis.RESIDUAL)
    return Alignment(
        heads,
        torch.arange(residual),
        tuple(
            Layer(
                torch.arange(lengths.get((Axis.UNITS, layer), 0)),
                torch.arange(heads.groups),
                torch.arange(heads.each).expand(heads.groups, -1),
                torch.arange(heads.size).expand(heads.groups, -1),
            )
            for layer in layers
        ),
    )
