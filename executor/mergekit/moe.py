"""A mixture of experts through mergekit-moe. In: a task with a base, experts and their prompts. Out: a model folder.

mergekit is given no tokenizer to write: it would write one with another padding. It copies what its table of Mistral
knows, so that a bias of attention would be dropped: what the base has and the result has not is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ladle.dsl.graph import Json
from ladle.executor.exporting.text import Said, written
from ladle.executor.headers import Tensor, folder_tensors
from ladle.executor.mergekit.parents import elements, parents, reference, size, uniform
from ladle.executor.mergekit.result import prove
from ladle.executor.mergekit.tool import MOE, Call
from ladle.executor.mergekit.tool import run as call
from ladle.executor.models.folder import copy_generation, copy_tokenizer, read_config
from ladle.executor.task import StepError, Task, operands
from ladle.executor.weights.configurations import configure
from ladle.executor.weights.parents import Parent, agree, apart, parent

FEED_FORWARD: Final = ".mlp."
_KEPT: Final = ("bos_token_id", "eos_token_id", "pad_token_id", "tie_word_embeddings")


def run(task: Task) -> None:
    """Write the mixture. Raises StepError for models that do not fit."""
    base = parent(task.given("base"), task.work)
    experts = [parent(each, task.work) for each in operands(task.inputs)]
    agree([base, *experts])
    for text in apart([base, *experts]):
        task.note(text)
    if biased := [name for name in base.headers if name.endswith(".bias")]:
        raise StepError(f"`{biased[0]}` is a bias, and mergekit's mixtures have none", "it would drop it")
    _refuse_equal(task)
    file = task.work / "mixture.yaml"
    file.write_text(written([_said(task, base, experts)], (), "A mixture of a recipe."), encoding="utf-8")
    total = size(base.headers.values()) + sum(size(_feed_forward(each).values()) for each in experts[1:])
    call(Call(MOE, (str(file), str(task.output)), task.output, int(str(task.options["seed"]))), task, total)
    _prove(task.output, base, experts)
    _finish(base, task.output)


def _said(task: Task, base: Parent, experts: list[Parent]) -> dict[str, Said]:
    numbered = {str(number): model for number, model in enumerate((base, *experts))}
    names: list[Said] = [reference(folder) for folder in parents(task.work, numbered)]
    return {
        "base_model": names[0],
        "gate_mode": str(task.options["gate_mode"]),
        "experts_per_token": int(str(task.options["experts_per_token"])),
        "dtype": uniform(base) or "float32",
        "experts": [_expert(task, place, name) for place, name in enumerate(names[1:])],
    }


def _expert(task: Task, place: int, name: Said) -> dict[str, Said]:
    said: dict[str, Said] = {"source_model": name}
    for option in ("positive_prompts", "negative_prompts"):
        listed = task.options[option]
        if listed is None:
            continue
        texts = listed[place] if isinstance(listed, list) else None
        if not isinstance(texts, list):
            raise StepError(f"`{option}` is given operand by operand", "write it again with `ladle compile`")
        said[option] = [str(text) for text in texts]
    return said


def _refuse_equal(task: Task) -> None:
    """mergekit knows models by their folder, and each has one of its own here."""
    if len({each.fingerprint for each in operands(task.inputs)}) == 1 and task.options["gate_mode"] != "random":
        raise StepError(
            "all experts are one model: the mixture would be that model, only larger", "name models that differ"
        )


def _feed_forward(model: Parent) -> Mapping[str, Tensor]:
    return {name: tensor for name, tensor in model.headers.items() if FEED_FORWARD in name}


def _prove(folder: Path, base: Parent, experts: list[Parent]) -> None:
    """Raise StepError unless everything but the feed-forward layers is there, and they in whatever form."""
    found = folder_tensors(folder)
    wanted = {name: tensor.shape for name, tensor in base.headers.items() if FEED_FORWARD not in name}
    wanted |= {name: tensor.shape for name, tensor in found.items() if FEED_FORWARD in name}
    prove(folder, wanted, [base, *experts])
    got = elements(tensor for name, tensor in found.items() if FEED_FORWARD in name)
    given = sum(elements(_feed_forward(each).values()) for each in experts)
    gates = len(experts) * base.layers * _hidden(base)
    if got != given + gates:
        raise StepError(
            f"mergekit wrote {got} elements of feed-forward layers and gates, and {given + gates} are expected",
            "its table of the architecture lacks some tensor of these models",
        )


def _hidden(model: Parent) -> int:
    found = model.configuration.get("hidden_size")
    return found if isinstance(found, int) else 0


def _finish(base: Parent, output: Path) -> None:
    """Put tokenizer, template and what ends a text beside the weights, as the base has them."""
    copy_generation(base.folder, output)
    copy_tokenizer(base.tokenizer, output)
    had = read_config(base.folder)

    def change(said: dict[str, Json]) -> None:
        said.pop("_name_or_path", None)
        said.update({name: had[name] for name in _KEPT if name in had})

    configure(output, change)
