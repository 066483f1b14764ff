"""What schedules come to. In: the type of a merge's first operand. Out: values that meet, tensor by tensor; no torch.

A model that is not made yet has the tensors that its architecture and its number of layers say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

from ladle.dsl.graph import canonical
from ladle.dsl.signature import Fault
from ladle.dsl.suggest import listing
from ladle.dsl.types import CorpusType, ModelType, Unknown, Value
from ladle.executor.weights.modules import MODULES, matching, value_at
from ladle.executor.weights.settings import idle

_PLAIN: Final = ("llama", "mistral", "qwen2")
"""Architectures whose layers hold `_LAYER`, whatever their sizes."""
_LAYER: Final = (
    *(f"self_attn.{each}_proj" for each in "qkvo"),
    *(f"mlp.{each}_proj" for each in ("gate", "up", "down")),
    "input_layernorm",
    "post_attention_layernorm",
)
_HEAD: Final = "lm_head"
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


def idle_schedule(type: ModelType, options: Mapping[str, Value]) -> Fault | None:
    """Return what is wrong with schedules in `options` that name what a model has not; nothing of an unknown one."""
    tensors = tuple(_tensors(type, 1))
    option, name = idle({key: canonical(value) for key, value in options.items()}, tensors) if tensors else ("", "")
    tied = {} if isinstance(type.shape, Unknown) else dict(type.shape)
    if not name or (name == _HEAD and isinstance(type.tensors, Unknown) and "tied" not in tied):
        return None
    help = f"leave `{_HEAD}` out: the head is tied to the embeddings, and changes with `embed`"
    if name != _HEAD:
        has = [module for module in MODULES if any(matching({module: None}, tensor) for tensor in tensors)]
        help = f"leave it out, or name what the model has: {listing(has, len(has), last='or')}"
    return Fault("E213", f"the schedule names `{name}`, which matches no tensor of the model", help, option)


def _tensors(type: ModelType, layers: int) -> Iterator[str]:
    if not isinstance(type.tensors, Unknown):
        yield from (name for name, _, _ in type.tensors)
    elif type.architecture in _PLAIN:
        yield "model.embed_tokens.weight"
        for layer in range(min(layers, _MOST)):
            yield from (f"model.layers.{layer}.{name}.weight" for name in _LAYER)
        yield "model.norm.weight"
        if not isinstance(type.shape, Unknown) and dict(type.shape).get("tied") == 0:
            yield f"{_HEAD}.weight"
