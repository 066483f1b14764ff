"""The model that is scored. In: an input of a step. Out: the loaded model with its tokenizer, kept between steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from ladle.executor.models.folder import configuration_folder, precision_of
from ladle.executor.models.weights import PRECISIONS, load_given
from ladle.executor.prepare.limits import TooLong, limited
from ladle.executor.prepare.render import ChatTemplate, TemplateFault
from ladle.executor.task import Given, Machine, StepError
from ladle.executor.tokenizer import Tokenizer, load_tokenizer


@dataclass(frozen=True, slots=True)
class Subject:
    """A model that answers: weights in evaluation mode, in the type in which they lie on disk."""

    model: Any
    tokenizer: Tokenizer
    template: ChatTemplate | None
    name: str

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device = self.model.device
        assert isinstance(device, torch.device)
        return device

    @property
    def pad(self) -> int:
        """The id that fills a batch; which one has no influence, for it is masked."""
        return next((number for number in (self.tokenizer.pad, self.tokenizer.eos) if number is not None), 0)


_LAST: Final[dict[tuple[str, str, str], Subject]] = {}
"""The last model that was loaded: a worker asks one model many benchmarks. Never holds more than one."""


def subject(given: Given, machine: Machine, work: Path) -> Subject:
    """Return the model of an input, loaded; `work` takes its tokenizer where the recipe put a template on it.

    It is known by its fingerprint: another model in the same folder is another model. Raises StepError for a folder
    that cannot be loaded.
    """
    key = (given.fingerprint, machine.device, machine.attention)
    if key not in _LAST:
        _LAST.clear()
        _LAST[key] = _load(given, machine, work)
    return _LAST[key]


def _load(given: Given, machine: Machine, work: Path) -> Subject:
    tokenizer = load_tokenizer(given, work)
    model = load_given(given, PRECISIONS[precision_of(configuration_folder(given))], machine.attention)
    model.requires_grad_(False)
    name = given.path.name if given.path else given.role
    return Subject(model.eval().to(machine.device), tokenizer, _template(tokenizer), name)


def _template(tokenizer: Tokenizer) -> ChatTemplate | None:
    if tokenizer.template is None:
        return None
    try:
        with limited():
            return ChatTemplate(tokenizer.template, dict(tokenizer.names))
    except (TemplateFault, TooLong, MemoryError) as fault:
        raise StepError(f"the template of `{tokenizer.name}`: {fault or 'it takes too much'}") from None


def padded(rows: Sequence[Sequence[int]], fill: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ids and mask of rows padded at the right."""
    width = max(len(row) for row in rows)
    ids = torch.tensor([[*row, *[fill] * (width - len(row))] for row in rows], device=device)
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], device=device)
    return ids, mask
