"""The vocabulary of a model folder, as a lock has it. In: a folder with a tokenizer. Out: what it is known by."""

from __future__ import annotations

from pathlib import Path

from ladle.dsl.graph import Json
from ladle.dsl.types import UNKNOWN, Unknown
from ladle.executor.lock.entries import Vocabulary
from ladle.executor.model_folder import json_object, vocabulary_identity


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


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
