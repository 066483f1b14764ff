"""Layers of models one after the other (frankenmerge). Out: `stack`, typed.

Formula:

    layer n of the result = the n-th layer that is named

Embeddings are the first operand's, last norm and head the last one's. Nothing is computed: tensors are copied, times
`scale` where that is not 1.

Source: mergekit, `passthrough` with slices; SOLAR scales up in this way (arXiv 2312.15166).

When to use it: to begin a deeper model from trained layers, and train it on. As it stands it is worse than its parents.

Example:

    model m = stack(base, instruct, layers = each(0..2, 1..3))
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import count
from math import prod

from ladle.dsl.frozen import replace
from ladle.dsl.signature import (
    REQUIRED,
    Fault,
    Number,
    Numbers,
    Operands,
    Operator,
    Option,
    Role,
    Scheduled,
    Sort,
    Typed,
    Typing,
)
from ladle.dsl.types import UNKNOWN, ModelType, Unknown, Value
from ladle.executor.weights.modules import MODULES

LAYER = re.compile(r"((?:model\.)?layers\.)(0|[1-9][0-9]{0,8})(\..+)\Z")
"""The name of a tensor in a layer: what stands before the number of the layer, the number, the rest."""

LAYERS = Option(
    "layers",
    Numbers(Number(low=0, high=10_000, integer=True), 0),
    REQUIRED,
    "the layers that each operand gives, counted from 0, both ends of a range included: `each(0..7, 4..11)`",
    field="layer_range",
    each=True,
)
SCALE = Option(
    "scale",
    Scheduled(-1e6, 1e6, MODULES),
    1.0,
    "factor of the tensors of a slice, by module: `{o_proj: 0, down_proj: 0, else: 1}` makes added layers do nothing",
    field="scale",
    each=True,
)


def stacked_type(typing: Typing) -> Typed:
    """Return the first operand's type with as many layers as are given, or which layer no operand has."""
    first = typing.operands[0]
    slices = [_numbers(each) for each in _tuple(typing.options["layers"])]
    assert isinstance(first, ModelType)
    for place, (model, given) in enumerate(zip(typing.operands, slices, strict=True), 1):
        has = _layers(model)
        if has is not None and (beyond := next((layer for layer in given if layer >= has), None)) is not None:
            message = f"operand {place} has no layer {beyond}: it has {has}, counted from 0"
            return (Fault("E631", message, f"the last layer is {has - 1}", "layers"),)
    layers = sum(map(len, slices))
    shape = first.shape
    if not isinstance(shape, Unknown):
        shape = tuple(sorted({**dict(shape), "layers": layers}.items()))
    tensors = _tensors([each for each in typing.operands if isinstance(each, ModelType)], slices)
    parameters = UNKNOWN if isinstance(tensors, Unknown) else sum(prod(size) for _, _, size in tensors)
    return replace(first, shape=shape, tensors=tensors, parameters=parameters)


Headers = tuple[tuple[str, str, tuple[int, ...]], ...]


def _tensors(models: Sequence[ModelType], slices: Sequence[tuple[int, ...]]) -> Headers | Unknown:
    """Return the tensors of the result, in the one element type of the first model where it has one."""
    known = [each.tensors for each in models if not isinstance(each.tensors, Unknown)]
    if len(known) < len(slices):
        return UNKNOWN
    kinds = {dtype for _, dtype, _ in known[0]}
    kind = kinds.pop() if len(kinds) == 1 else ""
    told = ((name, kind or dtype, size) for name, dtype, size in _stacked(known, slices))
    return tuple(sorted(told))


def _stacked(
    models: Sequence[Headers], slices: Sequence[tuple[int, ...]]
) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    yield from (each for each in models[0] if not LAYER.match(each[0]))
    places = count()
    for tensors, layers in zip(models, slices, strict=True):
        parts: dict[int, list[tuple[str, str, str, tuple[int, ...]]]] = {}
        for name, dtype, size in tensors:
            if match := LAYER.match(name):
                parts.setdefault(int(match[2]), []).append((match[1], match[3], dtype, size))
        for layer in layers:
            place = next(places)
            for head, rest, dtype, size in parts.get(layer, []):
                yield f"{head}{place}{rest}", dtype, size


def _layers(model: object) -> int | None:
    if not isinstance(model, ModelType) or isinstance(model.shape, Unknown):
        return None
    return dict(model.shape).get("layers")


def _tuple(value: Value) -> tuple[Value, ...]:
    return value if isinstance(value, tuple) else ()


def _numbers(value: Value) -> tuple[int, ...]:
    return tuple(item for item in _tuple(value) if isinstance(item, int))


OPERATOR = Operator(
    name="stack",
    role=Role.MERGE,
    version=1,
    text="layers of models one after the other, copied as they are",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=1),
    options=(LAYERS, SCALE),
    engines=("mergekit", "torch", "transformers"),
    whole=True,
    any_depth=True,
    typed=stacked_type,
    program="ladle.executor.mergekit.stack",
)
