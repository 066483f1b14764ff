"""Prepared rows and batches. In: the folder a `prepare` step made. Out: padded tensors; nothing is tokenised here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from ladle.executor.task import StepError
from safetensors import SafetensorError, safe_open

Array = np.ndarray[Any, np.dtype[Any]]
Batch = dict[str, torch.Tensor]
IGNORED = -100
"""The label of a token that is not learned, as torch's cross entropy has it."""


class Rows(Protocol):
    """Prepared rows of one kind."""

    @property
    def lengths(self) -> Array:
        """Tokens of each row; both answers of a pair count, each with its prompt."""

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence of a forward pass."""

    @property
    def highest(self) -> int:
        """The largest token id."""

    def batch(self, rows: Sequence[int], pad: int) -> Batch:
        """Return `rows` padded on the right to the longest of them."""


@dataclass(frozen=True, slots=True)
class TokenRows:
    """Rows of cpt and sft: row k holds tokens `offsets[k]` to `offsets[k + 1]`."""

    tokens: Array
    supervised: Array
    documents: Array
    offsets: Array
    isolated: bool
    """Whether documents of one row must not see each other."""

    @property
    def lengths(self) -> Array:
        """Tokens of each row."""
        return np.diff(self.offsets)

    @property
    def longest(self) -> int:
        """Tokens of the longest row."""
        return int(self.lengths.max())

    @property
    def highest(self) -> int:
        """The largest token id."""
        return int(self.tokens.max())

    def batch(self, rows: Sequence[int], pad: int) -> Batch:
        """Return `input_ids`, `labels` and, for isolated documents, `position_ids`: int64 [rows, longest].

        The first token of a document has no label: nothing of it was seen before. Padding comes after the tokens, so
        that under a causal mask no token sees any, and no attention mask is needed.
        """
        spans = [(int(self.offsets[row]), int(self.offsets[row + 1])) for row in rows]
        shape = (len(spans), max(end - start for start, end in spans))
        ids = np.full(shape, pad, np.int64)
        labels = np.full(shape, IGNORED, np.int64)
        positions = np.tile(np.arange(shape[1], dtype=np.int64), (shape[0], 1))
        for k, (start, end) in enumerate(spans):
            tokens, documents = self.tokens[start:end], self.documents[start:end]
            first = np.flatnonzero(np.diff(documents, prepend=documents[0] - 1))
            ids[k, : end - start] = tokens
            labels[k, : end - start] = np.where(self.supervised[start:end] == 1, tokens, IGNORED)
            labels[k, first] = IGNORED
            positions[k, : end - start] -= np.repeat(first, np.diff(first, append=end - start))
        batch = {"input_ids": torch.from_numpy(ids), "labels": torch.from_numpy(labels)}
        if self.isolated:
            batch["position_ids"] = torch.from_numpy(positions)
        return batch


@dataclass(frozen=True, slots=True)
class PairRows:
    """Rows of preferences: a prompt, the chosen and the rejected answer, each a list of tokens as in TokenRows."""

    prompt: tuple[Array, Array]
    chosen: tuple[Array, Array]
    rejected: tuple[Array, Array]

    @property
    def lengths(self) -> Array:
        """Tokens of each pair: the prompt twice, and both answers."""
        return 2 * np.diff(self.prompt[1]) + np.diff(self.chosen[1]) + np.diff(self.rejected[1])

    @property
    def longest(self) -> int:
        """Tokens of the longest prompt and answer."""
        answers = np.maximum(np.diff(self.chosen[1]), np.diff(self.rejected[1]))
        return int((np.diff(self.prompt[1]) + answers).max())

    @property
    def highest(self) -> int:
        """The largest token id."""
        return max(int(tokens.max(initial=0)) for tokens, _ in (self.prompt, self.chosen, self.rejected))

    def batch(self, rows: Sequence[int], pad: int) -> Batch:
        """Return `input_ids`, `labels` (int64) and `prompt` (bool), [2 rows, longest]: chosen first, then rejected.

        Labels are the answer's tokens; `prompt` marks the prompt's, of both halves.
        """
        answers = [(row, side) for side in (self.chosen, self.rejected) for row in rows]
        prompts = [_part(self.prompt, row) for row, _ in answers]
        texts = [
            np.concatenate((prompt, _part(side, row))) for prompt, (row, side) in zip(prompts, answers, strict=True)
        ]
        shape = (len(texts), max(len(text) for text in texts))
        ids = np.full(shape, pad, np.int64)
        labels = np.full(shape, IGNORED, np.int64)
        prompt_mask = np.zeros(shape, np.bool_)
        for k, (prompt, text) in enumerate(zip(prompts, texts, strict=True)):
            ids[k, : len(text)] = text
            labels[k, len(prompt) : len(text)] = text[len(prompt) :]
            prompt_mask[k, : len(prompt)] = True
        return {
            "input_ids": torch.from_numpy(ids),
            "labels": torch.from_numpy(labels),
            "prompt": torch.from_numpy(prompt_mask),
        }


def token_rows(folder: Path) -> TokenRows:
    """Return the rows of cpt or sft in `folder`. Raises StepError if there are none."""
    tensors = _read(folder, ("tokens", "supervised", "documents", "offsets"))
    _filled(folder, len(tensors["offsets"]) - 1)
    return TokenRows(**tensors, isolated=_packing(folder) == "isolated")


def pair_rows(folder: Path) -> PairRows:
    """Return the preference rows in `folder`. Raises StepError if there are none."""
    parts = ("prompt", "chosen", "rejected")
    tensors = _read(folder, tuple(f"{part}_{what}" for part in parts for what in ("tokens", "offsets")))
    _filled(folder, len(tensors["prompt_offsets"]) - 1)
    prompt, chosen, rejected = ((tensors[f"{part}_tokens"], tensors[f"{part}_offsets"]) for part in parts)
    return PairRows(prompt, chosen, rejected)


def _part(side: tuple[Array, Array], row: int) -> Array:
    tokens, offsets = side
    return tokens[int(offsets[row]) : int(offsets[row + 1])]


def _read(folder: Path, names: tuple[str, ...]) -> dict[str, Array]:
    try:
        with safe_open(folder / "rows.safetensors", framework="numpy") as file:
            return {name: file.get_tensor(name) for name in names}
    except (OSError, SafetensorError) as error:
        raise StepError(f"the prepared rows cannot be read: {error}", "delete them and run again") from None


def _filled(folder: Path, rows: int) -> None:
    if rows < 1:
        raise StepError("there is no row to train on", "is the corpus empty, or was every row dropped as overlong?")


def _packing(folder: Path) -> str:
    """Return how documents share rows, as the preparation noted it."""
    facts = json.loads((folder / "prepare.json").read_text(encoding="utf-8"))
    return str(facts["packing"])
