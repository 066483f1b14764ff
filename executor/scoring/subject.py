"""The model that is scored. In: its folder. Out: the loaded model with its tokenizer, kept while it is asked again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
import transformers
from ladle.executor.task import Given, Machine, StepError


@dataclass(frozen=True, slots=True)
class Subject:
    """A model that answers: weights in evaluation mode, in the type in which they lie on disk."""

    model: Any
    tokenizer: Any
    name: str

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device = self.model.device
        assert isinstance(device, torch.device)
        return device

    def tokens(self, text: str) -> tuple[list[int], list[int]]:
        """Return the ids of `text` and where each ends in it (in characters); control tokens are read as such."""
        encoded = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        return list(encoded["input_ids"]), [end for _, end in encoded["offset_mapping"]]

    def document(self, text: str) -> list[int]:
        """Return the ids of a plain document, with the tokenizer's own beginning (BOS) if it has one."""
        return list(self.tokenizer(text, add_special_tokens=True)["input_ids"])

    @property
    def pad(self) -> int:
        """The id that fills a batch; which one has no influence, for it is masked."""
        for number in (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id):
            if isinstance(number, int):
                return number
        return 0


def subject(given: Given, machine: Machine) -> Subject:
    """Return the model of an input, loaded. The last one stays in memory: a worker asks one model many benchmarks."""
    if given.path is None:
        raise StepError("a score takes a model that lies in a folder")
    return _load(given.fingerprint, given.path, machine.device, machine.attention)


@lru_cache(maxsize=1)
def _load(fingerprint: str, folder: Path, device: str, attention: str) -> Subject:
    # The fingerprint is the key: another model in the same folder is another model.
    del fingerprint
    transformers.utils.logging.disable_progress_bar()
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model = transformers.AutoModelForCausalLM.from_pretrained(
            folder,
            dtype="auto",
            attn_implementation=attention,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
        )
    except (OSError, ValueError, KeyError) as error:
        raise StepError(f"the model `{folder.name}` cannot be loaded: {error}") from None
    if not tokenizer.is_fast:
        raise StepError(f"the tokenizer of `{folder.name}` has no `tokenizer.json`", "save it as a fast tokenizer")
    model.requires_grad_(False)
    return Subject(model.eval().to(device), tokenizer, folder.name)


def padded(rows: Sequence[Sequence[int]], fill: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ids and mask of rows padded at the right."""
    width = max(len(row) for row in rows)
    ids = torch.tensor([[*row, *[fill] * (width - len(row))] for row in rows], device=device)
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], device=device)
    return ids, mask
