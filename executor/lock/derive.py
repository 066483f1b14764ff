"""Facts of a model from its bytes. In: a folder with configuration and tokenizer, its tensors. Out: what a lock holds.

`ladle lock` and the step that fetches a model derive them by the same rules, so that a lie in a lock is found.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from huggingface_hub.repocard import metadata_load
from ladle.dsl.frozen import frozen
from ladle.dsl.types import UNKNOWN, Settings, Unknown
from ladle.executor.lock.entries import LockedTemplate, Vocabulary, template
from ladle.executor.lock.tokens import vocabulary
from ladle.executor.model_folder import (
    architecture,
    json_object,
    no_code,
    pad_is_end,
    shape,
    template_text,
)
from ladle.executor.model_settings import degrees, function, joined

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
    settings: Settings | Unknown


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
        joined(function(config), degrees(config)),
    )


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
