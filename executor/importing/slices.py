"""Slices of mergekit's documents. In: `slices`. Out: the models of a merge of whole models, or layers that are stacked.

mergekit stretches a list over depth across each slice by itself, so that slices which cut whole models into parts are a
merge of these with a list of one value for each layer, unless they are merged alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ladle.dsl.vocabularies import FIRST
from ladle.executor.catalog import vocabulary
from ladle.executor.importing.draft import Merged, ModelRef
from ladle.executor.importing.fields import Fields
from ladle.executor.importing.mergekit_results import MORE, outputs, rounded, seed
from ladle.executor.importing.mergekit_tokenizer import tokenizer_option
from ladle.executor.importing.mergekit_values import Given, per_model, shared
from ladle.executor.importing.scalars import number
from ladle.executor.importing.sources import Part, Source, reference, source
from ladle.executor.importing.spelling import option
from ladle.executor.importing.tree import Listing, Scalar, Table, Tree

PASSTHROUGH: Final = "passthrough"
STACK: Final = "stack"
SCALE: Final = "scale"
_MEND: Final = (
    "merge whole models, and stack layers of the result, both ends included: "
    "`model deep = stack(merged, merged, layers = each(0..7, 4..11))`"
)


_MOST: Final = 1000
"""Layers for each of which a parameter is written down."""


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice: its models, and the layers that each gives, the last one left out."""

    fields: Fields
    sources: tuple[Source, ...]
    layers: tuple[tuple[int, int], ...]
    parameters: Fields | None
    """Those of the slice itself."""


def whole(fields: Fields) -> tuple[Source, ...] | None:
    """Return the models whose layers the slices take in order and in full, None where that is no merge of models."""
    slices = _slices(fields)
    if slices is None:
        return None
    first, at = slices[0], 0
    for each in slices:
        if _models(each) != _models(first) or any(layers[0] != at for layers in each.layers):
            message = "the slices take models or layers otherwise than a merge of whole models does"
            each.fields.problem("E611", "sources", message, _MEND)
            return None
        ends = {layers[1] for layers in each.layers}
        if len(ends) > 1:
            each.fields.problem("E611", "sources", "the models of a slice give different layers", _MEND)
            return None
        at = ends.pop()
    fields.assumed("slices", f"together they are layers 0 to {at - 1}, taken to be all that the models have")
    for each in slices:
        each.fields.rest({})
        for model in each.sources if each is not first else ():
            model.fields.rest({})
    if _even(fields, slices):
        return first.sources
    if at > _MOST:
        fields.problem(
            "E611", "slices", f"the slices take {at} layers, one value for each of which no recipe says", _MEND
        )
        return None
    return tuple(_parted(slices, place) for place in range(len(first.sources)))


def _parted(slices: tuple[Slice, ...], place: int) -> Source:
    """Return a model with the parameters that it has in each slice."""
    parts = []
    for each in slices:
        found = each.sources[place].parameters, each.parameters
        parts.append(Part(each.layers[place][1] - each.layers[place][0], tuple(one for one in found if one)))
    return Source(slices[0].sources[place].model, slices[0].sources[place].fields, None, tuple(parts))


def _models(each: Slice) -> list[ModelRef]:
    return [model.model for model in each.sources]


def _even(fields: Fields, slices: tuple[Slice, ...]) -> bool:
    """Say whether every slice is merged alike, by parameters that one slice over all layers would have."""
    tree = fields.tree("parameters")
    if len(slices) == 1:
        return slices[0].parameters is None
    own = [place for each in slices for place in (each.parameters, *(model.parameters for model in each.sources))]
    return not any(own) and not (tree is not None and _varies(tree))


def _varies(tree: Tree) -> bool:
    match tree:
        case Table(entries):
            return any(_varies(entry.value) for entry in entries)
        case Listing(items):
            return any(isinstance(item, Scalar) or _varies(item) for item in items)
        case _:
            return False


def stacked(fields: Fields) -> Merged | None:
    """Return the layers that `passthrough` puts one after the other as a `stack`, None where it is none."""
    slices = _slices(fields)
    if slices is None:
        return None
    if wrong := next((each for each in slices if len(each.sources) != 1), None):
        wrong.fields.problem("E611", "sources", "`passthrough` takes one model for each slice", "name one")
        return None
    operands = tuple(_with(each) for each in slices)
    told = ", ".join(_written(*each.layers[0]) for each in slices)
    operator = vocabulary()[STACK]
    given = Given(fields, operator, fields.fields("parameters"))
    options: list[tuple[str, str | ModelRef]] = [("layers", f"each({told})")]
    known = option(operator, SCALE)
    local = any(each.parameters and SCALE in each.parameters for each in operands)
    text = "" if known is None else per_model(given, known, SCALE, operands) if local else shared(given, known, SCALE)
    options += [(SCALE, text)] if text else []
    given.rest(operands)
    for each in slices:
        each.fields.rest({})
    _beside(fields, operands)
    seed(fields, operator)
    name, listed = fields.text("name") or "", outputs(fields)
    precision = rounded(fields)
    if "out_dtype" in fields and "dtype" in fields:
        fields.agrees("dtype", "layers are copied")
    fields.rest(MORE)
    return Merged(STACK, tuple((each.model, "") for each in operands), tuple(options), name, listed, precision)


def _beside(fields: Fields, operands: tuple[Source, ...]) -> None:
    """Note where mergekit takes tokenizer or configuration from another model than the first, as a stack does."""
    base = reference(fields, "base_model") if "base_model" in fields else None
    reason = "a stack has configuration, tokenizer and template of its first operand"
    if base is not None and base != operands[0].model:
        fields.lost("base_model", reason)
    for _, whose in tokenizer_option(fields, operands, base):
        if whose != FIRST:
            fields.lost("tokenizer" if "tokenizer" in fields else "tokenizer_source", reason)


def _with(each: Slice) -> Source:
    """Return the model of a slice, with the parameters of the slice where it has none of its own."""
    found = each.sources[0]
    if each.parameters is None:
        return found
    if found.parameters is not None:
        each.fields.lost("parameters", "the model of the slice has parameters itself: write them all there")
        return found
    return Source(found.model, found.fields, each.parameters)


def _slices(fields: Fields) -> tuple[Slice, ...] | None:
    """Return the slices, None where one cannot be read, which is reported."""
    found = [_slice(each) for each in fields.tables("slices")]
    if not found:
        fields.problem("E609", "slices", "the document says no slices", "add them, or `models`")
    known = tuple(each for each in found if each is not None)
    return known if found and len(known) == len(found) else None


def _slice(fields: Fields) -> Slice | None:
    items = [(each, source(each), _layers(each)) for each in fields.tables("sources")]
    if not items:
        fields.problem("E609", "sources", "a slice names no `sources`", "add its models")
    models = tuple(model for _, model, _ in items if model is not None)
    layers = tuple(bounds for _, _, bounds in items if bounds is not None)
    if not items or len(models) < len(items) or len(layers) < len(items):
        return None
    return Slice(fields, models, layers, fields.fields("parameters"))


def _layers(fields: Fields) -> tuple[int, int] | None:
    items = [item for item in fields.items("layer_range") if isinstance(item, Scalar)]
    bounds = [number(item.text) for item in items]
    if len(bounds) == 2 and isinstance(bounds[0], int) and isinstance(bounds[1], int) and 0 <= bounds[0] < bounds[1]:
        return bounds[0], bounds[1]
    message = "a slice needs `layer_range`, the first of its layers and the one after its last: `[0, 8]`"
    fields.problem("E609", "layer_range", message, "layers are counted from 0, and there is at least one")
    return None


def _written(first: int, after: int) -> str:
    """Return the layers of a slice as a recipe writes them: both ends included."""
    return f"{first}..{after - 1}" if after - first > 1 else f"[{first}]"
