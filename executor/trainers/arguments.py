"""The trainer's arguments. In: settings, a plan, the machine. Out: every default that matters, written out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ladle.executor.task import Machine, StepError
from ladle.executor.trainers.determinism import global_seed
from ladle.executor.trainers.settings import Settings

MOST_TOKENS = 16384
"""Tokens of a forward pass where the profile leaves its size to us."""
MOST_LOGITS = 2**29
"""Likewise the numbers in its logits: 2 GiB of float32."""


def micro_batch(machine: Machine, global_batch: int, longest: int, vocabulary: int) -> int:
    """Return the rows of a forward pass, a divisor of `global_batch`.

    Raises StepError where the machine asks for a size that does not divide it: the batch of a recipe is met exactly.
    """
    asked = machine.micro_batch
    if asked:
        if global_batch % asked:
            raise StepError(
                f"`micro_batch` {asked} of the profile does not divide the recipe's `global_batch` {global_batch}",
                "choose a divisor, or 0 to leave it to the machine",
            )
        return asked
    most = max(1, min(MOST_TOKENS, MOST_LOGITS // vocabulary) // longest)
    return max(size for size in range(1, min(most, global_batch) + 1) if global_batch % size == 0)


def arguments(settings: Settings, steps: int, micro: int, machine: Machine, work: Path) -> dict[str, Any]:
    """Return what all trainers are given: keywords of transformers' TrainingArguments."""
    cpu = machine.device == "cpu"
    optimizer = {
        "optim": "adamw_torch_fused",
        "learning_rate": settings.lr,
        "lr_scheduler_type": settings.schedule,
        "warmup_steps": settings.warmup_steps(steps),
        "adam_beta1": settings.betas[0],
        "adam_beta2": settings.betas[1],
        "adam_epsilon": 1e-8,
        "weight_decay": settings.weight_decay,
        "max_grad_norm": settings.clip,
        "label_smoothing_factor": 0.0,
    }
    batches = {
        "max_steps": steps,
        "per_device_train_batch_size": micro,
        "gradient_accumulation_steps": settings.global_batch // micro,
        "auto_find_batch_size": False,
        "dataloader_drop_last": False,
        "dataloader_num_workers": 0,
        "dataloader_pin_memory": not cpu,
        "remove_unused_columns": False,
        "average_tokens_across_devices": False,
    }
    hardware = {
        "use_cpu": cpu,
        "bf16": settings.precision == "bf16",
        "fp16": False,
        "activation_checkpointing": not cpu,
        "gradient_checkpointing": None,  # its former name, which TRL turns on
        "torch_compile": False,
        "use_cache": False,
        "seed": global_seed(settings.seed),
        "full_determinism": False,
    }
    silence = {
        "output_dir": str(work / "trainer"),
        "report_to": "none",
        "disable_tqdm": True,
        "log_level": "error",
        "logging_strategy": "steps",
        "logging_steps": 1,
        "logging_first_step": False,
        "logging_nan_inf_filter": False,
        "save_strategy": "no",
        "eval_strategy": "no",
        "push_to_hub": False,
        "skip_memory_metrics": True,
        "include_num_input_tokens_seen": "no",
    }
    return optimizer | batches | hardware | silence
