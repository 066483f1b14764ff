"""Preparation of rows. In: a corpus and a tokenizer. Out: token rows with masks, each of them proved before it is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from ladle.dsl.graph import Json
from ladle.executor.prepare.chats import chat_documents
from ladle.executor.prepare.documents import Asked, Counts, Document, Pair
from ladle.executor.prepare.limits import TooLong, limited
from ladle.executor.prepare.packing import PackedRow, packed
from ladle.executor.prepare.preferences import pairs
from ladle.executor.prepare.proof import Proof
from ladle.executor.prepare.render import ChatTemplate, TemplateFault
from ladle.executor.prepare.texts import text_documents
from ladle.executor.rows import Row, kind_of, located_rows
from ladle.executor.task import Progress, StepError, Task
from ladle.executor.tokenizer import Tokenizer, load_tokenizer
from safetensors.numpy import save_file

BATCH = 512
SECONDS = 120.0
"""Time for the rendering and tokenising of one batch; a template that takes longer is not one."""

Located = tuple[str, Row]


def run(task: Task) -> None:
    """Write `rows.safetensors` and `prepare.json`. Raises StepError that names file and row."""
    asked = Asked.of(task.options)
    tokenizer = load_tokenizer(task.given("tokenizer"), task.work)
    rows = located_rows(task.given("corpus"))
    first = next(rows)
    kind = kind_of(first[1])
    template = _template(tokenizer) if kind in ("chat", "preference") else None
    proof = Proof(tokenizer, template)
    counts = Counts()
    batches = _counted(_batches(_with(first, rows)), counts, task.report)
    match kind:
        case "text":
            found = [d for batch in batches for d in text_documents(batch, tokenizer, proof, asked, counts)]
            _write_documents(found, asked, counts, str(kind), task)
        case "chat" if template:
            found = [d for b in batches for d in _guarded(lambda b=b: chat_documents(b, tokenizer, template, proof, asked, counts))]
            _write_documents(found, asked, counts, str(kind), task)
        case "preference" if template:
            _write_pairs([p for b in batches for p in _guarded(lambda b=b: pairs(b, tokenizer, template, proof, asked, counts))], asked, counts, task)
        case _:
            raise StepError(f"a stage trains on text, chats or preferences, not on {kind} rows")
