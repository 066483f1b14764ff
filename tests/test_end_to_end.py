"""The whole way, really: train, merge, score and report a new project, by `ladle run` and by `dvc repro`."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(sys.executable).parent
RECIPE = "recipes/first.recipe"


def call(folder: Path, *command: str) -> str:
    """Run a command of the environment in `folder` and return what it prints; fail with all it said."""
    environment = {**os.environ, "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def begin(folder: Path) -> Path:
    """Make a DVC project with a new recipe in it."""
    folder.mkdir()
    call(folder, "git", "init", "--quiet")
    call(folder, "dvc", "init", "--quiet")
    call(folder, "ladle", "new", RECIPE)
    return folder


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file that the steps made."""
    made = [path for top in ("artifacts", "scores", "reports") for path in (folder / top).rglob("*") if path.is_file()]
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in made
        if path.name != ".gitignore"
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that `ladle run` has run with two workers."""
    folder = begin(tmp_path_factory.mktemp("ladle") / "project")
    call(folder, "ladle", "run", RECIPE, "--workers", "2")
    return folder


def test_a_run_trains_merges_scores_and_reports(project: Path) -> None:
    made = digests(project)
    for name in ("base", "trained-cpt-sft", "trained-cpt-sft-dpo", "merged"):
        assert f"artifacts/first/{name}/model.safetensors" in made
    weights = [made[f"artifacts/first/{name}/model.safetensors"] for name in ("base", "trained-cpt-sft", "merged")]
    assert len(set(weights)) == 3
    rows = json.loads(call(project, "ladle", "report", RECIPE, "--format", "json"))["rows"]
    assert {(row["model"], row["benchmark"], row["n"]) for row in rows} == {
        (model, "colours", 12) for model in ("base", "trained-cpt-sft", "trained-cpt-sft-dpo", "merged")
    }
    accuracy = {row["model"]: row["accuracy"] for row in rows}
    assert accuracy["base"] < 0.6 < accuracy["trained-cpt-sft"]
    assert all(0 <= row["low"] <= row["accuracy"] <= row["high"] <= 1 for row in rows)


def test_after_a_run_dvc_and_ladle_find_nothing_to_do(project: Path) -> None:
    assert "up to date" in call(project, "dvc", "status")
    nodes = json.loads(call(project, "ladle", "plan", RECIPE, "--format", "json"))["nodes"]
    assert {node["action"] for node in nodes} == {"reuse"}
    steps = sum(node["operator"] != "jsonl" for node in nodes)
    said = call(project / "recipes", "ladle", "run", "first.recipe").splitlines()
    assert said[-1] == f"first: nothing to do, {steps} reused; report: ../reports/first/report.html"


def test_dvc_repro_makes_the_same_bytes_and_ladle_recognises_them(project: Path, tmp_path: Path) -> None:
    other = begin(tmp_path / "other")
    call(other, "ladle", "compile", RECIPE)
    call(other, "dvc", "repro", "pipelines/first/dvc.yaml")
    assert digests(other) == digests(project)
    assert "nothing to do" in call(other, "ladle", "run", RECIPE)
    assert "up to date" in call(other, "dvc", "status")


def test_changing_t_of_a_merge_runs_that_merge_and_its_scores_alone(project: Path) -> None:
    recipe = project / RECIPE
    before = recipe.read_text()
    recipe.write_text(before.replace("t = 0.5", "t = 0.25"))
    nodes = json.loads(call(project, "ladle", "plan", RECIPE, "--format", "json"))["nodes"]
    recipe.write_text(before)
    running = {node["name"]: node["reason"] for node in nodes if node["action"] != "reuse"}
    assert set(running) == {"merged", "merged/colours", "report"}
    assert "`t`" in running["merged"]
    assert "0.5 -> 0.25" in running["merged"]


def test_a_model_trained_elsewhere_is_adopted_where_no_result_is(project: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(project / "artifacts/first/trained-cpt-sft", elsewhere)
    (elsewhere / "lineage.json").unlink()
    refused = subprocess.run(
        [SCRIPTS / "ladle", "adopt", str(elsewhere), "as", "merged"],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1
    assert "has a result already" in refused.stderr
    for place in ("artifacts/first/merged", "scores/first/merged", "reports/first"):
        shutil.rmtree(project / place)
    call(project, "ladle", "adopt", str(elsewhere), "as", "merged")
    nodes = json.loads(call(project, "ladle", "plan", RECIPE, "--format", "json"))["nodes"]
    assert {node["name"] for node in nodes if node["action"] != "reuse"} == {"merged/colours", "report"}
    assert json.loads((project / "artifacts/first/merged/lineage.json").read_text())["adopted"] is True
    call(project, "ladle", "run", RECIPE)
    assert "`merged` was adopted" in (project / "reports/first/report.md").read_text()
    assert "`merged` was adopted" in call(project, "ladle", "report", RECIPE, "--format", "markdown")
    assert "merged: reuse: adopted" in call(project, "ladle", "why", RECIPE, "merged")
