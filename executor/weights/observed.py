"""Runs models over rows, to learn what a merge must know of them. In: a task with `on`. Out: statistics in folders.

The whole model is in memory, in float32. What was found of one operand is kept in the work folder, so that a run that
was stopped does not begin again with it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from ladle.executor.corpus_rows import read_rows
from ladle.executor.draws import chosen
from ladle.executor.models.folder import configuration_folder
from ladle.executor.models.weights import load_given
from ladle.executor.scoring.loss import windows
from ladle.executor.task import Given, Progress, StepError, Task, operands
from ladle.executor.tokenizer import load_tokenizer
from ladle.executor.weights.parents import damaged
from ladle.executor.weights.writing import Shape, Writer

Tensors = Mapping[str, torch.Tensor]
Observe = Callable[["Seen"], "Found"]
"""Finds statistics of a model."""


@dataclass(frozen=True, slots=True)
class Found:
    """Statistics: float32 tensors by name, in parts of which one at a time is in memory."""

    shapes: Mapping[str, tuple[int, ...]]
    parts: Iterable[Tensors]


def at_once(tensors: Tensors) -> Found:
    """Return statistics that are found together."""
    return Found({name: tuple(values.shape) for name, values in tensors.items()}, (tensors,))


@dataclass(frozen=True, slots=True)
class Seen:
    """One operand: its model in evaluation mode, and the sequences that it is run over."""

    model: Any
    name: str
    sequences: tuple[torch.Tensor, ...]
    said: Callable[[int], None]

    def each(self, turn: int = 0, turns: int = 1) -> Iterator[torch.Tensor]:
        """Yield token ids of shape (1, length), one sequence after the other: no padding, so no mask.

        Who runs the model over them several times says at which turn it is.
        """
        for number, ids in enumerate(self.sequences, 1):
            yield ids
            self.said((turn * len(self.sequences) + number) // turns)


def observed(task: Task, observe: Observe) -> tuple[Path, ...]:
    """Return for each operand the folder of its statistics, with the configuration of the model.

    Raises StepError for rows that hold nothing to predict, and for statistics that are no numbers.
    """
    found = []
    for place, given in enumerate(operands(task.inputs)):
        folder = task.work / f"observed-{place}"
        if not folder.is_dir():
            partial = task.work / "partial"
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            _store(partial, observe(_seen(task, place, given)))
            shutil.copyfile(configuration_folder(given) / "config.json", partial / "config.json")
            partial.rename(folder)
        found.append(folder)
    return tuple(found)


def _seen(task: Task, place: int, given: Given) -> Seen:
    device = torch.device(task.machine.device)
    tokens = tuple(torch.tensor([ids], device=device) for ids in sequences(task, place, given))
    name = given.path.name if given.path else given.role
    model = load_given(given, torch.float32, task.machine.attention).eval().to(device)
    for tensor, values in model.named_parameters():
        if not torch.isfinite(values).all():
            raise damaged(tensor, name)

    def said(done: int) -> None:
        task.report(Progress(done, len(tokens), f"sequences of model {place + 1}"))

    return Seen(model, name, tokens, said)


def sequences(task: Task, place: int, given: Given) -> list[tuple[int, ...]]:
    """Return the token ids that an operand is run over. Raises StepError for rows that hold nothing to predict."""
    corpora = task.all_given("on")
    if len(corpora) not in (1, len(operands(task.inputs))):
        raise StepError(f"`on` has {len(corpora)} corpora, not one for each model", "write it with `ladle compile`")
    rows = list(read_rows(corpora[place if len(corpora) > 1 else 0]))
    texts = [str(row["text"]) for row in rows if "text" in row]
    if len(texts) < len(rows):
        raise StepError(f"`{task.operator}` takes rows of `text`", "turn chats into text with as_text")
    kept = chosen(len(texts), _whole(task, "rows"), _whole(task, "seed"), f"{task.operator}/{place}")
    documents = load_tokenizer(given, task.work).documents([texts[index] for index in kept])
    found = [part.ids for ids in documents for part in windows(ids, _whole(task, "context"))]
    if not found:
        raise StepError(f"no row of the corpus of model {place + 1} has two tokens, so there is nothing to predict")
    return found


def _whole(task: Task, name: str) -> int:
    value = task.options[name]
    assert isinstance(value, int)
    return value


def _store(folder: Path, found: Found) -> None:
    tensors = {name: Shape(torch.float32, shape) for name, shape in sorted(found.shapes.items())}
    with Writer(folder, tensors) as writer:
        for part in found.parts:
            for name, values in part.items():
                if not torch.isfinite(values).all():
                    help = "the model's numbers are too large for float32, in which it is run"
                    raise StepError(f"what was found of `{name}` holds values that are not finite numbers", help)
                writer.write(name, 0, values.float().cpu())
        writer.finish()
