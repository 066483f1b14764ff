"""A model that is compared. In: a folder nobody vouches for. Out: headers, shape, vocabulary; no weight is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ladle.dsl.graph import Json
from ladle.dsl.signature import Fault
from ladle.dsl.types import ModelType
from ladle.executor.adapter import Adapter, is_adapter, misfit, read_adapter, sitting
from ladle.executor.headers import Tensor, folder_tensors
from ladle.executor.model_folder import BadFolder, json_object, model_type
from ladle.executor.models.folder import model_folder
from ladle.executor.models.source import MANIFEST
from ladle.executor.places import model_files
from ladle.executor.task import Given, StepError

_LARGEST = 16 * 2**20
"""Bytes of a manifest at most."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A model: `headers` by tensor name, `type` as configuration and headers show it."""

    name: str
    folder: Path
    """Holds the weights: of a hub model in the cache of the hub."""
    headers: Mapping[str, Tensor]
    type: ModelType
    words: Mapping[str, int]
    """Token to id; empty where there is no `tokenizer.json`."""
    adapters: tuple[Adapter, ...] = ()
    """What is folded into the weights as they are read, the first one first."""


def subject(name: str, folder: Path, adapters: Sequence[Path] = ()) -> Subject | tuple[Fault, ...]:
    """Return the model in `folder` with adapters in it, or what is wrong with it."""
    found = _subject(name, folder) if adapters or not is_adapter(folder) else _alone(name)
    for each in adapters if isinstance(found, Subject) else ():
        if isinstance(found, Subject):
            found = _adapted(found, each)
    return found


def _alone(name: str) -> tuple[Fault, ...]:
    help = "declare it in a recipe, `model tuned = local(FOLDER, from = MODEL)`, and name it: `--recipe FILE`"
    return (Fault("E641", f"`{name}` is an adapter, which is no model without another", help),)


def _adapted(model: Subject, folder: Path) -> Subject | tuple[Fault, ...]:
    try:
        found = read_adapter(folder, folder.name)
    except BadFolder as bad:
        return (bad.fault,)
    except OSError as error:
        return (Fault("E641", f"`{folder.name}` cannot be read: {(error.strerror or str(error)).lower()}", ""),)
    if wrong := misfit(found.type, {name: header.shape for name, header in model.headers.items()}):
        message = f"the adapter `{folder.name}` does not fit: the model {wrong}"
        return (Fault("E427", message, sitting(wrong)),)
    return replace(model, adapters=(*model.adapters, found), words=_words(folder, folder.name) or model.words)


def _subject(name: str, folder: Path) -> Subject | tuple[Fault, ...]:
    try:
        weights = _weights(folder)
    except StepError as error:
        return (Fault("E641", error.message, error.help),)
    found = model_type(weights, name, model_files(weights))
    if not isinstance(found, ModelType):
        return found
    try:
        return Subject(name, weights, folder_tensors(weights), found, _words(folder, name) or _words(weights, name))
    except BadFolder as bad:
        return (bad.fault,)


def _weights(folder: Path) -> Path:
    manifest = folder / MANIFEST
    if manifest.is_file() and manifest.stat().st_size > _LARGEST:
        raise StepError(f"`{MANIFEST}` of `{folder.name}` is larger than {_LARGEST} bytes", "get the folder again")
    return model_folder(Given("model", "", "", folder))


def _words(folder: Path, name: str) -> Mapping[str, int]:
    """Return the ids of all tokens, added ones too; of a list of tokens the place is the id."""
    if not (folder / "tokenizer.json").is_file():
        return {}
    content = json_object(folder / "tokenizer.json", name)
    model, added = content.get("model"), content.get("added_tokens")
    listed = model.get("vocab") if isinstance(model, dict) else None
    words = dict(_pairs(listed))
    for item in added if isinstance(added, list) else ():
        words |= dict(_pairs({str(item.get("content")): item.get("id")})) if isinstance(item, dict) else {}
    return words


def _pairs(listed: Json) -> list[tuple[str, int]]:
    if isinstance(listed, dict):
        return [(word, number) for word, number in listed.items() if type(number) is int]
    rows = listed if isinstance(listed, list) else []
    return [(row[0], place) for place, row in enumerate(rows) if isinstance(row, list) and row and type(row[0]) is str]
