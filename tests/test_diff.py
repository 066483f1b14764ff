"""`ladle diff`: what becomes another computation, what only looks otherwise, and what survives."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from ladle.executor.catalog import vocabulary
from ladle.executor.cli import run
from ladle.executor.commands.diff import code_span
from ladle.executor.comparison import shown
from ladle.executor.layout import layout
from ladle.executor.lineage import LINEAGE, Lineage
from ladle.executor.load import load
from ladle.executor.workspace import Workspace

FIRST = "recipes/first.recipe"
NEXT = "recipes/next.recipe"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose recipe is committed to git."""
    monkeypatch.chdir(tmp_path)
    assert run(["new", "recipes/first"]) == 0
    for arguments in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *arguments], check=True)
    return tmp_path


def edited(project: Path, *edits: tuple[str, str], to: str = FIRST) -> None:
    text = (project / FIRST).read_text()
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    (project / to).write_text(text)


def difference(capsys: pytest.CaptureFixture[str], *names: str) -> dict[str, object]:
    capsys.readouterr()
    assert run(["diff", *names, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def changed(found: dict[str, object]) -> dict[str, list[str]]:
    """The settings of each change, in words."""
    assert isinstance(found["changed"], list)
    return {
        each["name"]: [f"{s['what']} {s['name']} {s['before']} {s['after']}" for s in each["settings"]]
        for each in found["changed"]
    }


def test_a_setting_changes_its_stage_and_what_follows(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edited(project, ("beta = 0.1", "beta = 0.3"))
    found = difference(capsys, f"HEAD:{FIRST}", FIRST)
    assert changed(found) == {
        "trained-cpt-sft-dpo": ["option beta 0.1 0.3"],
        "merged": [],
        "trained-cpt-sft-dpo/colours": [],
        "merged/colours": [],
    }
    assert (found["identical"], found["added"], found["removed"], found["renamed"]) == (False, [], [], [])


def test_prepared_rows_are_paired_though_their_names_hold_options(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edited(project, ("context = 64 }", "context = 32 }"))
    found = difference(capsys, f"HEAD:{FIRST}", FIRST)
    assert ["option context 64 32"] in changed(found).values()
    assert (found["added"], found["removed"]) == ([], [])


def test_names_comments_and_layout_are_no_other_computation(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edited(project, ("model merged", "model blend"), ("trained, merged]", "trained, blend]"))
    found = difference(capsys, f"HEAD:{FIRST}", FIRST)
    assert found["identical"] is True
    assert {"before": "merged", "after": "blend"} in found["renamed"]  # type: ignore[operator]
    edited(project, ("# Models.", "# My models."), to=FIRST)
    assert "comments differ" in difference(capsys, f"HEAD:{FIRST}", FIRST)["notes"]  # type: ignore[operator]
    subprocess.run(["git", "checkout", "-q", FIRST], check=True)
    edited(project, ("t = 0.5", "t   =   0.5"))
    assert difference(capsys, f"HEAD:{FIRST}", FIRST)["notes"] == ["the layout differs"]
    assert run(["diff", f"HEAD:{FIRST}", FIRST, "--exit-code"]) == 0


def test_a_renamed_model_that_also_follows_a_change_is_known_again(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edited(
        project, ("beta = 0.1", "beta = 0.3"), ("model merged", "model blend"), ("trained, merged]", "trained, blend]")
    )
    found = difference(capsys, f"HEAD:{FIRST}", FIRST)
    assert (found["added"], found["removed"]) == ([], [])
    assert ("blend", "merged") in {(each["name"], each["was"]) for each in found["changed"]}  # type: ignore[attr-defined]


def test_what_is_new_and_what_is_no_longer_made(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edited(project, ("trained, merged]", "trained]"), ("[cpt | sft, cpt", "[cpt, cpt | sft, cpt"))
    found = difference(capsys, f"HEAD:{FIRST}", FIRST)
    assert found["removed"] == ["merged", "merged/colours"]
    assert "trained-cpt/colours" in found["added"]  # type: ignore[operator]
    assert "the tables of `evaluate` differ" in found["notes"]  # type: ignore[operator]


def test_another_operand_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edited(project, ("slerp(trained[cpt | sft], ", "slerp(base, "))
    found = difference(capsys, f"HEAD:{FIRST}", FIRST)
    assert changed(found)["merged"] == ["input 0 trained-cpt-sft base"]


def test_what_lies_ready_survives(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steps, workspace = layout(load(project / FIRST).graph, vocabulary()), Workspace(project)
    for node in steps.steps(steps.graph.targets):
        inputs = tuple((item.role, item.node) for item in node.inputs)
        made = Lineage(node.operator, node.version, dict(node.options), dict(node.engines), inputs, node.content, {})
        folder = workspace.artifact(steps.spots[node.fingerprint].place)
        folder.mkdir(parents=True)
        (folder / LINEAGE).write_bytes(made.encode())
    edited(project, ("beta = 0.1", "beta = 0.3"))
    found = difference(capsys, f"HEAD:{FIRST}", FIRST)
    runs = {"trained-cpt-sft-dpo", "merged", "trained-cpt-sft-dpo/colours", "merged/colours", "report"}
    assert set(found["runs"]) == runs  # type: ignore[call-overload]
    assert {"base", "trained-cpt-sft", "base/colours"} <= set(found["survives"])  # type: ignore[call-overload]


def test_two_files_and_the_exit_code(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edited(project, ("beta = 0.1", "beta = 0.3"), to=NEXT)
    assert run(["diff", FIRST, NEXT]) == 0
    said = capsys.readouterr().out
    assert "`trained-cpt-sft-dpo`: option `beta` `0.1` -> `0.3`" in said
    assert "artifacts lie in another folder" in said
    assert run(["diff", FIRST, NEXT, "--exit-code"]) == 1
    assert run(["diff", FIRST, f"HEAD:./{FIRST}", "--exit-code"]) == 0


def test_markdown_shows_what_a_recipe_says_as_code_alone(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evil = "corpora/first/x`|<img src=x>@someone](a).jsonl"
    (project / evil).write_text('{"text": "one more row"}\n')
    edited(project, ("corpora/first/text.jsonl", evil), to=NEXT)
    capsys.readouterr()
    assert run(["diff", FIRST, NEXT, "--format", "markdown"]) == 0
    said = capsys.readouterr().out
    assert f"data `corpora/first/text.jsonl` -> `` {evil} ``" in said
    assert evil not in said.replace(f"`` {evil} ``", "")


@pytest.mark.parametrize(
    ("text", "wanted"), [("a", "`a`"), ("`", "`` ` ``"), ("a``b", "``` a``b ```"), ("a\nb", "`a b`"), ("", "` `")]
)
def test_a_code_span_cannot_be_left(text: str, wanted: str) -> None:
    assert code_span(text) == wanted


@pytest.mark.parametrize(
    "name",
    ["nowhere:recipes/first.recipe", "HEAD:recipes/none.recipe", "--help:x", "no.recipe", "HEAD:", "-x:y.recipe"],
)
def test_what_git_does_not_have_is_a_mistake(project: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["diff", "--", FIRST, name]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error")
    assert "Traceback" not in said


@pytest.mark.parametrize("turned", [False, True])
def test_a_revision_without_its_file_is_told_with_what_is_meant(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, turned: bool
) -> None:
    sides = ["HEAD", FIRST]
    assert run(["diff", *(reversed(sides) if turned else sides)]) == 1
    said = capsys.readouterr().err
    assert "`HEAD` is a revision, and names no file of it" in said
    assert f"help: write `HEAD:{FIRST}`" in said
    monkeypatch.chdir(project / "recipes")
    assert run(["diff", "HEAD", "first.recipe"]) == 1
    assert "help: write `HEAD:./first.recipe`" in capsys.readouterr().err
    assert run(["diff", "HEAD:first.recipe", "first.recipe"]) == 1
    assert "help: from this folder it is `HEAD:./first.recipe`" in capsys.readouterr().err
    assert run(["diff", "HEAD:./first.recipe", "first.recipe", "--exit-code"]) == 0
    assert run(["diff", f"HEAD:{FIRST}", "first.recipe", "--exit-code"]) == 0


def test_where_nothing_differs_no_step_is_listed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["diff", FIRST, FIRST]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.endswith(" steps would run.")
    assert "`" not in last


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (0.0001, "1e-4"), (1e-05, "1e-5"), (1.5e-05, "1.5e-5"), (0.00025, "2.5e-4"), (-0.0001, "-1e-4"),
        (0.001, "0.001"), (0.1, "0.1"), (2.0, "2.0"), (0.0, "0.0"), (1e22, "1e22"), (3, "3"),
    ],
)  # fmt: skip
def test_numbers_are_shown_as_recipes_write_them(value: float, wanted: str) -> None:
    assert shown(value) == wanted
    assert float(shown(value)) == value


def test_mistakes_of_both_sides_are_told_with_their_names(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edited(project, ("beta = 0.1", "betta = 0.1"))
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qam", "y"], check=True)
    capsys.readouterr()
    assert run(["diff", f"HEAD:{FIRST}", FIRST]) == 1
    said = capsys.readouterr().err
    assert f"--> HEAD:{FIRST}:" in said
    assert f"--> {FIRST}:" in said
