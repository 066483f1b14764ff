"""Facts of a model from its bytes. In: a folder with configuration and tokenizer, its tensors. Out: what a lock holds.

`ladle lock` and the step that fetches a model derive them by the same rules, so that a lie in a lock is found.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from huggingface_hub.repocard import metadata_load
from ladle.dsl.frozen import frozen
from ladle.dsl.graph import Json
from ladle.dsl.types import UNKNOWN, Unknown
from ladle.executor.lock.entries import LockedTemplate, Vocabulary, template
from ladle.executor.model_folder import (
    architecture,
    json_object,
    no_code,
    pad_is_end,
    shape,
    template_text,
    vocabulary_identity,
)

CARD = "README.md"


@frozen
class Derived:
    """What the bytes of a model say."""

    architecture: str
    shape: tuple[tuple[str, int], ...] | Unknown
    vocabulary: Vocabulary
    template: LockedTemplate | None
    parameters: int
    pad_is_end: bool | Unknown


def derive(folder: Path, name: str, tensors: Mapping[str, int]) -> Derived:
    """Return the facts of the model in `folder`; `tensors` are the elements of each. Raises BadFolder."""
    config = json_object(folder / "config.json", name)
    no_code(folder, name, config)
    text = template_text(folder, name)
    return Derived(
        architecture(config, name),
        shape(config, tensors),
        vocabulary(folder, name),
        None if text is None else template(text),
        sum(tensors.values()),
        pad_is_end(folder, name),
    )


def vocabulary(folder: Path, name: str) -> Vocabulary:
    """Return identity, size and added tokens of the fast tokenizer in `folder`; unknown where there is none."""
    identity = vocabulary_identity(folder, name)
    if isinstance(identity, Unknown):
        return Vocabulary(UNKNOWN, UNKNOWN, UNKNOWN)
    tokenizer = json_object(folder / "tokenizer.json", name)
    added = [item for item in _list(tokenizer.get("added_tokens")) if isinstance(item, dict)]
    tokens = {str(item.get("content")): item.get("id") for item in added}
    model = tokenizer.get("model")
    words = model.get("vocab") if isinstance(model, dict) else None
    known = set(words) if isinstance(words, dict) else {str(word[0]) for word in _list(words) if isinstance(word, list)}
    return Vocabulary(identity, len(known | tokens.keys()), tuple(sorted(tokens)))


def licence(card: Path | None) -> str | Unknown:
    """Return the licence that a card's front matter states; unknown where it states none or cannot be read."""
    try:
        found = metadata_load(card) if card else None
    except Exception:  # a stranger's YAML fails in every way there is
        return UNKNOWN
    stated = (found or {}).get("license")
    named = (found or {}).get("license_name")
    chosen = named if stated == "other" and isinstance(named, str) else stated
    return chosen if isinstance(chosen, str) and chosen.strip() else UNKNOWN


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
