"""A model that is compared. In: a folder nobody vouches for. Out: headers, shape, vocabulary; no weight is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ladle.dsl.graph import Json
from ladle.dsl.signature import Fault
from ladle.dsl.types import ModelType
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


def subject(name: str, folder: Path) -> Subject | tuple[Fault, ...]:
    """Return the model in `folder`, or what is wrong with it."""
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
