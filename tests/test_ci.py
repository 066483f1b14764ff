"""CI as others use it: the action's own steps in a scratch repository, the hooks, and the plan for a pull request."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import click
import pytest
from ladle.executor.cli import cli, run
from ladle.executor.plan_markdown import LONGEST, escaped
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent
ACTION = YAML(typ="safe").load((ROOT / "action.yml").read_text())
HOOKS = YAML(typ="safe").load((ROOT / ".pre-commit-hooks.yaml").read_text())
KNOWN = cli.list_commands(click.Context(cli))


def step(name: str) -> Mapping[str, str]:
    return next(each for each in ACTION["runs"]["steps"] if each["name"] == name)


def there(text: str) -> bool:
    """Whether this version has every command that a step or a hook calls."""
    return set(re.findall(r"\bladle (\w+)", text)) <= set(KNOWN)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository with a recipe as `ladle new` makes it, tracked."""
    root = tmp_path / "repository"
    root.mkdir()
    monkeypatch.chdir(root)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    assert run(["new", "recipes/first.recipe"]) == 0
    if "fmt" in KNOWN:
        run(["fmt", "recipes/first.recipe"])
    subprocess.run(["git", "add", "-A"], cwd=root, check=True)
    (tmp_path / "runner").mkdir()
    return root


def act(root: Path, name: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run one step of the action as a runner does."""
    runner = root.parent / "runner"
    inputs = {key: str(each["default"]) for key, each in ACTION["inputs"].items()}
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "RUNNER_TEMP": str(runner),
        "GITHUB_STEP_SUMMARY": str(runner / "summary.md"),
        "GITHUB_OUTPUT": str(runner / "output"),
        "GITHUB_EVENT_NAME": "pull_request",
        "LADLE_RECIPES": inputs["recipes"],
        "LADLE_INSTALL": "false",
        **more,
    }
    script = root.parent / "step.sh"
    script.write_text(step(name)["run"])
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


def whole(root: Path, **more: str) -> str:
    """Run every step of the action that this version has; return the name of the first that fails, or ""."""
    for each in ACTION["runs"]["steps"]:
        if there(each["run"]) and act(root, each["name"], **more).returncode:
            return str(each["name"])
    return ""


def change(root: Path, old: str, new: str) -> None:
    path = root / "recipes" / "first.recipe"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_sound_repository_passes_and_shows_its_plan(repository: Path) -> None:
    assert whole(repository) == ""
    summary = (repository.parent / "runner" / "summary.md").read_text()
    assert summary.startswith("### Plan of first.recipe") or "first\\.recipe" in summary
    assert "| merged | slerp | run | never made |" in summary
    assert (repository.parent / "runner" / "output").read_text().startswith("plan=")


def test_a_mistake_fails_the_check_with_its_line(repository: Path) -> None:
    change(repository, "beta = 0.1", "betta = 0.1")
    assert whole(repository) == "Check"
    assert "::error file=recipes/first.recipe,line=" in act(repository, "Check").stdout


@pytest.mark.skipif("fmt" not in KNOWN, reason="this version has no `ladle fmt`")
def test_a_recipe_out_of_form_fails(repository: Path) -> None:
    change(repository, "stage cpt", "stage    cpt")
    assert whole(repository) == "Format"


def test_a_pipeline_that_is_not_what_the_recipe_says_fails(repository: Path) -> None:
    assert run(["compile", "recipes/first.recipe"]) == 0
    assert whole(repository) == ""
    pipeline = repository / "pipelines" / "first" / "dvc.yaml"
    pipeline.write_text(pipeline.read_text().replace("cmd: exec ladle step", "cmd: curl evil; exec ladle step", 1))
    assert whole(repository) == "Drift"


def test_a_privileged_event_is_refused_before_anything_is_read(repository: Path) -> None:
    assert whole(repository, GITHUB_EVENT_NAME="pull_request_target") == ACTION["runs"]["steps"][0]["name"]


@pytest.mark.parametrize("paths", ["nowhere/*.recipe", "", " \n"])
def test_no_recipe_fails_rather_than_passes(paths: str, repository: Path) -> None:
    assert whole(repository, LADLE_RECIPES=paths) == "Find recipes"


def test_names_with_spaces_and_dashes_are_arguments(repository: Path) -> None:
    folder = repository / "recipes" / "-n $(touch evil) `touch evil`"
    folder.mkdir()
    (folder / "second.recipe").write_text((repository / "recipes" / "first.recipe").read_text())
    subprocess.run(["git", "add", "-A"], cwd=repository, check=True)
    assert whole(repository) == ""
    assert not list(repository.parent.rglob("evil"))


def test_no_step_holds_an_expression_and_nothing_needs_a_secret() -> None:
    for each in ACTION["runs"]["steps"]:
        assert "${{" not in each["run"]
    assert "secrets." not in (ROOT / "action.yml").read_text()
    assert "github.token" not in (ROOT / "action.yml").read_text()


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_each_hook_passes_a_sound_recipe_and_fails_a_broken_one(hook: Mapping[str, str], repository: Path) -> None:
    if not there(hook["entry"]):
        pytest.skip(f"this version has no `{hook['entry']}`")
    command = [str(Path(sys.executable).parent / "ladle"), *shlex.split(hook["entry"])[1:], "recipes/first.recipe"]
    assert re.search(hook["files"], command[-1])
    assert subprocess.run(command, cwd=repository, capture_output=True, check=False).returncode == 0
    change(repository, "stage cpt {", "stage cpt [")
    assert subprocess.run(command, cwd=repository, capture_output=True, check=False).returncode == 1


def test_the_plan_as_markdown_escapes_what_strangers_write() -> None:
    shown = escaped("a|b <img src=x> @team [x](http://y) `c` \x1b[31m\n# d")
    assert not re.search(r"(?<!\\)[|`\[\]()#]|<|@|\x1b|\n", shown.replace("&#64;", "").replace("&lt;", ""))


def test_a_long_plan_fits_a_comment(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (repository / "recipes" / "first.recipe").read_text()
    family = "model many[k in 1..900] = base | cpt with { cpt.seed = k }\n"
    (repository / "recipes" / "first.recipe").write_text(text.partition("evaluate")[0] + family)
    capsys.readouterr()
    assert run(["plan", "recipes/first.recipe", "many", "--format", "markdown"]) == 0
    shown = capsys.readouterr().out
    assert len(shown) < 65_536
    assert len(shown) > LONGEST / 2
