"""Whether documents of one row see each other. In: the model as this machine runs it. Out: a refusal, or nothing."""

from __future__ import annotations

from typing import Any

import torch
from ladle.executor.task import Machine, StepError

TOLERANCE = 1e-5


def refuse_leaks(model: Any, machine: Machine) -> None:
    """Raise StepError unless a document's predictions are free of the document before it in the same row.

    Tried out on the model itself: two documents share a row, the first is changed, the second must not notice. Packing
    is never changed instead.
    """
    vocabulary = model.config.get_text_config().vocab_size
    positions = torch.tensor([[0, 1, 2, 3, 0, 1, 2, 3], [0, 1, 2, 3, 4, 5, 6, 7]])
    tokens = torch.arange(16).view(2, 8) % vocabulary
    changed = tokens.clone()
    changed[:, :4] = (changed[:, :4] + 1) % vocabulary
    was_training = model.training
    model.to(machine.device).eval()
    with torch.no_grad():
        before, after = (
            model(input_ids=ids.to(machine.device), position_ids=positions.to(machine.device), use_cache=False).logits[
                0, 4:
            ]
            for ids in (tokens, changed)
        )
    model.train(was_training)
    if (before - after).abs().max() > TOLERANCE * before.abs().max():
        raise StepError(
            f"with `{machine.attention}` attention this machine lets packed documents see each other",
            "use `attention = sdpa` in the profile, or `packing = none` in the recipe",
        )
