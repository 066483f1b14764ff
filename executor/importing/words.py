"""What keys of other trainers are called here. In: a key. Out: the option it is, or the reason why no option is it.

A check loads this only where an option is unknown: no other part of the import is loaded with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ladle.executor.importing.reasons import ADAMW_ALONE, REASONS, Sort

_MICRO: Final = "rows of one device are `micro_batch` of a profile; times accumulation and devices it is `global_batch`"
_SHARE: Final = "it is called `warmup` here, a number of steps or a share of them: `warmup = 10%`"

WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("sequence_len", "cutoff_len", "max_seq_length", "model_max_length"), "context"),
        "excess_length_strategy": "overlong",
        **dict.fromkeys(("sample_packing", "neat_packing"), "packing"),
        **dict.fromkeys(("train_on_inputs", "mask_history", "train_on_prompt", "completion_only_loss"), "supervise"),
        "num_epochs": "epochs",
        "lr_scheduler": "schedule",
        "warmup_ratio": "warmup",
        **dict.fromkeys(("micro_batch_size", "batch_size"), "global_batch"),
        **dict.fromkeys(("rl_beta", "dpo_beta", "orpo_alpha", "pref_beta"), "beta"),
        "pref_loss": "loss",
        "ref_model": "reference",
        **dict.fromkeys(("dataset", "datasets", "dataset_name", "train_dataset"), "on"),
    }
)
"""The option of a stage that a key becomes where its value is carried."""

_TOLD: Final[Mapping[str, str]] = MappingProxyType({"warmup_ratio": _SHARE, "micro_batch_size": _MICRO})
_NONE: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("optim", "optimizer"), f"no option says it: {ADAMW_ALONE}"),
        **dict.fromkeys(("base_model", "model_name_or_path"), 'a stage takes its model: `hub("owner/name") | sft`'),
        "attn_implementation": "no recipe says it: it is `attention` of a profile",
    }
)


def elsewhere(word: str) -> tuple[str, str]:
    """Return the option of a stage that another trainer calls `word`, and what to say of it; either may be ""."""
    if word in WORDS:
        return WORDS[word], _TOLD.get(word, "")
    return "", _NONE.get(word, "") or _reason(word)


def _reason(word: str) -> str:
    begins = [key for key in REASONS if key == word or (key.endswith("*") and word.startswith(key[:-1]))]
    if not begins:
        return ""
    sort, reason = REASONS[word if word in REASONS else max(begins, key=len)]
    return f"no recipe says it: {reason}" if sort is Sort.MACHINE else reason
