"""Whether documents of one row see each other. In: the model as this machine runs it. Out: a refusal, or nothing."""

from __future__ import annotations

from typing import Any

import torch
from ladle.executor.task import Machine, StepError
from torch import Tensor


def refuse_leaks(model: Any, machine: Machine, precision: str) -> None:
    """Raise StepError unless a document's predictions are free of the document before it in the same row.

    Tried out on the model itself: two documents share a row, the first is changed, the second must not notice, not in
    the last bit. Packing is never changed instead.
    """
    tokens = torch.arange(16).view(2, 8) % model.config.get_text_config().vocab_size
    changed = tokens.clone()
    changed[0, :4] = tokens[0, :4].flip(0)
    was_training = model.training
    model.to(machine.device).eval()
    with torch.no_grad(), torch.autocast(machine.device, torch.bfloat16, enabled=precision == "bf16"):
        before, after = (_second_document(model, ids.to(machine.device)) for ids in (tokens, changed))
    model.train(was_training)
    if not torch.equal(before, after):
        raise StepError(
            f"with `{machine.attention}` attention this machine lets packed documents see each other",
            "use `attention = sdpa` in the profile, or `packing = none` in the recipe",
        )


def _second_document(model: Any, ids: Tensor) -> Tensor:
    """Return the logits of the second of two documents of four tokens that share the first row."""
    positions = torch.tensor([[0, 1, 2, 3, 0, 1, 2, 3], [0, 1, 2, 3, 4, 5, 6, 7]], device=ids.device)
    logits: Tensor = model(input_ids=ids, position_ids=positions, use_cache=False).logits
    return logits[0, 4:]
