"""One forward pass. In: a model, a batch and labels. Out: the log-probability of each label.

A result is float32 [rows, length - 1]: log p(label t + 1 | tokens up to t), and 0 where there is no label. Only where
there is one is the vocabulary spanned.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from ladle.executor.trainers.losses import labelled
from ladle.executor.trainers.rows import Batch
from torch import Tensor
from torch.nn import functional


def dense_log_probs(model: Any, batch: Batch, labels: Tensor) -> Tensor:
    """Return log-probabilities by way of the model's own logits, which a CPU computes fastest."""
    wanted = labelled(labels)
    with narrowed(model.get_output_embeddings(), functional.pad(wanted, (0, 1))):
        logits = model(**_inputs(batch), use_cache=False).logits
    found = -functional.cross_entropy(logits.float(), labels[:, 1:][wanted], reduction="none")
    # Scattering keeps the result connected to the model even where there is no label at all.
    return torch.zeros_like(wanted, dtype=found.dtype).masked_scatter(wanted, found)


def fused_log_probs(model: Any, batch: Batch, labels: Tensor) -> Tensor:
    """Return log-probabilities by TRL's fused head, which never holds the logits of a large vocabulary.

    The model has been given one by `add_fused_lm_head`.
    """
    found: Tensor = model(**_inputs(batch), labels=labels, use_cache=False, fused_lm_head=True).log_probs
    return found


@contextmanager
def narrowed(head: torch.nn.Module, positions: Tensor) -> Iterator[None]:
    """Let the output layer of a model see only the hidden states at `positions`, bool [rows, length]."""
    hook = head.register_forward_pre_hook(lambda _, states: (states[0][positions],))
    try:
        yield
    finally:
        hook.remove()


def _inputs(batch: Batch) -> dict[str, Tensor]:
    return {name: batch[name] for name in ("input_ids", "position_ids") if name in batch}
