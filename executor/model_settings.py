"""What a configuration says of how weights are used. In: `config.json`. Out: what must agree to merge, what may not.

Weights of models that differ in the first kind are numbers of different functions, and their mean is of none. What
differs in the second kind, such as how positions are counted, changes the same function by degrees: the result has the
first model's, under which the weights of the others were not trained.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from ladle.dsl.graph import Json
from ladle.dsl.types import UNKNOWN, Settings, Unknown
from ladle.executor.quoting import LONGEST

ONE_FUNCTION: Final = (
    "activation_function",
    "alibi",
    "do_layer_norm_before",
    "head_dim",
    "hidden_act",
    "hidden_activation",
    "n_head",
    "num_attention_heads",
    "num_key_value_heads",
    "parallel_attn",
    "partial_rotary_factor",
    "position_embedding_type",
    "rotary_dim",
    "rotary_pct",
    "tie_word_embeddings",
    "use_parallel_residual",
)
"""Keys that must agree where two configurations have them."""
DEGREES: Final = (
    "attention_multiplier",
    "attn_logit_softcapping",
    "embedding_multiplier",
    "final_logit_softcapping",
    "layer_norm_epsilon",
    "layer_norm_eps",
    "layer_types",
    "logit_scale",
    "logits_scaling",
    "max_position_embeddings",
    "norm_topk_prob",
    "num_experts_per_tok",
    "query_pre_attn_scalar",
    "residual_multiplier",
    "rms_norm_eps",
)
"""Keys that deserve a look where they differ; beside these what is said of rotary positions and sliding windows."""
_THETA, _SCALING, _NEW = "rope_theta", "rope_scaling", "rope_parameters"
_SHARE, _WINDOW = "partial_rotary_factor", "sliding_window"
TOLD: Final = frozenset((*ONE_FUNCTION, *DEGREES, _THETA, _SCALING, _WINDOW))
"""All names of settings, of both kinds."""


def function(config: Mapping[str, Json]) -> Settings:
    """Return what must agree."""
    whole = _flat(config)
    return tuple((key, _text(whole[key])) for key in ONE_FUNCTION if whole.get(key) is not None)


def degrees(config: Mapping[str, Json]) -> Settings:
    """Return what deserves a look where it differs."""
    whole = _flat(config)
    found = {key: whole[key] for key in DEGREES if whole.get(key) is not None} | dict(_positions(whole))
    return tuple((key, _text(value)) for key, value in sorted(found.items()))


def parted(settings: Settings | Unknown) -> tuple[Settings | Unknown, Settings | Unknown]:
    """Return those that must agree for a merge, and those that may differ."""
    if isinstance(settings, Unknown):
        return UNKNOWN, UNKNOWN
    must = tuple(pair for pair in settings if pair[0] in ONE_FUNCTION)
    return must, tuple(pair for pair in settings if pair[0] not in ONE_FUNCTION)


def joined(function: Settings | Unknown, settings: Settings | Unknown) -> Settings | Unknown:
    """Return both kinds as one."""
    if isinstance(function, Unknown) or isinstance(settings, Unknown):
        return UNKNOWN
    return tuple(sorted((*function, *settings)))


def listed(found: Iterable[tuple[str, str, str]]) -> str:
    """Return what differs as a sentence has it, the other model's value first."""
    return ", ".join(f"{name} {there}, not {here}" for name, here, there in found)


def _flat(config: Mapping[str, Json]) -> Mapping[str, Json]:
    """A model of text and more has a configuration within its configuration; transformers 5 moved the rotated share."""
    inner = config.get("text_config")
    whole = {**config, **inner} if isinstance(inner, dict) else dict(config)
    positions = whole.get(_NEW)
    if isinstance(positions, dict) and _SHARE in positions:
        whole[_SHARE] = positions[_SHARE]
    return whole


def _positions(config: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    """What is said of positions, in one form: transformers 5 writes `rope_parameters`, 4 wrote two keys."""
    new = config.get(_NEW)
    old = config.get(_SCALING)
    said = new if isinstance(new, dict) else old if isinstance(old, dict) else {}
    theta = said.get(_THETA, config.get(_THETA))
    if theta is not None:
        yield _THETA, theta
    rest = {
        ("rope_type" if key == "type" else key): value for key, value in said.items() if key not in (_THETA, _SHARE)
    }
    if theta is not None or rest:
        yield _SCALING, None if rest.get("rope_type", "default") == "default" and len(rest) < 2 else rest
    if config.get("use_sliding_window") is False:
        yield _WINDOW, None
    elif _WINDOW in config:
        yield _WINDOW, config[_WINDOW]


def _text(value: Json) -> str:
    """One text for equal values; of a long one its beginning, and a digest of the whole."""
    if value is None:
        return "none"
    try:
        plain = _plain(value)
        text = plain if isinstance(plain, str) and plain.isprintable() else json.dumps(plain, sort_keys=True)
    except RecursionError:
        return "nested too deep"
    if len(text) <= LONGEST:
        return text
    return f"{text[: LONGEST - 15]}... ({hashlib.sha256(text.encode()).hexdigest()[:8]})"


def _plain(value: Json) -> Json:
    """The value with whole numbers as such: 10000 and 10000.0 are equal."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value
