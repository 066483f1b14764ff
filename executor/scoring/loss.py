"""Loss on held-out text. In: a model and documents. Out: mean negative log-likelihood per token, in nats.

Every token of a document is predicted once, but the first, which has nothing before it (a BOS that the tokenizer
sets is that first token). A document longer than `context` is cut; each part begins with the last token of the one
before, which is not predicted again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ladle.dsl.graph import Json
from ladle.executor.corpus_rows import read_rows
from ladle.executor.scoring.chat import Answered
from ladle.executor.scoring.intervals import ratio
from ladle.executor.scoring.items import content, finite, on, rounded, write_items, write_metrics
from ladle.executor.scoring.likelihood import log_likelihoods
from ladle.executor.scoring.subject import subject
from ladle.executor.task import Progress, StepError, Task


def run(task: Task) -> None:
    """Write `items.jsonl` (one per document) and `metrics.json`. Raises StepError for rows that are not text."""
    rows = list(read_rows(on(task)))
    if any("text" not in row for row in rows):
        raise StepError("a `loss` benchmark takes rows of `text`", "turn chats into text with as_text")
    context = task.options["context"]
    assert isinstance(context, int)
    asked = subject(task.given("model"), task.machine, task.work)
    documents = asked.tokenizer.documents([str(row["text"]) for row in rows])
    parts = [windows(ids, context) for ids in documents]
    flat = [part for document in parts for part in document]
    sums = log_likelihoods(asked, flat, lambda done: task.report(Progress(done, len(flat), "parts")))
    items: list[dict[str, Json]] = []
    losses: list[float] = []
    for number, (row, document) in enumerate(zip(rows, parts, strict=True)):
        own, sums = sums[: len(document)], sums[len(document) :]
        losses.append(-math.fsum(own))
        tokens = sum(len(part.ids) - part.start for part in document)
        loss = rounded(losses[-1] / tokens) if tokens else None
        items.append({"id": number, "content": content(row), "tokens": tokens, "loss": loss})
    _write(task, items, losses)


def windows(ids: Sequence[int], context: int) -> tuple[Answered, ...]:
    """Return a document in parts of at most `context` tokens, overlapping by the one that is not predicted."""
    return tuple(Answered(tuple(ids[at : at + context]), 1) for at in range(0, len(ids) - 1, context - 1))


def _write(task: Task, items: list[dict[str, Json]], losses: list[float]) -> None:
    counts = [item["tokens"] for item in items if isinstance(item["tokens"], int)]
    if not sum(counts):
        raise StepError("no document has two tokens, so there is nothing to predict")
    mean, low, high = ratio(losses, counts)
    write_items(task.output, items)
    write_metrics(
        task.output,
        {
            "n": len(items),
            "tokens": sum(counts),
            "loss": rounded(mean),
            "low": finite(low),
            "high": finite(high),
            "perplexity": rounded(math.exp(min(mean, 700.0))),
        },
    )
