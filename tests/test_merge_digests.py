"""The bytes of every merge on a tiny input (contract 8): a digest that changes without a new version is a mistake.

Digests hold for one torch and kind of processor, since sums over a tensor have an order; elsewhere they are skipped.
After a wanted change raise the operator's `version` and write its digest anew.
"""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path

import pytest
import torch
from ladle.dsl.graph import Json
from ladle.executor.catalog import vocabulary
from ladle.executor.task import Given, Machine, Task
from ladle.executor.weights import merge
from safetensors.torch import save_file

OPTIONS: dict[str, dict[str, Json]] = {
    "slerp": {"t": {"schedule": {"self_attn": [0, 0.5, 1]}, "else": 0.3}, "norm": "linear"},
    "lerp": {"t": 0.3},
    "linear": {"weights": [2, 1], "normalize": True},
    "soup": {},
    "ties": {"weights": [1, 0.5], "density": 0.5, "normalize": True, "rescale": False, "lambda": 1.0},
    "dare_ties": {
        "weights": [1, 0.5],
        "density": 0.5,
        "normalize": False,
        "rescale": True,
        "lambda": 1.0,
        "seed": 42,
    },
    "task_arithmetic": {"weights": [1, 0.5], "normalize": False, "lambda": 0.8},
    "affine": {"coefficients": [[[1.5, None]], [[-0.5, None]]]},
    "model_stock": {"filter_wise": False},
    "pcb": {"weights": [1, 0.5], "density": 0.5, "lambda": 1.0},
    "graft": {"share": 0.25},
    "round": {"precision": "bf16"},
}
KINDS = ("torch 2.13.0 x86_64 AVX2", "torch 2.13.0 x86_64 AVX512")
DIGESTS = {
    ("slerp", 1): "f84b759a3a083d34",
    ("lerp", 1): "3c5f588570bc2dd2",
    ("linear", 1): "e8ab233f38bee0df",
    ("soup", 1): "2b45e81104894254",
    ("ties", 1): "a72d32097fc4426a",
    ("dare_ties", 1): "309753b5e24cd815",
    ("task_arithmetic", 1): "d706f0e842677519",
    ("affine", 1): "dfb4503d2534ab15",
    ("model_stock", 1): "4249d6479ddf217c",
    ("pcb", 1): "a0e6b858a8a74e98",
    ("graft", 1): "328e433669107a74",
    ("round", 1): "901f005b31f4b815",
}
"""By operator and version, for `KINDS`."""


def model(folder: Path, seed: int) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "llama", "num_hidden_layers": 3}')
    names = ["model.embed_tokens.weight", *(f"model.layers.{i}.self_attn.q_proj.weight" for i in range(3))]
    numbers = torch.arange(24 * 16, dtype=torch.int64)
    tensors = {
        # Integers below 2^24 are exact in float32, so the parents are the same on every machine.
        name: ((numbers * (7919 + 2 * seed + i) % 4093 - 2046).float() / 2048).reshape(24, 16)
        for i, name in enumerate(names)
    }
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def kind() -> str:
    version = torch.__version__.split("+")[0]
    return f"torch {version} {platform.machine()} {torch.backends.cpu.get_cpu_capability()}"


@pytest.mark.parametrize("operator", list(OPTIONS))
def test_bytes_of_a_merge(operator: str, tmp_path: Path) -> None:
    inputs = [
        Given(str(i), "local", "f" * 64, path=model(tmp_path / str(i), i))
        for i in range(1 if operator == "round" else 2)
    ]
    if vocabulary()[operator].needs_base:
        inputs.append(Given("base", "local", "f" * 64, path=model(tmp_path / "base", 9)))
    (tmp_path / "out").mkdir()
    merge.run(
        Task(
            operator,
            "m",
            OPTIONS[operator],
            tuple(inputs),
            "0" * 64,
            tmp_path,
            tmp_path / "out",
            Machine(),
            lambda _: None,
        )
    )
    found = hashlib.sha256((tmp_path / "out" / "model.safetensors").read_bytes()).hexdigest()[:16]
    if kind() not in KINDS:
        pytest.skip(f"no digests for {kind()} (here it is {found})")
    assert found == DIGESTS[operator, vocabulary()[operator].version]


def test_every_merge_has_a_case() -> None:
    merges = {name for name, operator in vocabulary().items() if operator.program == "ladle.executor.weights.merge"}
    assert merges == set(OPTIONS)
