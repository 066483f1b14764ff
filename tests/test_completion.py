"""What the shell offers after TAB: names of the recipe on the line, also of one that is being written."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.shell_completion import BashComplete
from ladle.executor.cli import cli, run


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    assert run(["new", "recipes/first"]) == 0
    return tmp_path


def offered(*words: str) -> list[str]:
    """What is offered for the last word."""
    complete = BashComplete(cli, {}, "ladle", "_LADLE_COMPLETE")
    return [item.value for item in complete.get_completions(list(words[:-1]), words[-1])]


@pytest.mark.parametrize("command", ["run", "plan", "why", "graph", "export"])
def test_models_families_benchmarks_and_tables_are_offered(project: Path, command: str) -> None:
    everything = {"base", "trained", "merged", "colours", "scores", "reading"}
    assert everything <= set(offered(command, "recipes/first.recipe", ""))
    assert offered(command, "recipes/first.recipe", "tr") == ["trained"]


def test_gates_variants_and_words_are_offered(project: Path) -> None:
    recipe = project / "recipes/first.recipe"
    recipe.write_text(
        recipe.read_text() + "variant smoke { stage.steps = 2 }\ngate ship { require merged.colours >= 0 }\n"
    )
    assert offered("gate", str(recipe), "") == ["ship"]
    assert offered("run", str(recipe), "--variant", "") == ["smoke"]
    assert "sft" in offered("rename", str(recipe), "")
    assert {"sft", "slerp"} < set(offered("explain", "s"))
    assert offered("explain", "E10")


def test_a_recipe_that_is_being_written_or_is_not_there_is_no_problem(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = project / "recipes/first.recipe"
    recipe.write_text(recipe.read_text() + "\nmodel half = \nstage {")
    assert "trained" in offered("run", str(recipe), "t")
    (project / "recipes/binary.recipe").write_bytes(b"\xff\xfe\x00")
    capsys.readouterr()
    for path in ("recipes/none.recipe", "recipes", "recipes/binary.recipe"):
        assert offered("run", path, "t") == []
    assert capsys.readouterr() == ("", "")
