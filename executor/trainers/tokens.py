"""Training on tokens of texts and chats, for cpt and sft. In: a task. Out: the trained model's folder."""

from __future__ import annotations

from typing import Any

import torch
from ladle.executor.task import Task
from ladle.executor.trainers.isolation import refuse_leaks
from ladle.executor.trainers.loop import Loop, Setup, measuring, train
from ladle.executor.trainers.losses import labelled, token_loss
from ladle.executor.trainers.rows import Batch, TokenRows, token_rows
from torch import Tensor
from trl import SFTConfig, SFTTrainer
from trl.trainer.utils import add_fused_lm_head


class TokenTrainer(Loop, SFTTrainer):  # type: ignore[misc]  # trl has no types
    """TRL's SFTTrainer on prepared rows; the loss is the mean over all labels of the optimizer step."""

    loss_is_scaled_for_ga = True

    def items(self, batch: Batch) -> dict[str, Tensor]:
        """Return the labels of `batch`."""
        return {"tokens": labelled(batch["labels"]).sum()}

    def compute_loss(
        self, model: Any, inputs: Batch, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Tensor:
        """Return the share of this pass in the loss of its step."""
        if self.metrics:
            with measuring(inputs["labels"].device):
                seen = {**inputs, "attention_mask": torch.ones_like(inputs["input_ids"])}
                super().compute_loss(model, seen, num_items_in_batch=num_items_in_batch["tokens"])
        found = self.log_probs(model, inputs, inputs["labels"])
        return token_loss(found, num_items_in_batch["tokens"])


def run(task: Task) -> None:
    """Train on the token rows of `task`."""
    train(task, token_rows, build)


def build(setup: Setup[TokenRows]) -> TokenTrainer:
    """Return the trainer of `setup`, with every default of TRL that matters written out."""
    if setup.rows.isolated:
        refuse_leaks(setup.model, setup.task.machine, setup.settings.precision)
    given = SFTConfig(
        **setup.arguments,
        max_length=None,
        packing=False,
        padding_free=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        shuffle_dataset=False,
        completion_only_loss=False,
        assistant_only_loss=False,
        loss_type="nll",
        activation_offloading=False,
        eos_token=None,
        pad_token=None,
    )
    trainer = TokenTrainer(
        model=setup.model,
        args=given,
        data_collator=setup.collate,
        train_dataset=setup.numbers,
        processing_class=setup.tokenizer,
    )
    trainer.metrics = setup.task.machine.metrics
    if not trainer.metrics:
        add_fused_lm_head(trainer.model)  # in place of TRL's own, which computes entropy and accuracy too
    return trainer
