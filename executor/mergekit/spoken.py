"""Merges as mergekit says them. In: an operator, its options, what its operands are called. Out: a document's body.

A method that mergekit has under the same name is said by the `field` of its options. What mergekit has no words for is
refused, never left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from ladle.dsl.graph import Json, canonical
from ladle.dsl.signature import Operator, Option, Reference, Required
from ladle.dsl.vocabularies import TOKENIZER
from ladle.executor.exporting.filters import coefficient, opposite, setting
from ladle.executor.exporting.said import Said
from ladle.executor.exporting.subject import number
from ladle.executor.mergekit_names import METHODS

ROUND: Final = "round"
PRECISIONS: Final = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}
"""What `round` rounds to, as mergekit calls it."""

NAMED: Final = {"F16": "float16", "BF16": "bfloat16", "F32": "float32"}
"""Element types of a header as mergekit calls them."""

FIRST: Final = ("slerp", "linear")
"""Methods whose `base_model` is the first operand: it is one of the two, or gives no more than the configuration."""
SPOKEN: Final = frozenset({"lerp", "soup", "affine", ROUND}) | METHODS
"""The merges of the language that mergekit can say."""
UNSAID: Final = ("seed",)
"""Options that stand beside the document: mergekit takes its seed on the command line."""


class Listener(Protocol):
    """Hears what cannot be said."""

    def refuse(self, message: str, help: str = "") -> None:
        """Take note of something that mergekit has no words for."""


def body(
    operator: Operator, options: Mapping[str, Json], names: Sequence[Said], base: Said, listener: Listener
) -> dict[str, Said]:
    """Return method, models and parameters of a merge; `base` is None where it has none."""
    if options.get(TOKENIZER) is not None:
        message = f"`{TOKENIZER} = {options[TOKENIZER]}` within `mergekit(...)` is not handed over"
        listener.refuse(message, "let the native engine merge models of several vocabularies")
    match operator.name:
        case "lerp":
            weights: list[Said] = [setting(opposite(options["t"])), setting(options["t"])]
            return _linear(names, weights, normalize=False)
        case "soup":
            return _linear(names, [1.0] * len(names), normalize=True)
        case "affine":
            weights = [_coefficient(each, listener) for each in _listed(options["coefficients"])]
            return _linear(names, weights, normalize=False)
        case "stack":
            return _slices(options, names)
        case method if method in METHODS:
            return _method(operator, options, names, base, listener)
        case method:
            listener.refuse(f"mergekit has no `{method}`", "run it here: `ladle run`, and name its result instead")
            return {}


def _linear(names: Sequence[Said], weights: Sequence[Said], *, normalize: bool) -> dict[str, Said]:
    models: list[Said] = [
        {"model": name, "parameters": {"weight": weight}} for name, weight in zip(names, weights, strict=True)
    ]
    return _document("linear", names[0], models, {"normalize": normalize})


def _slices(options: Mapping[str, Json], names: Sequence[Said]) -> dict[str, Said]:
    """Slices of layers, one after the other: embeddings are the first one's, what follows the layers the last one's."""
    scale = options.get("scale", 1.0)
    scales = scale if isinstance(scale, list) else [scale] * len(names)
    found: list[Said] = []
    for name, layers, each in zip(names, _listed(options["layers"]), scales, strict=True):
        parameters: dict[str, Said] = {} if each == 1 else {"parameters": {"scale": setting(each)}}
        for first, last in runs([int(number(item)) for item in _listed(layers)]):
            found.append({"sources": [{"model": name, "layer_range": [first, last + 1], **parameters}]})
    return {"merge_method": "passthrough", "base_model": names[0], "slices": found}


def runs(layers: Sequence[int]) -> list[tuple[int, int]]:
    """Return the first and last of each run of consecutive numbers."""
    found: list[tuple[int, int]] = []
    for layer in layers:
        if found and found[-1][1] + 1 == layer:
            found[-1] = (found[-1][0], layer)
        else:
            found.append((layer, layer))
    return found


def _method(
    operator: Operator, options: Mapping[str, Json], names: Sequence[Said], base: Said, listener: Listener
) -> dict[str, Said]:
    own, shared = _parameters(operator, options, len(names), listener)
    models: list[Said] = [
        {"model": name, "parameters": parameters} if parameters else {"model": name}
        for name, parameters in zip(names, own, strict=True)
    ]
    given = names[0] if base is None and operator.name in FIRST else base
    return _document(operator.name, given, models, shared)


def _parameters(
    operator: Operator, options: Mapping[str, Json], count: int, listener: Listener
) -> tuple[list[dict[str, Said]], dict[str, Said]]:
    """Return the parameters that each operand has of its own, and those that all share."""
    weighted = operator.operands.weighted != "no"
    own: list[dict[str, Said]] = [{"weight": each} if weighted else {} for each in _weights(options, count)]
    shared: dict[str, Said] = {}
    for option in operator.options:
        if isinstance(option.type, Reference) or option.name in UNSAID:
            continue
        value = _value(option, options)
        if not option.field:
            _unsaid(operator, option, value, listener)
        elif option.each and isinstance(value, list):
            for parameters, item in zip(own, value, strict=True):
                parameters[option.field] = setting(item)
        elif value is not None:
            shared[option.field] = setting(value)
    return own, shared


def _value(option: Option, options: Mapping[str, Json]) -> Json:
    """Return what an option is set to; one that came late is left out of a node where it has its default."""
    if option.name in options or isinstance(option.default, Required):
        return options[option.name]
    return canonical(option.default)


def _unsaid(operator: Operator, option: Option, value: object, listener: Listener) -> None:
    if value != option.default:
        message = f"`{option.name} = {value}` of `{operator.name}` is no setting of mergekit"
        listener.refuse(message, f"use `{option.name} = {option.default}`")


def _document(method: str, base: Said, models: list[Said], shared: dict[str, Said]) -> dict[str, Said]:
    found: dict[str, Said] = {"merge_method": method}
    if base is not None:
        found["base_model"] = base
    return found | {"models": models, "parameters": shared}


def _weights(options: Mapping[str, Json], count: int) -> list[Said]:
    given = options.get("weights")
    return [1.0 if item is None else setting(item) for item in (given if isinstance(given, list) else [None] * count)]


def _coefficient(products: Json, listener: Listener) -> Said:
    found = coefficient(products)
    if found is None:
        message = "a sum of several schedules for one model is no setting of mergekit"
        listener.refuse(message, "write one schedule")
        return 0.0
    return setting(found)


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
