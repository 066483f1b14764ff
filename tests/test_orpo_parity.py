"""Our odds ratio loss against TRL's: loss and gradients to 1e-6, the weights after 20 steps to 1e-5."""

from __future__ import annotations

import copy
import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from ladle.executor.task import Machine
from ladle.executor.trainers import orpo
from ladle.executor.trainers.loop import setup
from ladle.executor.trainers.losses import log_one_minus_exp
from ladle.executor.trainers.order import order
from ladle.executor.trainers.rows import PairRows, pair_rows
from safetensors.numpy import save_file
from safetensors.torch import load_file
from torch import Tensor
from trainer_inputs import ORPO, task, tokenizer, write_model
from transformers import AutoModelForCausalLM

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it says on import that it may vanish: that is why ours exists
    from trl.experimental.orpo import ORPOConfig, ORPOTrainer

BETAS = [0.05, 0.1, 1.0]
RAGGED = 40
"""A context that no row reaches."""
CUT = 12
"""A context that cuts most rows."""


@dataclass(frozen=True)
class Case:
    """TRL's trainer over texts, and the same rows as our preparation would hand them over."""

    trl: Any
    rows: Path
    model: Path


def texts(count: int, lengths: tuple[int, int], seed: int) -> list[dict[str, str]]:
    draw = np.random.default_rng(seed)

    def text() -> str:
        return "".join(chr(0x41 + k) for k in draw.integers(0, 60, draw.integers(*lengths)))

    return [{"prompt": text(), "chosen": text(), "rejected": text()} for _ in range(count)]


def case(place: Path, pairs: list[dict[str, str]], beta: float, context: int, **options: Any) -> Case:
    """Let TRL tokenise and truncate `pairs`, and write what it made of them as our prepared rows."""
    model = write_model(place / "model")
    common: dict[str, Any] = {
        "output_dir": str(place / "trl"),
        "use_cpu": True,
        "bf16": False,
        "activation_checkpointing": False,
        "gradient_checkpointing": None,
        "report_to": "none",
        "disable_tqdm": True,
        "save_strategy": "no",
        "remove_unused_columns": False,
        "train_sampling_strategy": "sequential",
        "dataloader_pin_memory": False,
    }
    trl = ORPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(model),
        args=ORPOConfig(**common, beta=beta, max_length=context, **options),
        train_dataset=Dataset.from_list(pairs),
        processing_class=tokenizer(),
    )
    return Case(trl, write_rows(place / "rows", trl.train_dataset), model)


def write_rows(folder: Path, tokenised: Any) -> Path:
    """Write TRL's rows in our format: the prompt is what has no label."""
    folder.mkdir()
    parts: dict[str, list[list[int]]] = {"prompt": [], "chosen": [], "rejected": []}
    for row in tokenised:
        prompt = row["chosen_labels"].count(-100)
        parts["prompt"].append(row["chosen_input_ids"][:prompt])
        for side in ("chosen", "rejected"):
            assert row[f"{side}_input_ids"][:prompt] == parts["prompt"][-1]
            parts[side].append(row[f"{side}_input_ids"][prompt:])
    tensors = {}
    for name, values in parts.items():
        tensors[f"{name}_tokens"] = np.array([token for value in values for token in value], np.int32)
        tensors[f"{name}_offsets"] = np.cumsum([0, *map(len, values)]).astype(np.int64)
    save_file(tensors, folder / "rows.safetensors")
    (folder / "prepare.json").write_text('{"packing": "none"}')
    return folder


def of_trl(made: Case, rows: list[int]) -> tuple[float, Tensor]:
    """Return TRL's loss and gradient for `rows` in one batch."""
    model = copy.deepcopy(made.trl.model)
    batch = made.trl.data_collator([made.trl.train_dataset[row] for row in rows])
    loss, _ = made.trl.get_batch_loss_metrics(model, batch)
    loss.backward()
    return loss.item(), gradient(model)


def of_ours(made: Case, place: Path, rows: list[int], beta: float, passes: int = 1) -> tuple[float, Tensor]:
    """Return our loss and gradient for `rows`, cut into `passes` forward passes."""
    ready = setup(task(place, "orpo", ORPO | {"beta": beta}, made.model, made.rows), pair_rows)
    trainer = orpo.build(ready)
    found: PairRows = pair_rows(made.rows)
    size = len(rows) // passes
    batches = [found.batch(rows[k : k + size], pad=0) for k in range(0, len(rows), size)]
    items = trainer._get_num_items_in_batch(batches, torch.device("cpu"))
    loss = sum(trainer.compute_loss(trainer.model, batch, num_items_in_batch=items) for batch in batches)
    assert isinstance(loss, Tensor)
    loss.backward()
    return loss.item(), gradient(trainer.model)


def gradient(model: torch.nn.Module) -> Tensor:
    return torch.cat([weight.grad.flatten() for weight in model.parameters() if weight.grad is not None])


def assert_equal(ours: tuple[float, Tensor], theirs: tuple[float, Tensor]) -> None:
    assert ours[0] == pytest.approx(theirs[0], rel=1e-6)
    assert ((ours[1] - theirs[1]).norm() / theirs[1].norm()).item() < 1e-6


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("context", [RAGGED, CUT], ids=["padding", "truncation"])
def test_loss_and_gradient_are_those_of_trl(tmp_path: Path, beta: float, context: int) -> None:
    made = case(tmp_path, texts(6, (2, 12), seed=1), beta, context)
    rows = list(range(6))
    lengths = {len(row["chosen_input_ids"]) for row in made.trl.train_dataset}
    assert len(lengths) > 1 or context == CUT
    assert max(lengths) <= context
    assert_equal(of_ours(made, tmp_path / "ours", rows, beta), of_trl(made, rows))


@pytest.mark.parametrize("passes", [2, 3, 6])
def test_accumulation_over_ragged_rows_is_the_whole_batch_of_trl(tmp_path: Path, passes: int) -> None:
    """TRL averages means of passes; ours is the mean over the batch, however it is cut."""
    made = case(tmp_path, texts(6, (2, 12), seed=2), 0.1, RAGGED)
    rows = list(range(6))
    assert_equal(of_ours(made, tmp_path / "ours", rows, 0.1, passes), of_trl(made, rows))


def test_twenty_steps_end_where_those_of_trl_do(tmp_path: Path) -> None:
    """Ours cut into two passes, TRL's whole; then both cut, over rows of equal length, where means agree."""
    options = {"max_steps": 20, "learning_rate": 3e-3, "warmup_steps": 2, "lr_scheduler_type": "cosine"}
    optimizer = {"adam_beta1": 0.9, "adam_beta2": 0.95, "weight_decay": 0.01, "max_grad_norm": 1.0}
    for name, lengths, passes in (("ragged", (2, 12), 1), ("even", (6, 7), 2)):
        pairs = texts(80, lengths, seed=3)
        shuffled = [pairs[k] for k in order(42, 0, 80)]
        batches = {"per_device_train_batch_size": 4 // passes, "gradient_accumulation_steps": passes}
        made = case(tmp_path / name, shuffled, 0.1, RAGGED, **options, **optimizer, **batches)
        # Our trainer puts rows in its own order, so it is given the unshuffled ones.
        rows = case(tmp_path / f"{name} rows", pairs, 0.1, RAGGED).rows
        before = load_file(made.model / "model.safetensors")
        made.trl.train()
        ours = {**ORPO, "steps": 20, "lr": 3e-3, "warmup": 2, "beta": 0.1}
        work = task(tmp_path / f"{name} ours", "orpo", ours, made.model, rows, Machine(micro_batch=2))
        orpo.run(work)
        ends = load_file(work.output / "model.safetensors")
        theirs = dict(made.trl.model.named_parameters())
        assert max((ends[k] - before[k]).abs().max().item() for k in ends) > 1e-2
        assert max((ends[k] - theirs[k]).abs().max().item() for k in ends) < 1e-5


@pytest.mark.parametrize("value", [-1e-6, -1e-3, -0.5, -math.log(2), -1.0, -20.0, -200.0])
def test_log_one_minus_exp_is_accurate_and_has_a_finite_gradient(value: float) -> None:
    given = torch.tensor(value, requires_grad=True)
    found = log_one_minus_exp(given)
    found.backward()
    exact = torch.tensor(value, dtype=torch.float64, requires_grad=True)
    wanted = torch.log(-torch.expm1(exact))
    wanted.backward()
    assert found.item() == pytest.approx(wanted.item(), rel=1e-5, abs=1e-30)
    assert given.grad is not None
    assert exact.grad is not None
    assert given.grad.item() == pytest.approx(exact.grad.item(), rel=1e-4, abs=1e-30)
