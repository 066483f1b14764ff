"""CI as others use it: the action's own steps in a scratch repository, the hooks, and the plan for a pull request."""

from __future__ import annotations

import os
import re
import shlex
import shutil
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
    path = repository / "recipes" / "first.recipe"
    path.write_text(f"# ##[error]no ::error::no\n{path.read_text()}")
    assert whole(repository) == "Format"
    said = act(repository, "Format").stdout
    line = next(n for n, text in enumerate(path.read_text().split("\n"), 1) if "stage    cpt" in text)
    told = f"::error file=recipes/first.recipe,line={line},title=format::this recipe is not laid out%0A"
    assert f"{told}help: run `ladle fmt recipes/first.recipe`\n" in said
    hushed = re.search(r"^::stop-commands::(\w{32})\n(.*)^::\1::$", said, re.S | re.M)
    assert hushed
    assert "-stage    cpt {" in hushed[2]
    assert said.count("##[error]") == hushed[2].count("##[error]")


def test_what_only_github_shows_goes_with_a_check(repository: Path) -> None:
    for command in (["fmt", "recipes/first.recipe"], ["lock"], ["compile", "recipes/first.recipe"]):
        assert run([*command, "--format", "github"]) == 2


def test_a_corpus_that_changed_since_it_was_locked_is_shown_on_its_line(repository: Path) -> None:
    assert run(["lock"]) == 0
    assert whole(repository) == ""
    corpus = repository / "corpora" / "first" / "text.jsonl"
    corpus.write_text(corpus.read_text() + '{"text": "more"}\n')
    assert act(repository, "Lock").returncode == 1
    assert "title=E419 stale-lock::the files of `corpora/first/text.jsonl` are not" in act(repository, "Lock").stdout


def test_a_clone_without_data_passes_every_step(repository: Path) -> None:
    assert run(["compile", "recipes/first.recipe"]) == 0
    assert run(["lock"]) == 0
    shutil.rmtree(repository / "corpora")
    shutil.rmtree(repository / ".ladle", ignore_errors=True)
    assert whole(repository) == ""


def test_a_pipeline_that_is_not_what_the_recipe_says_fails(repository: Path) -> None:
    assert run(["compile", "recipes/first.recipe"]) == 0
    assert whole(repository) == ""
    crime(repository / "pipelines" / "first" / "dvc.yaml")
    assert whole(repository) == "Drift"


VARIANT = "\nvariant smoke { cpt.lr = 3e-4 }\n"


def crime(pipeline: Path) -> None:
    """Let a pipeline run another command."""
    pipeline.write_text(pipeline.read_text().replace("cmd: exec ladle step", "cmd: curl evil; exec ladle step", 1))


def test_a_variants_pipeline_is_judged(repository: Path) -> None:
    path = repository / "recipes" / "first.recipe"
    path.write_text(path.read_text() + VARIANT)
    assert run(["fmt", "recipes/first.recipe"]) == 0
    assert run(["compile", "recipes/first.recipe", "--variant", "smoke"]) == 0
    assert whole(repository) == ""
    crime(repository / "pipelines" / "first-smoke" / "dvc.yaml")
    assert whole(repository) == "Drift"
    said = act(repository, "Drift")
    assert "changed: pipelines/first-smoke/dvc.yaml" in said.stdout
    assert "::error file=pipelines/first-smoke/dvc.yaml,line=1,title=drift::" in said.stdout
    assert "%0Ahelp: `ladle compile recipes/first.recipe --variant smoke` writes it" in said.stdout
    path.write_text(path.read_text().replace("variant smoke", "variant other"))
    assert whole(repository) == "Drift"


@pytest.mark.parametrize(
    "place", ["dvc.yaml", "pipelines/evil/dvc.yaml", "pipelines/quickstart/dvc.yaml", "pipelines/first/nodes/dvc.yaml"]
)
def test_a_pipeline_that_no_recipe_makes_fails(repository: Path, place: str) -> None:
    assert run(["compile", "recipes/first.recipe"]) == 0
    evil = repository / place
    evil.parent.mkdir(parents=True, exist_ok=True)
    evil.write_bytes((repository / "pipelines/first/dvc.yaml").read_bytes())
    assert whole(repository) == "Drift"
    said = f"::error file={place},line=1,title=drift::no recipe makes this pipeline: `{place}`"
    assert said in act(repository, "Drift").stdout


def test_a_pipeline_of_a_broken_recipe_and_one_behind_a_link_fail(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["compile", "recipes/first.recipe"]) == 0
    (repository / "elsewhere").mkdir()
    (repository / "elsewhere" / "dvc.yaml").write_text("stages: {}\n")
    (repository / "pipelines" / "evil").symlink_to("../elsewhere")
    change(repository, "beta = 0.1", "betta = 0.1")
    capsys.readouterr()
    assert run(["compile", "--check"]) == 1
    said = capsys.readouterr().err
    assert "no recipe makes this pipeline: `pipelines/evil/dvc.yaml`" in said
    assert said.count("--> recipes/first.recipe:") == 1


def test_the_pipelines_of_a_project_are_only_judged_together(repository: Path) -> None:
    assert run(["compile"]) == 2
    assert run(["compile", "--check", "--variant", "smoke"]) == 2
    assert run(["compile", "--check"]) == 0


def test_a_pipeline_that_another_needs_must_be_there(repository: Path) -> None:
    used = 'edition 1\n\nuse "recipes/first.recipe": merged\n\nmodel half = slerp(merged, merged, t = 0.5)\n'
    (repository / "recipes" / "second.recipe").write_text(used)
    assert run(["compile", "recipes/second.recipe"]) == 0
    assert run(["compile", "--check"]) == 0
    shutil.rmtree(repository / "pipelines" / "first")
    assert run(["compile", "--check"]) == 1


def test_a_lock_that_is_damaged_or_lacks_a_repository_fails(repository: Path) -> None:
    (repository / "ladle.lock").write_text("<<<<<<< HEAD\n")
    assert whole(repository) == "Lock"
    assert "::error file=ladle.lock,line=1,col=1,endLine=1,endColumn=2,title=E414 " in act(repository, "Lock").stdout
    (repository / "ladle.lock").unlink()
    assert whole(repository) == ""
    (repository / "recipes" / "hub.recipe").write_text('edition 1\n\nmodel far = hub("o/n")\n')
    subprocess.run(["git", "add", "-A"], cwd=repository, check=True)
    assert act(repository, "Find recipes").returncode == 0
    said = act(repository, "Lock")
    assert said.returncode == 1
    assert "::error file=recipes/hub.recipe,line=3,col=13," in said.stdout
    assert "title=E418 not-locked::`o/n@main` is not in `ladle.lock`%0Ahelp: run `ladle lock`" in said.stdout


def test_locks_of_several_projects_are_checked_at_once(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = repository / "other"
    other.mkdir()
    (other / "ladle.lock").write_text('{"schema": 1}')
    (other / "hub.recipe").write_text('edition 1\n\nmodel far = hub("o/n")\n')
    capsys.readouterr()
    assert run(["lock", "--check", "recipes/first.recipe", "other/hub.recipe"]) == 1
    assert "--> other/hub.recipe:3:" in capsys.readouterr().out
    assert run(["lock", "recipes/first.recipe", "other/hub.recipe"]) == 1
    assert "belongs to another project" in capsys.readouterr().err


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
