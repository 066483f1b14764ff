"""The files of prepared rows. In: documents in rows, or pairs. Out: `rows.safetensors` and `prepare.json`."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ladle.dsl.graph import Json
from ladle.dsl.types import CorpusKind
from ladle.executor.prepare.documents import Asked, Counts, Document, Pair
from ladle.executor.prepare.packing import PackedRow
from ladle.executor.task import StepError
from safetensors.numpy import save_file

Array = np.ndarray[Any, np.dtype[Any]]


def write_documents(
    documents: Sequence[Document],
    rows: Sequence[PackedRow],
    asked: Asked,
    counts: Counts,
    kind: CorpusKind,
    folder: Path,
) -> None:
    """Write rows of text or chats: `tokens`, `supervised`, `documents`, `offsets`.

    A wrapped row is one stream, so all of it is document 0. Raises StepError for a row in which nothing is learned.
    """
    pieces = [(number, piece) for row in rows for number, piece in enumerate(row)]
    tokens = _joined(documents[p.document].tokens[p.start : p.end] for _, p in pieces)
    supervised = np.frombuffer(
        b"".join(documents[p.document].supervised[p.start : p.end] for _, p in pieces), dtype=np.uint8
    )
    wrapped = asked.packing == "wrapped"
    numbers = np.repeat(
        np.array([0 if wrapped else number for number, _ in pieces], np.int32),
        np.array([piece.length for _, piece in pieces], np.int64),
    )
    lengths = [sum(piece.length for piece in row) for row in rows]
    offsets = _offsets(lengths)
    _prove_learned(documents, rows, supervised, offsets)
    save_file(
        {"tokens": tokens, "supervised": supervised, "documents": numbers, "offsets": offsets},
        folder / "rows.safetensors",
    )
    learned = int(supervised.sum())
    _write_counts(folder, asked, counts, kind, len(rows), len(tokens), learned, max(lengths), len(documents))


def write_pairs(found: Sequence[Pair], asked: Asked, counts: Counts, folder: Path) -> None:
    """Write preferences: tokens and offsets of prompts, chosen and rejected answers."""
    tensors: dict[str, Array] = {}
    for name in ("prompt", "chosen", "rejected"):
        sides: list[array[int]] = [getattr(pair, name) for pair in found]
        tensors[f"{name}_tokens"] = _joined(sides)
        tensors[f"{name}_offsets"] = _offsets([len(side) for side in sides])
    save_file(tensors, folder / "rows.safetensors")
    learned = len(tensors["chosen_tokens"]) + len(tensors["rejected_tokens"])
    longest = max(len(pair.prompt) + max(len(pair.chosen), len(pair.rejected)) for pair in found)
    tokens = 2 * len(tensors["prompt_tokens"]) + learned
    _write_counts(folder, asked, counts, CorpusKind.PREFERENCE, len(found), tokens, learned, longest, len(found))


def _joined(parts: Iterable[array[int]]) -> Array:
    return np.frombuffer(b"".join(part.tobytes() for part in parts), dtype=np.int32)


def _offsets(lengths: Sequence[int]) -> Array:
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(np.array(lengths, np.int64), dtype=np.int64)))


def _prove_learned(documents: Sequence[Document], rows: Sequence[PackedRow], supervised: Array, offsets: Array) -> None:
    """The first token of a row has nothing before it, so it cannot be learned."""
    sums = np.concatenate((np.zeros(1, np.int64), np.cumsum(supervised, dtype=np.int64)))
    learned = sums[offsets[1:]] - sums[offsets[:-1] + 1]
    if (bad := np.flatnonzero(learned == 0)).size:
        place = documents[rows[int(bad[0])][0].document].place
        raise StepError(
            f"`{place}`: the packed row in which it begins holds no token that is learned", "raise `context`"
        )


def _write_counts(
    folder: Path,
    asked: Asked,
    counts: Counts,
    kind: CorpusKind,
    rows: int,
    tokens: int,
    learned: int,
    longest: int,
    documents: int,
) -> None:
    found: dict[str, Json] = {
        "schema": 1,
        "kind": str(kind),
        "context": asked.context,
        "packing": asked.packing,
        "rows": rows,
        "documents": documents,
        "tokens": tokens,
        "supervised_tokens": learned,
        "longest_row": longest,
        "rows_read": counts.read,
        "rows_dropped": counts.dropped,
        "rows_truncated": counts.truncated,
        "documents_split": counts.split,
        "tokens_unused": counts.unused_tokens,
    }
    (folder / "prepare.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
