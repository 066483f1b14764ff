"""Our losses against TRL's own trainers, on the same model and rows: values and gradients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from ladle.executor.trainers import dpo, tokens
from ladle.executor.trainers.loop import setup
from ladle.executor.trainers.rows import pair_rows, token_rows
from torch import Tensor
from trainer_inputs import DPO, OPTIONS, task, write_model, write_pairs, write_tokens
from trl import DPOTrainer, SFTTrainer
from trl.trainer.utils import add_fused_lm_head

# TRL 1.16 asks transformers 5.23 by an old name.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

EVERYTHING = ("log_probs", "entropy", "mean_logits", "is_top1")


def gradient(trainer: Any, loss: Tensor) -> Tensor:
    trainer.model.zero_grad()
    loss.backward()
    return torch.cat([weight.grad.flatten() for weight in trainer.model.parameters()])


def assert_equal(trainer: Any, ours: Tensor, theirs: Tensor) -> None:
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-6)
    one, other = gradient(trainer, ours), gradient(trainer, theirs)
    assert ((one - other).norm() / other.norm()).item() < 1e-5


def test_the_loss_over_tokens_is_that_of_trl(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model")
    rows = write_tokens(tmp_path / "rows", [[9], [4], [12], [6]], masked=3)
    ready = setup(task(tmp_path / "t", "sft", OPTIONS, model, rows), token_rows)
    trainer = tokens.build(ready)
    batch = ready.collate([{"row": row} for row in range(4)])
    items = trainer._get_num_items_in_batch([batch], torch.device("cpu"))
    add_fused_lm_head(trainer.model, outputs=EVERYTHING)
    mask = torch.tensor([[1] * length + [0] * (12 - length) for length in (9, 4, 12, 6)])
    theirs = SFTTrainer.compute_loss(trainer, trainer.model, {**batch, "attention_mask": mask})
    assert_equal(trainer, trainer.compute_loss(trainer.model, batch, num_items_in_batch=items), theirs)


@pytest.mark.parametrize("kind", ["sigmoid", "hinge", "ipo"])
@pytest.mark.parametrize("beta", [0.05, 0.5])
def test_the_loss_over_preferences_is_that_of_trl(tmp_path: Path, kind: str, beta: float) -> None:
    model, other = write_model(tmp_path / "model"), write_model(tmp_path / "other", seed=3)
    rows = write_pairs(tmp_path / "rows", [(3, 4, 5), (2, 6, 3), (5, 2, 2), (4, 4, 7)])
    made = task(tmp_path / "t", "dpo", DPO | {"loss": kind, "beta": beta}, model, rows, reference=other)
    ready = setup(made, pair_rows)
    trainer = dpo.build(ready)
    batch = ready.collate([{"row": row} for row in range(4)])
    items = trainer._get_num_items_in_batch([batch], torch.device("cpu"))
    add_fused_lm_head(trainer.model, outputs=EVERYTHING)
    answers = batch["labels"] != -100
    theirs = DPOTrainer._compute_loss(
        trainer,
        trainer.model,
        {
            "input_ids": batch["input_ids"],
            "attention_mask": (answers | batch["prompt"]).long(),
            "completion_mask": answers.long(),
        },
        False,
    )
    assert_equal(trainer, trainer.compute_loss(trainer.model, batch, num_items_in_batch=items), theirs)
