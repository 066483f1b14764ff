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
    **{
        name: {"weights": [1, 0.5], "density": 0.5, "normalize": False, "rescale": True, "lambda": 1.0} | more
        for name, more in (
            ("dare_linear", {"seed": 42}),
            ("della", {"seed": 42, "epsilon": 0.15}),
            ("della_linear", {"seed": 42, "epsilon": 0.15}),
            ("breadcrumbs", {"gamma": 0.01}),
            ("breadcrumbs_ties", {"gamma": 0.01}),
        )
    },
    "affine": {"coefficients": [[[1.5, None]], [[-0.5, None]]]},
    "model_stock": {"filter_wise": False},
    "pcb": {"weights": [1, 0.5], "density": 0.5, "lambda": 1.0},
    "graft": {"share": 0.25},
    "round": {"precision": "bf16"},
    "nuslerp": {"weights": [2, 1], "nuslerp_flatten": False, "nuslerp_row_wise": True},
    "multislerp": {"weights": [2, 1], "normalize_weights": True, "eps": 1e-8},
    "karcher": {"max_iter": 10, "tol": 1e-5},
    "arcee_fusion": {},
    "nearswap": {"t": 0.1},
    "ram": {"epsilon": 0.5},
    "ramplus_tl": {"epsilon": 0.5, "r": 0.1, "alpha": 0.2},
    "sce": {"select_topk": 0.5},
    "passthrough": {"scale": 0.7},
}
KINDS = ("torch 2.13.0 x86_64 AVX2", "torch 2.13.0 x86_64 AVX512")
DIGESTS = {
    ("slerp", 2): "c7deed3fdeef0662",
    ("lerp", 2): "f0607efbc553699d",
    ("linear", 2): "b10d749551fb8838",
    ("soup", 2): "2b45e81104894254",
    ("ties", 1): "a72d32097fc4426a",
    ("dare_ties", 1): "309753b5e24cd815",
    ("task_arithmetic", 1): "d706f0e842677519",
    ("ties", 2): "a72d32097fc4426a",
    ("dare_ties", 2): "bcd5360ea921eeac",
    ("task_arithmetic", 2): "5e70b0cc5ba04803",
    ("dare_linear", 1): "656175d10357dac4",
    ("dare_ties", 3): "e813cf2a5e62b1fc",
    ("dare_linear", 2): "f3dca93441a69e89",
    ("dare_ties", 4): "e5780f07d9e0310c",
    ("dare_linear", 3): "53ea28ee8f764c31",
    ("della", 1): "8bfb2b363a3e9c92",
    ("della_linear", 1): "3778fdb8b0b050ee",
    ("breadcrumbs", 1): "68955f568986e3c4",
    ("breadcrumbs_ties", 1): "a575091099832153",
    ("affine", 2): "dfb4503d2534ab15",
    ("model_stock", 2): "60f15db1f92fcaba",
    ("pcb", 1): "a0e6b858a8a74e98",
    ("graft", 1): "328e433669107a74",
    ("round", 2): "901f005b31f4b815",
    ("nuslerp", 1): "cbea1572aae9bffa",
    ("multislerp", 1): "94b47864bb6c0099",
    ("karcher", 1): "714ea8ff809b8ee2",
    ("arcee_fusion", 1): "365581243dd34c01",
    ("nearswap", 1): "7a3cba8ac952bb73",
    ("nearswap", 2): "7a3cba8ac952bb73",
    ("ram", 1): "fca721063a517ea2",
    ("ramplus_tl", 1): "6adf643560c4a189",
    ("sce", 1): "032eb290330d14da",
    ("passthrough", 1): "411a4e3c618b217f",
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
    takes = vocabulary()[operator].operands
    inputs = [
        Given(str(i), "local", "f" * 64, path=model(tmp_path / str(i), i))
        for i in range(2 if takes.variadic else len(takes.sorts))
    ]
    if any(option.name == "base" for option in vocabulary()[operator].options):
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
