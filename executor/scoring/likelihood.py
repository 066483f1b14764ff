"""How likely a model finds what follows. In: token rows with a beginning. Out: sums of log-likelihoods."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from ladle.executor.scoring.batches import batches
from ladle.executor.scoring.chat import Answered
from ladle.executor.scoring.subject import Subject, padded
from ladle.executor.task import StepError


def log_likelihoods(subject: Subject, rows: Sequence[Answered], done: Callable[[int], None]) -> list[float]:
    """Return for each row the sum of log p(token | tokens before) over its tokens from `start` on, in nats.

    Rows are padded at the right and masked, so that no other row of a batch has a part in it; `done` is told how many
    rows are finished. Raises StepError for a model that gives no numbers.
    """
    sums = [0.0] * len(rows)
    finished = 0
    for batch in batches([len(row.ids) for row in rows]):
        for index, value in zip(batch, _batch(subject, [rows[i] for i in batch]), strict=True):
            if not math.isfinite(value):
                raise StepError(f"`{subject.name}` gives likelihoods that are not numbers", "its training diverged")
            sums[index] = value
        finished += len(batch)
        done(finished)
    return sums


@torch.inference_mode()
def _batch(subject: Subject, rows: Sequence[Answered]) -> list[float]:
    ids, mask = padded([row.ids for row in rows], subject.pad, subject.device)
    width = ids.shape[1]
    # The logits of a position are for the next token; nothing before the first answer of the batch is wanted.
    first = min(row.start for row in rows) - 1
    logits = subject.model(input_ids=ids, attention_mask=mask, logits_to_keep=width - first, use_cache=False).logits
    values = []
    for place, row in enumerate(rows):
        span = logits[place, row.start - 1 - first : len(row.ids) - 1 - first].float()
        targets = ids[place, row.start : len(row.ids), None]
        chosen = torch.log_softmax(span, dim=-1).gather(1, targets)
        values.append(chosen.double().sum().item())
    return values
