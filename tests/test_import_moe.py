"""A mixture as `mergekit-moe` makes it and as the imported recipe does: one file, the same weights."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from ladle.executor.cli import run
from ladle.executor.mergekit.tool import SETTINGS
from ladle.executor.task import Given
from safetensors.torch import load_file
from test_mergekit import models  # noqa: F401

MIXTURE = """base_model: ./models/base
gate_mode: {mode}
experts_per_token: 1
dtype: {dtype}
random_seed: 7
experts:
  - {{source_model: ./models/a, positive_prompts: [silk], negative_prompts: [web]}}
  - {{source_model: ./models/b, positive_prompts: [bone, nacre], negative_prompts: [spider]}}
"""


def by_mergekit(root: Path) -> dict[str, torch.Tensor]:
    command = [sys.executable, "-m", "mergekit.scripts.moe", "mixture.yml", "theirs", "--random-seed", "7"]
    environment = {**os.environ, **SETTINGS, "CUDA_VISIBLE_DEVICES": ""}
    subprocess.run([*command, "--device", "cpu"], cwd=root, env=environment, check=True, capture_output=True)
    return tensors(root / "theirs")


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    return {name: each for file in sorted(folder.glob("*.safetensors")) for name, each in load_file(file).items()}


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "dtype"), [("random", "float32"), ("cheap_embed", "bfloat16"), ("hidden", "float32")])
def test_an_imported_mixture_is_mergekits(
    mode: str,
    dtype: str,
    models: dict[str, Given],  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("base", "a", "b"):
        shutil.copytree(models[name].path or tmp_path, tmp_path / "models" / name)
    (tmp_path / "recipes").mkdir()
    (tmp_path / "mixture.yml").write_text(MIXTURE.format(mode=mode, dtype=dtype))
    monkeypatch.chdir(tmp_path)
    assert run(["import", "mixture.yml", "-o", "recipes/mixture.recipe"]) == 0
    assert run(["run", "recipes/mixture.recipe"]) == 0
    ours, theirs = tensors(tmp_path / "artifacts/mixture/merged"), by_mergekit(tmp_path)
    assert ours.keys() == theirs.keys()
    assert {each.dtype for each in theirs.values()} == {getattr(torch, dtype)}
    gates = [name for name in theirs if name.endswith("gate.weight")]
    assert len(gates) == 2
    assert all(theirs[name].abs().sum() > 0 for name in gates)
    different = [name for name in theirs if not torch.equal(ours[name], theirs[name])]
    assert different == []
