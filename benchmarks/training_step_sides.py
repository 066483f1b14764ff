"""The two sides of `training_step.py`: a stage by our programs, and the same stage in TRL with its own defaults."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from datasets import Dataset
from ladle.executor.models import bpe, init
from ladle.executor.prepare import program as preparation
from ladle.executor.task import Given, Machine, Progress, Task
from safetensors.numpy import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

MODEL = {
    "arch": "llama",
    "hidden": 192,
    "layers": 2,
    "heads": 4,
    "kv_heads": None,
    "intermediate": 512,
    "tied": True,
    "context": 2048,
    "template": "chatml",
    "precision": "fp32",
    "seed": 42,
}
CONTEXT = 128
StepDone = Callable[[int], None]


def prepare(place: Path, corpora: Path, kinds: Mapping[str, Mapping[str, Any]]) -> None:
    """Make the quickstart's tokenizer, a random model and the rows of every kind below `place`."""
    texts = [corpus("corpora", corpora / name) for name in ("base.jsonl", "cpt.jsonl")]
    tokenizer = do(place / "bpe", bpe, {"vocab": 1536, "template": "chatml"}, *texts)
    model = do(place / "model", init, MODEL, Given("tokenizer", "bpe", "t", tokenizer))
    for kind, facts in kinds.items():
        asked = {
            "context": CONTEXT,
            "overlong": "error",
            "packing": facts.get("packing", "none"),
            "supervise": "answers",
        }
        given = (Given("tokenizer", "init", "m", model), corpus("corpus", corpora / facts["corpus"]))
        do(place / kind, preparation, asked, *given)


def corpus(role: str, file: Path) -> Given:
    """Return a corpus file as an input."""
    return Given(role, "jsonl", file.name, None, (file,), {"path": file.name, "columns": None})


def do(place: Path, program: Any, options: Mapping[str, Any], *inputs: Given, report: Any = None) -> Path:
    """Run a program of ours in `place` and return its output."""
    for name in ("work", "output"):
        (place / name).mkdir(parents=True, exist_ok=True)
    machine = Machine(save_seconds=1e9)
    where = (place / "work", place / "output")
    program.run(Task("x", "x", options, inputs, "f", *where, machine, report or (lambda progress: None)))
    return where[1]


def train_ours(place: Path, kind: str, facts: Mapping[str, Any], steps: int, done: StepDone) -> None:
    """Train by our program of `kind`."""
    options = {
        "epochs": None,
        "steps": steps,
        "tokens": None,
        "lr": facts["lr"],
        "schedule": "cosine",
        "warmup": {"share": 0.05},
        "betas": [0.9, 0.95],
        "weight_decay": 0.01,
        "clip": 1.0,
        "global_batch": facts["batch"],
        "precision": None,
        "seed": 42,
        "loss": "sigmoid",
        "beta": facts.get("beta", 0.0),
    }

    def report(progress: Progress) -> None:
        done(progress.done)

    rows = Given("rows", "prepare", "r", place / kind / "output")
    model = Given("model", "init", "m", place / "model" / "output")
    do(place / f"{kind}-ours", import_module(f"ladle.executor.trainers.{kind}"), options, model, rows, report=report)


class Blocks(TrainerCallback):  # type: ignore[misc]  # transformers has no types
    """Tells when steps are done."""

    def __init__(self, done: StepDone) -> None:
        self.done = done

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.done(0)

    def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        # TRL logs every ten steps unless told otherwise; a block ends after such a step.
        self.done(state.global_step)


def train_directly(place: Path, kind: str, facts: Mapping[str, Any], corpora: Path, steps: int, done: StepDone) -> None:
    """Train by TRL's trainer of `kind` with its defaults, but for what a processor needs."""
    model = place / "model" / "output"
    given: dict[str, Any] = {
        "output_dir": str(place / f"{kind}-trl"),
        "max_steps": steps,
        "learning_rate": facts["lr"],
        "per_device_train_batch_size": facts["batch"],
        "max_length": CONTEXT,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0.05,
        "adam_beta1": 0.9,
        "adam_beta2": 0.95,
        "weight_decay": 0.01,
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "dataloader_pin_memory": False,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
    }
    loaded = AutoModelForCausalLM.from_pretrained(model)
    common = {"model": loaded, "processing_class": AutoTokenizer.from_pretrained(model), "callbacks": [Blocks(done)]}
    if kind in ("cpt", "sft"):
        config = SFTConfig(**given, dataset_kwargs={"skip_prepare_dataset": True})
        trainer = SFTTrainer(**common, args=config, train_dataset=token_rows(place / kind / "output"))
    else:
        configure, make = {"dpo": (DPOConfig, DPOTrainer), "orpo": (ORPOConfig, ORPOTrainer)}[kind]
        rows = [conversation(json.loads(line)) for line in (corpora / facts["corpus"]).read_text().splitlines()]
        trainer = make(**common, args=configure(**given, beta=facts["beta"]), train_dataset=Dataset.from_list(rows))
    trainer.train()


def token_rows(folder: Path) -> Dataset:
    """Return our prepared rows as TRL takes them."""
    rows = load_file(folder / "rows.safetensors")
    spans = list(zip(rows["offsets"][:-1].tolist(), rows["offsets"][1:].tolist(), strict=True))
    labels = [[t if s else -100 for t, s in zip(rows["tokens"][a:b].tolist(), rows["supervised"][a:b], strict=True)]
              for a, b in spans]  # fmt: skip
    return Dataset.from_dict({"input_ids": [rows["tokens"][a:b].tolist() for a, b in spans], "labels": labels})


def conversation(row: dict[str, str]) -> dict[str, list[dict[str, str]]]:
    """Return a preference row as conversations, to which TRL applies the chat template."""
    roles = {"prompt": "user", "chosen": "assistant", "rejected": "assistant"}
    return {column: [{"role": role, "content": row[column]}] for column, role in roles.items()}
