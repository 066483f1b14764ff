"""Tokenizers of steps. In: a `bpe` artifact, a model or a data node. Out: a fast tokenizer with its template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ladle.executor.models.folder import tokenizer_folder
from ladle.executor.task import Given, StepError
from transformers import AutoTokenizer
from transformers.utils import logging


@dataclass(frozen=True, slots=True)
class Placed:
    """A tokenised text: `starts` and `ends` are the characters of each token."""

    ids: list[int]
    starts: list[int]
    ends: list[int]


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """A fast tokenizer; text of a template is tokenised as it stands, a document with the tokenizer's own beginning."""

    fast: Any
    name: str
    template: str | None
    """Text of the chat template."""
    names: tuple[tuple[str, str], ...]
    """Control tokens by the names that templates know: `bos_token`, `eos_token`, ..."""
    special: frozenset[int]
    """Every control token."""
    bos: int | None
    eos: int | None
    pad: int | None

    def documents(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the tokens of each text, with BOS or whatever else the tokenizer puts around one."""
        if not texts:
            return []
        return list(self.fast(list(texts), add_special_tokens=True, return_attention_mask=False)["input_ids"])

    def rendered(self, texts: Sequence[str]) -> list[Placed]:
        """Return the tokens of each rendered text and where they stand; control tokens in it are read as such."""
        if not texts:
            return []
        found = self.fast(
            list(texts), add_special_tokens=False, return_attention_mask=False, return_offsets_mapping=True
        )
        return [
            Placed(ids, [start for start, _ in places], [end for _, end in places])
            for ids, places in zip(found["input_ids"], found["offset_mapping"], strict=True)
        ]

    def token(self, number: int) -> str:
        """Return the text of one token."""
        return str(self.fast.convert_ids_to_tokens(number))


def load_tokenizer(given: Given, work: Path) -> Tokenizer:
    """Return the tokenizer of an input with the template that stands on it.

    `work` takes a copy where a recipe puts a template on a folder. Raises StepError for a folder without a fast
    tokenizer, or one that asks for code of its own.
    """
    return open_tokenizer(tokenizer_folder(given, work))


def open_tokenizer(folder: Path) -> Tokenizer:
    """Return the tokenizer in `folder`. Raises StepError."""
    logging.set_verbosity_error()
    if not (folder / "tokenizer.json").is_file():
        raise StepError(f"`{folder.name}` has no `tokenizer.json`", "save its tokenizer as a fast one")
    try:
        fast = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False, use_fast=True)
    except Exception as error:  # the library raises bare exceptions for files it cannot read
        first = (str(error).strip().split("\n")[0] or type(error).__name__)[:300]
        raise StepError(f"the tokenizer of `{folder.name}` cannot be loaded: {first}", "get the folder again") from None
    if not fast.is_fast:
        raise StepError(f"the tokenizer of `{folder.name}` is not a fast one", "save its tokenizer as a fast one")
    added = {number for number, token in fast.added_tokens_decoder.items() if token.special}
    return Tokenizer(
        fast=fast,
        name=folder.name,
        template=_template(fast.chat_template),
        names=tuple(
            sorted((key, str(token)) for key, token in fast.special_tokens_map.items() if isinstance(token, str))
        ),
        special=frozenset({*fast.all_special_ids, *added}),
        bos=fast.bos_token_id,
        eos=fast.eos_token_id,
        pad=fast.pad_token_id,
    )


def _template(found: Any) -> str | None:
    if isinstance(found, dict):
        found = found.get("default")
    return found if isinstance(found, str) else None
