"""Slices of layers through mergekit. In: a task with models and the layers that each gives. Out: a model folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ladle.dsl.graph import Json
from ladle.executor.catalog import vocabulary
from ladle.executor.exporting.text import Said, written
from ladle.executor.headers import Tensor
from ladle.executor.mergekit.documents import Refusing
from ladle.executor.mergekit.merge import finish
from ladle.executor.mergekit.parents import parents, reference, size, uniform
from ladle.executor.mergekit.result import only_weights, prove
from ladle.executor.mergekit.spoken import body
from ladle.executor.mergekit.tool import YAML, Call
from ladle.executor.mergekit.tool import run as call
from ladle.executor.merges.stack import LAYER
from ladle.executor.task import StepError, Task, operands
from ladle.executor.weights.configurations import configure
from ladle.executor.weights.parents import Parent, agree, parent, unlike
from ladle.executor.weights.settings import ineffective


def run(task: Task) -> None:
    """Write the stacked model. Raises StepError for operands that do not fit, or a layer that none has."""
    models = [parent(each, task.work) for each in operands(task.inputs)]
    alike = _of_one_depth(models)
    agree(alike)
    for text in unlike(alike):
        task.note(text)
    if message := ineffective(task.options, tuple(models[0].headers)):
        raise StepError(message, "`scale` names modules of the model's architecture")
    layers = _layers(task, models)
    wanted = dict(_stacked(models[0], layers))
    numbered = {str(number): model for number, model in enumerate(models)}
    names: list[Said] = [reference(folder) for folder in parents(task.work, numbered)]
    said = body(vocabulary()[task.operator], task.options, names, None, Refusing())
    if (dtype := uniform(models[0])) is not None:
        scaled: dict[str, Said] = {} if task.options.get("scale", 1) == 1 else {"dtype": "float32"}
        said |= {**scaled, "out_dtype": dtype}
    file = task.work / "slices.yaml"
    file.write_text(written([said], (), "Slices of a recipe."), encoding="utf-8")
    call(Call(YAML, (str(file), str(task.output)), task.output), task, size(wanted.values()))
    prove(task.output, {name: tensor.shape for name, tensor in wanted.items()}, models)
    only_weights(task.output)
    finish(models[0], task.output, dtype)
    configure(task.output, lambda said: _count(said, layers))


def _of_one_depth(models: Sequence[Parent]) -> list[Parent]:
    """Return models with the layers that all of them have: what must agree."""
    least = min(model.layers for model in models)
    return [model if model.layers == least else _up_to(model, least) for model in models]


def _up_to(model: Parent, layers: int) -> Parent:
    headers = {name: each for name, each in model.headers.items() if not _beyond(name, layers)}
    said = {**model.configuration, "num_hidden_layers": layers}
    if isinstance(kinds := said.get("layer_types"), list):
        said["layer_types"] = kinds[:layers]
    return replace(model, headers=headers, configuration=said)


def _beyond(tensor: str, layers: int) -> bool:
    match = LAYER.match(tensor)
    return match is not None and int(match[2]) >= layers


def _layers(task: Task, models: Sequence[Parent]) -> list[tuple[Parent, int]]:
    """Return the model and its layer for each layer of the result."""
    slices = task.options["layers"]
    if not isinstance(slices, list) or len(slices) != len(models):
        raise StepError("`layers` is given operand by operand", "write it again with `ladle compile`")
    found: list[tuple[Parent, int]] = []
    for model, layers in zip(models, slices, strict=True):
        for layer in layers if isinstance(layers, list) else [layers]:
            if not isinstance(layer, int) or layer >= model.layers:
                help = f"it has {model.layers}, counted from 0"
                raise StepError(f"`{model.name}` has no layer {layer}", help)
            found.append((model, layer))
    return found


def _stacked(first: Parent, layers: Sequence[tuple[Parent, int]]) -> Iterator[tuple[str, Tensor]]:
    """Yield name and header of what the result holds: models agree, so what is of no layer is that of the first."""
    yield from ((name, tensor) for name, tensor in first.headers.items() if not LAYER.match(name))
    for place, (model, layer) in enumerate(layers):
        for name, tensor in model.headers.items():
            if (match := LAYER.match(name)) and int(match[2]) == layer:
                yield f"{match[1]}{place}{match[3]}", tensor


def _count(said: dict[str, Json], layers: Sequence[tuple[Parent, int]]) -> None:
    """Say how many layers there are, and of what kind each is where the configuration lists that."""
    said["num_hidden_layers"] = len(layers)
    if isinstance(said.get("layer_types"), list):
        kinds = [(model.configuration.get("layer_types"), layer) for model, layer in layers]
        said["layer_types"] = [kind[layer] for kind, layer in kinds if isinstance(kind, list) and layer < len(kind)]
