"""Models as mergekit finds them. In: models of a step. Out: folders of links, named by their place in the call.

mergekit is shown links to configuration, weights and tokenizer and nothing else of a folder: no pickle, no adapter, no
code. Each operand has a folder of its own, so that a model that stands twice is two to mergekit, as it is here.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from ladle.executor.headers import INDEX, Tensor
from ladle.executor.mergekit.spoken import NAMED
from ladle.executor.model_folder import as_step_error, json_object, no_code
from ladle.executor.models.folder import TOKENIZER_FILES
from ladle.executor.task import StepError
from ladle.executor.weights.parents import Parent


def staged(model: Parent, folder: Path) -> Path:
    """Fill `folder` with links to the files of a model, and return it.

    Raises StepError where one asks for code, and for a model with adapters, whose weights no file holds.
    """
    if model.adapters:
        help = "write it with the adapter in it first, under a name: `model whole = round(MODEL, bf16)`"
        raise StepError(f"`{model.name}` is an adapter, of which mergekit is not told", help)
    with as_step_error():
        no_code(model.folder, model.name, json_object(model.folder / "config.json", model.name))
        no_code(model.tokenizer, model.name, {})
    folder.mkdir(parents=True)
    weights = {tensor.file for tensor in model.headers.values()}
    index = {INDEX} if (model.folder / INDEX).is_file() and len(weights) > 1 else set()
    for name in sorted({"config.json", *weights, *index}):
        (folder / name).symlink_to((model.folder / name).resolve())
    for name in TOKENIZER_FILES:
        source = model.tokenizer / name
        if source.is_file() and not (folder / name).exists():
            (folder / name).symlink_to(source.resolve())
    return folder


def parents(work: Path, models: Mapping[str, Parent]) -> list[Path]:
    """Fill a folder below `work` for each model, `parents/<name>`, anew, and return them. Raises StepError."""
    shutil.rmtree(work / "parents", ignore_errors=True)
    return [staged(model, work / "parents" / name) for name, model in models.items()]


def reference(folder: Path) -> dict[str, dict[str, str]]:
    """Return what mergekit calls a folder; as mere text a `+` or an `@` in its path would mean something."""
    return {"model": {"path": str(folder)}}


def precision(model: Parent) -> str:
    """Return the one element type of a model's weights as mergekit calls it. Raises StepError where there is none."""
    if name := uniform(model):
        return name
    found = ", ".join(sorted({tensor.dtype for tensor in model.headers.values()}))
    raise StepError(
        f"`{model.name}` holds weights of {found}, and mergekit gives its results one element type, {'/'.join(NAMED)}",
        "say which: `round(..., bf16)`",
    )


def uniform(model: Parent) -> str | None:
    """Return the element type of all of a model's weights as mergekit calls it, None where they have several."""
    kinds = {tensor.dtype for tensor in model.headers.values()}
    return NAMED.get(next(iter(kinds))) if len(kinds) == 1 else None


def size(headers: Iterable[Tensor]) -> int:
    """Return the bytes of tensors."""
    return sum(tensor.size for tensor in headers)


def elements(headers: Iterable[Tensor]) -> int:
    """Return how many numbers tensors hold."""
    return sum(tensor.elements for tensor in headers)


def shapes(headers: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of tensors by name."""
    return {name: tensor.shape for name, tensor in headers.items()}
