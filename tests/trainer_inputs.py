"""Tiny models, prepared rows and tasks for the tests of trainers and models. Everything is drawn from a fixed seed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ladle.executor.task import Given, Machine, Task
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

VOCABULARY = 64
OPTIONS: dict[str, Any] = {
    "epochs": None,
    "steps": 3,
    "tokens": None,
    "lr": 1e-2,
    "schedule": "cosine",
    "warmup": 1,
    "betas": [0.9, 0.95],
    "weight_decay": 0.01,
    "clip": 1.0,
    "global_batch": 4,
    "precision": None,
    "seed": 42,
}
DPO: dict[str, Any] = {**OPTIONS, "beta": 0.1, "loss": "sigmoid"}
ORPO: dict[str, Any] = {**OPTIONS, "beta": 0.1}


def write_model(folder: Path, seed: int = 0, **changes: Any) -> Path:
    """Write a Llama of one layer and 16 channels with a tokenizer of `VOCABULARY` letters."""
    torch.manual_seed(seed)
    sizes: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 128,
        "tie_word_embeddings": True,
        "bos_token_id": None,
        "eos_token_id": 1,
        "pad_token_id": 0,
        "initializer_range": 0.3,
    }
    model = LlamaForCausalLM(LlamaConfig(**{**sizes, **changes}))
    model.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


def tokenizer() -> PreTrainedTokenizerFast:
    """Return a tokenizer of single characters with pad 0 and end 1."""
    words = {"<pad>": 0, "<end>": 1, **{chr(0x41 + k): k + 2 for k in range(VOCABULARY - 2)}}
    inner = Tokenizer(models.BPE(words, [], unk_token="A"))
    inner.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    inner.decoder = decoders.Fuse()
    made = PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<pad>", eos_token="<end>")
    made.chat_template = "{% for m in messages %}{{ m.content }}<end>{% endfor %}"
    return made


def write_tokens(folder: Path, lengths: list[list[int]], packing: str = "none", masked: int = 0, seed: int = 7) -> Path:
    """Write token rows: `lengths[k]` are the documents of row k, its first `masked` tokens unsupervised."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(seed)
    totals = [sum(row) for row in lengths]
    supervised = [np.r_[np.zeros(min(masked, total - 1)), np.ones(total - min(masked, total - 1))] for total in totals]
    documents = [np.repeat(np.arange(len(row)), row) for row in lengths]
    tensors = {
        "tokens": draw.integers(2, VOCABULARY, sum(totals)).astype(np.int32),
        "supervised": np.concatenate(supervised).astype(np.uint8),
        "documents": np.concatenate(documents).astype(np.int32),
        "offsets": np.cumsum([0, *totals]).astype(np.int64),
    }
    save_file(tensors, folder / "rows.safetensors")
    (folder / "prepare.json").write_text(json.dumps({"packing": packing}))
    return folder


def write_pairs(folder: Path, lengths: list[tuple[int, int, int]], seed: int = 7) -> Path:
    """Write preference rows of (prompt, chosen, rejected) tokens."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(seed)
    tensors = {}
    for name, counts in zip(("prompt", "chosen", "rejected"), zip(*lengths, strict=True), strict=True):
        tensors[f"{name}_tokens"] = draw.integers(2, VOCABULARY, sum(counts)).astype(np.int32)
        tensors[f"{name}_offsets"] = np.cumsum([0, *counts]).astype(np.int64)
    save_file(tensors, folder / "rows.safetensors")
    (folder / "prepare.json").write_text(json.dumps({"packing": "none"}))
    return folder


def task(
    place: Path,
    kind: str,
    options: dict[str, Any],
    model: Path,
    rows: Path,
    machine: Machine | None = None,
    **more: Any,
) -> Task:
    """Return a task that works in `place`; `more` are further model inputs by role."""
    for name in ("work", "output"):
        (place / name).mkdir(parents=True, exist_ok=True)
    inputs = [Given("model", "local", "m", model), Given("rows", "prepare", "r", rows)]
    inputs += [Given(role, "local", role, path) for role, path in more.items()]
    return Task(
        operator=kind,
        name=kind,
        options=options,
        inputs=tuple(inputs),
        fingerprint="f",
        work=place / "work",
        output=place / "output",
        machine=machine or Machine(),
        report=lambda progress: None,
    )


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below `folder`."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
