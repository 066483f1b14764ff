"""Why keys of other trainers are in no recipe. Out: the sorts of notes, and the reasons that these tools share."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Sort(StrEnum):
    """What a note says of a key."""

    LOST = "cannot carry"
    MACHINE = "machine"
    """It says how a machine is used: a profile's business."""
    ASSUMED = "assumed"
    """It was carried, and this had to be assumed."""
    SAME = "agrees"
    """It is off, and so it is here."""
    WRONG = "does not check"
    """The recipe is written, and a check refuses what it says."""
    MISSING = "missing"
    """The recipe needs something that is not in the project yet."""


_RUN = "where a run writes, logs and saves: `ladle run` has its own places"
_DEVICE = "how the machine computes; no key of a profile in this version"
_EVAL = "a stage trains on every row and watches none: hold rows out with `every` and `except`, and score them"
_DATA = "how rows are prepared and fed: it does not change them"

ADAMW_ALONE: Final = "every stage trains with AdamW in full precision"

REASONS: Final[Mapping[str, tuple[Sort, str]]] = MappingProxyType(
    {
        **dict.fromkeys(("output_dir", "overwrite_output_dir", "run_name", "project", "report_to", "push_to_hub",
                         "hub_*", "logging_*", "log_*", "save_*", "plot_loss", "resume_from_checkpoint",
                         "disable_tqdm", "wandb_*", "mlflow_*", "comet_*", "tb_*"), (Sort.MACHINE, _RUN)),
        **dict.fromkeys(("gradient_checkpointing", "gradient_checkpointing_kwargs", "deepspeed", "fsdp", "fsdp_*",
                         "ddp_*", "tf32", "torch_compile*", "use_liger_kernel", "liger_*", "use_cache", "local_rank",
                         "activation_offloading", "low_cpu_mem_usage", "device_map", "padding_free", "use_reentrant",
                         "auto_find_batch_size", "torch_empty_cache_steps", "accelerator_config", "use_cpu"),
                        (Sort.MACHINE, _DEVICE)),
        **dict.fromkeys(("dataloader_*", "dataset_num_proc", "preprocessing_num_workers", "remove_unused_columns",
                         "no_remove_unused_columns", "pad_to_multiple_of", "overwrite_cache"), (Sort.MACHINE, _DATA)),
        "dataloader_drop_last": (Sort.LOST, "the last step of a pass takes the rows that are left"),
        "group_by_length": (Sort.LOST, "a stage draws the order of rows from its seed"),
        "length_column_name": (Sort.MACHINE, "it is read where rows are grouped by length"),
        "use_flash_attention_2": (Sort.MACHINE, '`attention = "flash_attention_2"` of a profile'),
        **dict.fromkeys(("do_eval", "eval_*", "evaluation_strategy", "per_device_eval_batch_size", "val_size",
                         "metric_for_best_model", "load_best_model_at_end", "greater_is_better", "do_predict",
                         "predict_with_generate"), (Sort.LOST, _EVAL)),
        "do_train": (Sort.MACHINE, "a recipe says what is trained by naming it"),
        "trust_remote_code": (Sort.LOST, "code of a model's repository is never run"),
        "neftune_noise_alpha": (Sort.LOST, "no stage adds noise to embeddings"),
        "lr_scheduler_kwargs": (Sort.LOST, "a schedule has no settings of its own"),
    }
)  # fmt: skip
"""Why a key that trainers share is not in the recipe."""
