"""An adapter through mergekit-extract-lora. In: a task with a model and its base. Out: a folder that peft loads.

mergekit subtracts in the precision of the models and writes the path of the base and a card; paths are no part of a
result, so the configuration is written anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ladle.dsl.graph import Json
from ladle.executor.headers import HostileHeader, Tensor, file_tensors
from ladle.executor.mergekit.parents import parents, size
from ladle.executor.mergekit.result import finite, undamaged
from ladle.executor.mergekit.tool import LORA, Call
from ladle.executor.mergekit.tool import run as call
from ladle.executor.models.source import MANIFEST, read_source
from ladle.executor.task import Given, StepError, Task
from ladle.executor.weights.parents import Parent, agree, parent, unlike

WEIGHTS: Final = "adapter_model.safetensors"
CONFIGURATION: Final = "adapter_config.json"
OUTSIDE: Final = r"(^|\.)(embed_tokens|lm_head|wte|wpe|embed_in|embed_out)$"
"""Names of modules that are embeddings or the head."""
_PREFIX: Final = "base_model.model."


def run(task: Task) -> None:
    """Write the adapter. Raises StepError for models that do not fit, and for an adapter that lacks a layer."""
    given = task.given("base")
    base, model = parent(given, task.work), parent(task.given("0"), task.work)
    agree([base, model])
    for text in unlike([base, model], "on which the adapter sits"):
        task.note(text)
    parents(task.work, {"base": base, "model": model})
    # As relative paths: a `+` or an `@` in the text of a path would mean something to mergekit, and of a path with one
    # `/` it asks the hub whether it is a repository.
    arguments = ["--model", "./parents/model", "--base-model", "./parents/base", "--out-path", str(task.output)]
    arguments += ["--max-rank", str(task.options["rank"]), "--sv-epsilon", repr(float(str(task.options["sv_epsilon"])))]
    match task.options["embeddings"]:
        case "lora":
            arguments += ["--embed-lora"]
        case "none":
            arguments += ["--exclude-regex", OUTSIDE]
    if task.options["norms"] == "none":
        arguments += ["--skip-undecomposable"]
    try:
        call(Call(LORA, arguments, task.output), task, size(model.headers.values()))
    except StepError:
        undamaged((base, model))  # of which torch says that a decomposition did not converge
        raise
    _prove(task.output, base, model)
    _configure(task.output, given, base)


def _prove(output: Path, base: Parent, model: Parent) -> None:
    """Raise StepError unless every matrix in a layer has its two factors, of finite numbers and fitting shapes."""
    try:
        found = file_tensors(output / WEIGHTS)
    except (HostileHeader, OSError) as error:
        raise StepError(f"mergekit wrote no adapter that can be read: {error}", "its log may say why") from None
    for name, tensor in base.headers.items():
        if "layers." in name and len(tensor.shape) == 2:
            _factors(name, tensor, found)
    finite(output, found, (base, model))


def _factors(name: str, tensor: Tensor, found: Mapping[str, Tensor]) -> None:
    module = name.removesuffix(".weight")
    a, b = (found.get(f"{_PREFIX}{module}.lora_{factor}.weight") for factor in "AB")
    rows, columns = tensor.shape
    if a is None or b is None or (b.shape[0], a.shape[1]) != (rows, columns) or a.shape[0] != b.shape[1]:
        raise StepError(f"mergekit's adapter has no two factors for `{name}`", "its log may say why")


def _configure(output: Path, given: Given, base: Parent) -> None:
    """Write the configuration without paths, in one order, and remove the card."""
    said: dict[str, Json] = json.loads((output / CONFIGURATION).read_text(encoding="utf-8"))
    said["base_model_name_or_path"] = _repository(given)
    if base.configuration.get("tie_word_embeddings") is True:
        said["ensure_weight_tying"] = True
    for name in ("target_modules", "modules_to_save"):
        listed = said[name]
        if isinstance(listed, list):
            said[name] = [*sorted({str(each) for each in listed})]
    text = json.dumps(said, indent=2, sort_keys=True) + "\n"
    for path in output.iterdir():
        if path.name != WEIGHTS:
            path.unlink()
    (output / CONFIGURATION).write_text(text, encoding="utf-8")


def _repository(base: Given) -> str | None:
    """Return what the hub calls the base; a folder's path is no name."""
    if base.path is not None and (base.path / MANIFEST).is_file():
        return read_source(base.path).repository
    return None
