"""Odds ratio preference optimisation. In: a task with `model` and `rows`. Out: the trained model's folder."""

from __future__ import annotations

from typing import Any

import torch
from ladle.executor.task import Task
from ladle.executor.trainers.loop import Loop, Setup, train
from ladle.executor.trainers.losses import labelled, orpo_loss
from ladle.executor.trainers.rows import Batch, PairRows, pair_rows
from ladle.executor.trainers.settings import number
from torch import Tensor
from transformers import Trainer, TrainingArguments
from trl.trainer.utils import add_fused_lm_head, disable_dropout_in_model


class OddsRatioTrainer(Loop, Trainer):  # type: ignore[misc]  # transformers has no types
    """The odds ratio loss on prepared pairs: its means go over all tokens and pairs of the optimizer step."""

    loss_is_scaled_for_ga = True
    beta: float

    def items(self, batch: Batch) -> dict[str, Tensor]:
        """Return the pairs of `batch` and the tokens of its chosen texts."""
        pairs = len(batch["labels"]) // 2
        return {"pairs": torch.tensor(pairs), "tokens": labelled(text_labels(batch)[:pairs]).sum()}

    def compute_loss(
        self, model: Any, inputs: Batch, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Tensor:
        """Return the share of this pass in the loss of its step."""
        pairs = len(inputs["labels"]) // 2
        found = self.log_probs(model, inputs, text_labels(inputs))
        answers = labelled(inputs["labels"])
        average = (found * answers).sum(-1) / answers.sum(-1)
        return orpo_loss(average, found[:pairs], self.beta, **num_items_in_batch)


def text_labels(batch: Batch) -> Tensor:
    """Return labels for prompts too, [2 rows, length]: the likelihood of a chosen text is that of all its tokens."""
    return torch.where(batch["prompt"], batch["input_ids"], batch["labels"])


def run(task: Task) -> None:
    """Train on the preference rows of `task`."""
    train(task, pair_rows, build)


def build(setup: Setup[PairRows]) -> OddsRatioTrainer:
    """Return the trainer of `setup`."""
    disable_dropout_in_model(setup.model)
    trainer = OddsRatioTrainer(
        model=setup.model,
        args=TrainingArguments(**setup.arguments),
        data_collator=setup.collate,
        train_dataset=setup.numbers,
        processing_class=setup.tokenizer,
    )
    trainer.beta = number(setup.task.options, "beta")
    add_fused_lm_head(trainer.model)
    return trainer
