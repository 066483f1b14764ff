"""Merges as mergekit makes them and as the imported recipe does: one file, the same weights."""

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
from test_import_moe import tensors
from test_mergekit import models  # noqa: F401

SLERP = "merge_method: slerp\nbase_model: ./models/a\ndtype: float32\nparameters: {t: 0.5}\nslices:\n"
ONE = "  - sources: [{model: ./models/a, layer_range: [0, 2]}, {model: ./models/b, layer_range: [0, 2]}]\n"
FALLS = SLERP + ONE + "    parameters: {t: [{filter: self_attn, value: 0.9}]}\n"
DEPTH = SLERP.replace("t: 0.5", "t: [{filter: mlp, value: [0, 1]}, {value: 0.5}]") + ONE
DEPTH += "    parameters: {t: [{filter: self_attn, value: 0.9}, {filter: up_proj, value: 0.2}]}\n"
WEIGHT = """merge_method: linear
dtype: float32
parameters: {weight: 0.25}
models:
  - {model: ./models/a, parameters: {weight: [{filter: mlp, value: 0.75}]}}
  - {model: ./models/b, parameters: {weight: [{filter: mlp, value: 0.25}]}}
"""


def by_mergekit(root: Path) -> dict[str, torch.Tensor]:
    command = [sys.executable, "-m", "mergekit.scripts.run_yaml", "merge.yml", "theirs"]
    environment = {**os.environ, **SETTINGS, "CUDA_VISIBLE_DEVICES": ""}
    subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True)
    return tensors(root / "theirs")


@pytest.mark.slow
@pytest.mark.parametrize("text", [FALLS, DEPTH, WEIGHT], ids=["slice", "depth", "weight"])
def test_an_imported_merge_is_mergekits(
    text: str,
    models: dict[str, Given],  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("a", "b"):
        shutil.copytree(models[name].path or tmp_path, tmp_path / "models" / name)
    (tmp_path / "recipes").mkdir()
    (tmp_path / "merge.yml").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert run(["import", "merge.yml", "-o", "recipes/merge.recipe"]) == 0
    assert run(["run", "recipes/merge.recipe"]) == 0
    ours, theirs = tensors(tmp_path / "artifacts/merge/merged"), by_mergekit(tmp_path)
    assert ours.keys() == theirs.keys()
    for name, each in theirs.items():
        assert torch.allclose(ours[name], each, rtol=1e-4, atol=1e-6), name
