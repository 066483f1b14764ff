"""The paper's recipes: they check, lint and plan offline, and each silent mistake of the published files is caught."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ladle.dsl.diagnostics import Severity
from ladle.executor.cli import run
from ladle.executor.examine import examine
from ladle.executor.lint_settings import Wanted
from ladle.executor.linting import lint_recipes
from ladle.executor.load import load

ROOT = Path(__file__).parents[1]
RECIPES = ("llama", "mistral", "smollm")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the lock and the paper's recipes and nothing else: no data, no weights."""
    shutil.copytree(ROOT / "recipes/paper", tmp_path / "recipes/paper")
    shutil.copyfile(ROOT / "ladle.lock", tmp_path / "ladle.lock")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def seed(project: Path, recipe: str, old: str, new: str) -> Path:
    """Put a mistake into a copy."""
    path = project / f"recipes/paper/{recipe}.recipe"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def mistakes(path: Path) -> list[tuple[str, str, str]]:
    """Return code, text of the line and help of every mistake."""
    return [
        (each.code, each.source.line(each.source.position(each.span.start)[0]).strip(), each.help)
        for each in examine(path).diagnostics
    ]


@pytest.mark.parametrize("name", RECIPES)
def test_check_lint_and_plan_pass_offline(project: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = f"recipes/paper/{name}.recipe"
    assert run(["check", path]) == 0
    assert run(["lint", path]) == 0
    assert run(["plan", path]) == 0
    assert run(["fmt", "--check", path]) == 0
    assert "steps to run" in capsys.readouterr().out


def test_what_a_machine_without_data_cannot_run_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["run", "recipes/paper/smollm.recipe"]) == 1
    assert "lamm-mit/bio-silk-mech-mix-80K" in capsys.readouterr().err


def test_the_figure_is_eight_trainings_and_a_merge_at_every_depth(project: Path) -> None:
    graph = load(Path("recipes/paper/llama.recipe")).graph
    operators = [node.operator for node in graph.nodes.values()]
    assert [operators.count(kind) for kind in ("cpt", "sft", "orpo", "dpo")] == [2, 2, 2, 2]
    assert operators.count("slerp") == 8 + 1
    assert operators.count("lerp") == 1


# --- the mistakes of the published files ----------------------------------------------------------------------------


def test_a_data_set_written_twice_under_one_key(project: Path) -> None:
    path = seed(project, "data", "mix(items: 2, bio: 1,", "mix(items: 2, items: 1, bio: 1,")
    (found,) = mistakes(path)
    assert found[0] == "E260"
    assert found[1].startswith("corpus reading")


def test_a_model_that_no_stage_writes(project: Path) -> None:
    path = seed(project, "llama", "slerp(instruct, m, t = waves)", "slerp(instruct, trained, t = waves)")
    (found,) = mistakes(path)
    assert found[0] == "E101"
    assert found[1].startswith("model merged")


def test_a_malformed_name_of_a_data_set(project: Path) -> None:
    path = seed(project, "data", "lamm-mit/raw-text-bio-marker", "lamm-mit//raw-text-bio-marker")
    found = mistakes(path)
    assert [(code, line) for code, line, _ in found] == [
        ("E285", 'corpus bio: text = hub("lamm-mit//raw-text-bio-marker")')
    ]


def test_siblings_that_differ_in_batch_beta_epochs_and_data(project: Path) -> None:
    path = project / "recipes/paper/mistral.recipe"
    text = path.read_text(encoding="utf-8")
    assert not warnings(path, "W550")
    path.write_text("\n".join(line for line in text.splitlines() if "allow W550" not in line) + "\n", encoding="utf-8")
    (found,) = warnings(path, "W550")
    assert "cpt.global_batch" in found
    llama = project / "recipes/paper/llama.recipe"
    assert not warnings(llama, "W550")


def warnings(path: Path, code: str) -> list[str]:
    """Return the messages of one rule."""
    (linted,) = lint_recipes([path], Wanted()).recipes
    assert all(each.severity is not Severity.ERROR for each in linted.diagnostics)
    return [each.message for each in linted.diagnostics if each.code == code]
