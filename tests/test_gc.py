"""What `ladle gc` offers: what is known to be nobody's, and never the results of a recipe that it did not look at."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ladle.executor.cli import run
from ladle.executor.opened import open_recipe
from test_local import git


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a recipe below `recipes/`, one elsewhere, and something in the place of each step; entered."""
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init", "-q")
    for name in ("recipes/first", "other/z"):
        assert run(["new", name]) == 0
        recipe = Path(f"{name}.recipe")
        recipe.write_text(recipe.read_text().replace("steps = 80", "steps = 81" if "z" in name else "steps = 80"))
        steps = open_recipe(Path(f"{name}.recipe")).layout
        for node in steps.steps(steps.graph.targets):
            put(steps.spots[node.fingerprint].place)
            (tmp_path / ".ladle/work" / node.fingerprint).mkdir(parents=True, exist_ok=True)
    return tmp_path


def put(place: str) -> None:
    folder = Path(place)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lineage.json").write_text("{}")


def offered(capsys: pytest.CaptureFixture[str], *recipes: str) -> list[str]:
    """The paths that `gc` lists."""
    capsys.readouterr()
    assert run(["gc", *recipes]) == 0
    return [line.split()[2] for line in capsys.readouterr().out.splitlines()[:-1]]


def test_the_results_of_a_recipe_anywhere_in_the_project_are_kept(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert offered(capsys) == []
    monkeypatch.chdir(project / "other")
    assert offered(capsys) == []


def test_what_a_recipe_that_is_gone_has_made_is_offered(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("other/z.recipe").unlink()
    found = offered(capsys)
    assert "artifacts/z/merged" in found
    assert not [path for path in found if "/first/" in path]
    assert [path for path in found if path.startswith(".ladle/work/")]


def test_with_a_recipe_only_its_own_stale_results_are_offered(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert offered(capsys, "recipes/first.recipe") == []
    Path("other/z.recipe").unlink()
    put("artifacts/first/old")
    put("scores/first/old/colours")
    stray = project / ".ladle/work" / ("0" * 64)
    stray.mkdir()
    assert offered(capsys, "recipes/first.recipe") == ["artifacts/first/old", "scores/first/old/colours"]
    assert run(["gc", "--yes", "recipes/first.recipe"]) == 0
    assert Path("artifacts/z/merged").exists()
    assert stray.exists()
    assert not Path("artifacts/first/old").exists()


def test_a_recipe_with_mistakes_keeps_what_it_made(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("other/z.recipe").write_text("model = \n")
    Path("other/draft.recipe").write_text("this was never run\n")
    put("artifacts/gone/model")
    record = project / ".ladle/runs" / f"{'0' * 64}.json"
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({}))
    capsys.readouterr()
    assert run(["gc"]) == 0
    said = capsys.readouterr()
    assert [line.split()[2] for line in said.out.splitlines()[:-1]] == ["artifacts/gone/model"]
    assert "`other/z.recipe` has mistakes" in said.err
    assert "draft" not in said.err


def test_a_given_recipe_with_mistakes_is_a_mistake(project: Path) -> None:
    Path("other/z.recipe").write_text("model = \n")
    assert run(["gc", "other/z.recipe"]) == 1


def test_another_project_within_this_one_says_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("other/.git").mkdir()
    assert "artifacts/z/merged" in offered(capsys)


def test_a_recipe_in_a_hidden_folder_counts_where_it_is_named(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(".drafts").mkdir()
    Path("other/z.recipe").rename(".drafts/z.recipe")
    assert "artifacts/z/merged" in offered(capsys)
    assert offered(capsys, ".drafts/z.recipe") == []


def test_a_project_without_recipes_offers_nothing_and_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    put("artifacts/first/base")
    assert run(["gc", "--yes"]) == 1
    assert "help: go to the folder of a project" in capsys.readouterr().err
    assert Path("artifacts/first/base").exists()


def test_results_of_the_other_engine_are_its_recipes(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = Path("recipes/first.recipe")
    steps = open_recipe(recipe, "", "mergekit").layout
    made = [steps.spots[node.fingerprint].place for node in steps.steps(steps.graph.targets) if not node.recipe]
    for node in steps.steps(steps.graph.targets):
        put(steps.spots[node.fingerprint].place)
        (project / ".ladle/work" / node.fingerprint).mkdir(parents=True, exist_ok=True)
    assert any(place.startswith("artifacts/first-mergekit/") for place in made)
    assert offered(capsys) == []
    assert offered(capsys, str(recipe)) == []
    put("artifacts/first-mergekit/old")
    assert offered(capsys) == ["artifacts/first-mergekit/old"]
    assert offered(capsys, str(recipe)) == ["artifacts/first-mergekit/old"]
    recipe.unlink()
    assert set(made) <= set(offered(capsys))


def test_a_recipe_that_mergekit_no_longer_says_keeps_what_it_made(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put("artifacts/first-mergekit/merged")
    recipe = Path("recipes/first.recipe")
    recipe.write_text(recipe.read_text().replace("t = 0.5", "t = 0.5, norm = geometric"))
    capsys.readouterr()
    assert run(["gc"]) == 0
    out, err = capsys.readouterr()
    assert "artifacts/first" not in out
    assert "`recipes/first.recipe` has mistakes" in err
