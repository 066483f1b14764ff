"""Tensors that a configuration asks for. In: `config.json` and the tensors of the headers. Out: the first that misfits.

For architectures in `EXACT` every name and shape follows by arithmetic; of any other only the layers are counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from ladle.dsl.frozen import frozen
from ladle.dsl.graph import Json
from ladle.executor.headers import Tensor
from ladle.executor.quoting import short

EXACT: Final = ("llama", "mistral", "qwen2")
MAX_SIZE: Final = 2**40
"""The largest size of a configuration that is computed with."""

_LAYER = re.compile(r"(?:model\.)?layers\.(0|[1-9][0-9]{0,8})\.")
_KEPT_BY_OLD_FILES = "rotary_emb.inv_freq"
"""A buffer that early files hold and transformers passes over."""

Shape = tuple[int, ...]


def misfit(config: Mapping[str, Json], tensors: Mapping[str, Tensor]) -> str:
    """Return what is wrong with the tensors of a model, such as "lack `model.norm.weight`"; "" if they fit."""
    layers = config.get("num_hidden_layers")
    if type(layers) is not int:
        return ""
    found = {int(match[1]) for name in tensors if (match := _LAYER.match(name))}
    sizes = _sizes(config)
    if found or sizes:
        lost = next((number for number in range(layers) if number not in found), None)
        if lost is not None:
            return f"lack layer {lost}, and `config.json` says {layers} layers"
    return _compared(dict(_expected(sizes, layers)), tensors, sizes.tied) if sizes else ""


@frozen
class _Sizes:
    hidden: int
    queries: int
    keys: int
    intermediate: int
    vocabulary: int
    tied: bool
    biases: tuple[str, ...]


def _sizes(config: Mapping[str, Json]) -> _Sizes | None:
    """None where the names do not follow from the configuration: another architecture, quantized, sizes left out."""
    if config.get("model_type") not in EXACT or config.get("quantization_config"):
        return None
    fields = ("hidden_size", "num_attention_heads", "intermediate_size", "vocab_size")
    hidden, heads, intermediate, vocabulary = (_count(config.get(field)) for field in fields)
    if config["model_type"] != "llama" and "num_key_value_heads" not in config:
        return None  # theirs has a default that is not the number of heads
    pairs = _count(_given(config, "num_key_value_heads", heads))
    head = _count(_given(config, "head_dim", hidden // heads if heads else 0))
    if not (hidden and heads and intermediate and vocabulary and pairs and head):
        return None
    tied = config.get("tie_word_embeddings") is True
    return _Sizes(hidden, heads * head, pairs * head, intermediate, vocabulary, tied, _biases(config))


def _given(config: Mapping[str, Json], key: str, otherwise: int) -> Json:
    value = config.get(key)
    return otherwise if value is None else value


def _count(value: Json) -> int:
    return value if isinstance(value, int) and 0 < value < MAX_SIZE else 0


def _biases(config: Mapping[str, Json]) -> tuple[str, ...]:
    if config["model_type"] == "qwen2":
        return ("q_proj", "k_proj", "v_proj")
    if config["model_type"] == "mistral":
        return ()
    attention = ("q_proj", "k_proj", "v_proj", "o_proj") if config.get("attention_bias") is True else ()
    return (*attention, *(("gate_proj", "up_proj", "down_proj") if config.get("mlp_bias") is True else ()))


def _expected(sizes: _Sizes, layers: int) -> Iterator[tuple[str, Shape]]:
    yield "model.embed_tokens.weight", (sizes.vocabulary, sizes.hidden)
    yield "model.norm.weight", (sizes.hidden,)
    yield "lm_head.weight", (sizes.vocabulary, sizes.hidden)
    layer = dict(_layer(sizes))
    for number in range(layers):
        yield from ((f"model.layers.{number}.{name}", shape) for name, shape in layer.items())


def _layer(sizes: _Sizes) -> Iterator[tuple[str, Shape]]:
    hidden, inner = sizes.hidden, sizes.intermediate
    yield "input_layernorm.weight", (hidden,)
    yield "post_attention_layernorm.weight", (hidden,)
    matrices: dict[str, Shape] = {
        "self_attn.q_proj": (sizes.queries, hidden),
        "self_attn.k_proj": (sizes.keys, hidden),
        "self_attn.v_proj": (sizes.keys, hidden),
        "self_attn.o_proj": (hidden, sizes.queries),
        "mlp.gate_proj": (inner, hidden),
        "mlp.up_proj": (inner, hidden),
        "mlp.down_proj": (hidden, inner),
    }
    for name, shape in matrices.items():
        yield f"{name}.weight", shape
        if name.partition(".")[2] in sizes.biases:
            yield f"{name}.bias", shape[:1]


def _compared(wanted: Mapping[str, Shape], tensors: Mapping[str, Tensor], tied: bool) -> str:
    for name, shape in wanted.items():
        if name not in tensors:
            if name == "lm_head.weight" and tied:
                continue
            return f"lack `{name}`"
        if tensors[name].shape != shape:
            return f"have `{name}` as {_shown(tensors[name].shape)}, and by `config.json` it is {_shown(shape)}"
    extra = next((name for name in tensors if name not in wanted and not name.endswith(_KEPT_BY_OLD_FILES)), None)
    return f"hold `{short(extra)}`, which `config.json` has no place for" if extra is not None else ""


def _shown(shape: Shape) -> str:
    return " x ".join(str(size) for size in shape) or "a number"
