"""Direct preference optimisation. In: a task with `model`, `rows`, maybe `reference`. Out: the trained model."""

from __future__ import annotations

from typing import Any

import torch
from ladle.executor.models.weights import load_given
from ladle.executor.task import Task
from ladle.executor.trainers.loop import Loop, Setup, measuring, train
from ladle.executor.trainers.losses import dpo_loss, labelled
from ladle.executor.trainers.rows import IGNORED, Batch, PairRows, pair_rows
from ladle.executor.trainers.settings import number, word
from torch import Tensor
from trl import DPOConfig, DPOTrainer
from trl.trainer.utils import add_fused_lm_head


class PreferenceTrainer(Loop, DPOTrainer):  # type: ignore[misc]  # trl has no types
    """TRL's DPOTrainer on prepared pairs; the loss is the mean over all pairs of the optimizer step."""

    loss_is_scaled_for_ga = True

    def items(self, batch: Batch) -> dict[str, Tensor]:
        """Return the pairs of `batch`."""
        return {"pairs": torch.tensor(len(batch["labels"]) // 2)}

    def compute_loss(
        self, model: Any, inputs: Batch, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Tensor:
        """Return the share of this pass in the loss of its step."""
        labels = inputs["labels"]
        if self.metrics:
            with measuring(labels.device):
                answers = labels != IGNORED
                seen = {"attention_mask": (answers | inputs["prompt"]).long(), "completion_mask": answers.long()}
                super().compute_loss(model, {"input_ids": inputs["input_ids"], **seen})
        with torch.no_grad():
            reference = self.log_probs(self.ref_model, inputs, labels).sum(-1)
        policy = self.log_probs(model, inputs, labels).sum(-1)
        lengths = labelled(labels).sum(-1)
        return dpo_loss(policy, reference, lengths, self.beta, self.loss_types[0], num_items_in_batch["pairs"])

    def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
        """Return `dataset` as it is: rows come tokenised."""
        return dataset


def run(task: Task) -> None:
    """Train on the preference rows of `task`, against `reference` or, without one, the model it starts from."""
    train(task, pair_rows, build)


def build(setup: Setup[PairRows]) -> PreferenceTrainer:
    """Return the trainer of `setup`, with every default of TRL that matters written out."""
    task = setup.task
    given = DPOConfig(
        **setup.arguments,
        beta=number(task.options, "beta"),
        loss_type=[word(task.options, "loss")],
        loss_weights=None,
        label_smoothing=0.0,
        f_divergence_type="reverse_kl",
        ld_alpha=None,
        use_weighting=False,
        disable_dropout=True,
        precompute_ref_log_probs=False,
        sync_ref_model=False,
        max_length=None,
        padding_free=False,
        activation_offloading=False,
        pad_token=None,
    )
    references = task.all_given("reference")
    reference = references[0] if references else task.given("model")
    trainer = PreferenceTrainer(
        model=setup.model,
        ref_model=load_given(reference, torch.float32, task.machine.attention),
        args=given,
        data_collator=setup.collate,
        train_dataset=setup.numbers,
        processing_class=setup.tokenizer,
    )
    trainer.metrics = task.machine.metrics
    if not trainer.metrics:
        add_fused_lm_head(trainer.model)  # in place of TRL's own, which computes entropy and accuracy too
    return trainer
