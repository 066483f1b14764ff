"""What schedules come to. In: the type of a merge's first operand. Out: values that meet, tensor by tensor; no torch.

A model that is not made yet has the tensors that its architecture and its number of layers say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from ladle.dsl.graph import canonical
from ladle.dsl.types import CorpusType, ModelType, Unknown, Value
from ladle.executor.weights.modules import value_at

_PLAIN: Final = ("llama", "mistral", "qwen2")
"""Architectures whose layers hold `_LAYER`, whatever their sizes."""
_LAYER: Final = (
    *(f"self_attn.{each}_proj" for each in "qkvo"),
    *(f"mlp.{each}_proj" for each in ("gate", "up", "down")),
    "input_layernorm",
    "post_attention_layernorm",
)
_MOST: Final = 10_000
"""Layers that are looked at: a configuration may say any number."""


def over_tensors(type: ModelType | CorpusType, values: Sequence[Value]) -> Iterator[tuple[str, tuple[float, ...]]]:
    """Yield each tensor with the numbers that hold for it; None counts as 1. Nothing where no tensor is known."""
    if not isinstance(type, ModelType):
        return
    layers = 0 if isinstance(type.shape, Unknown) else dict(type.shape).get("layers", 0)
    settings = [canonical(1.0 if value is None else value) for value in values]
    for tensor in _tensors(type, layers) if layers else ():
        with suppress(ValueError):  # what does not fit a module is told of the schedule
            yield tensor, tuple(value_at(setting, tensor, layers) for setting in settings)


def _tensors(type: ModelType, layers: int) -> Iterator[str]:
    if not isinstance(type.tensors, Unknown):
        yield from (name for name, _, _ in type.tensors)
    elif type.architecture in _PLAIN:
        yield "model.embed_tokens.weight"
        for layer in range(min(layers, _MOST)):
            yield from (f"model.layers.{layer}.{name}.weight" for name in _LAYER)
        yield "model.norm.weight"
        if not isinstance(type.shape, Unknown) and dict(type.shape).get("tied") == 0:
            yield "lm_head.weight"
