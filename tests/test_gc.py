"""What `ladle gc` offers: what is known to be nobody's, and never the results of a recipe that it did not look at."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from ladle.dsl.graph import whole
from ladle.executor.cli import run
from ladle.executor.freed import freed
from ladle.executor.lineage import Lineage
from ladle.executor.locks import hold, refuse_beside_a_run
from ladle.executor.opened import open_recipe
from ladle.executor.workspace import Workspace
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
    put("artifacts/first-mergekit/gone")
    assert [each for each in offered(capsys) if each.startswith("artifacts")] == ["artifacts/first-mergekit/gone"]


UNASKED = """
model apart = slerp(trained[cpt | sft], trained[cpt | sft | dpo], t = 0.25)
"""


def test_what_a_recipe_declares_and_no_table_asks_for_is_kept(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = Path("recipes/first.recipe")
    recipe.write_text(recipe.read_text() + UNASKED)
    steps = open_recipe(recipe).layout
    [node] = [each for each in steps.graph.nodes.values() if each.name == "apart"]
    assert node not in steps.steps(steps.graph.targets)
    put(steps.spots[node.fingerprint].place)
    checkpoint = fill(project / ".ladle/work" / keys(str(recipe))["dpo"] / "scratch/checkpoints/step-20/model")
    assert offered(capsys) == []
    recipe.write_text(recipe.read_text().replace("evaluate", "evaluate other { models = [base]  on = [colours] }\n#"))
    assert str(checkpoint.parents[3].relative_to(project)) not in offered(capsys)


def test_what_a_link_leads_to_is_left_alone(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("artifacts/old").symlink_to("first")
    Path("reports/elsewhere").symlink_to(project.parent)
    (project.parent / "lineage.json").write_text("{}")
    made = sorted(Path("artifacts/first").glob("*/lineage.json"))
    assert offered(capsys) == []
    assert run(["gc", "--yes"]) == 0
    assert made
    assert sorted(Path("artifacts/first").glob("*/lineage.json")) == made


def test_a_recipe_with_mistakes_that_never_ran_keeps_unfinished_work(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(project / ".ladle/work" / ("e" * 64) / "scratch/checkpoints/step-20/model")
    assert offered(capsys) == [f".ladle/work/{'e' * 64}"]
    Path("recipes/new.recipe").write_text("edition 1\nmodel m = slrp(a, b)\n")
    assert offered(capsys) == []
    assert run(["gc"]) == 0
    assert "`recipes/new.recipe` has mistakes: unfinished work is kept" in capsys.readouterr().err


# --- pipelines ------------------------------------------------------------------------------------------------------


def test_the_pipeline_of_a_recipe_that_is_gone_is_offered_and_no_other(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for recipe in ("recipes/first.recipe", "other/z.recipe"):
        assert run(["compile", recipe]) == 0
    Path("pipelines/first/mine.txt").write_text("kept")
    Path("pipelines/notes").mkdir()
    Path("pipelines/notes/todo.md").write_text("kept")
    assert offered(capsys) == []
    Path("other/z.recipe").unlink()
    assert "pipelines/z" in offered(capsys)
    assert run(["gc", "--yes"]) == 0
    assert sorted(path.name for path in Path("pipelines").iterdir()) == ["first", "notes"]
    Path("recipes/first.recipe").unlink()
    Path("recipes/other.recipe").write_text("edition 1\n")
    assert "pipelines/first" not in offered(capsys)


@pytest.mark.parametrize("link", ["pipelines", "pipelines/z"])
def test_pipelines_that_a_link_leads_to_are_not_offered(
    project: Path, capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory, link: str
) -> None:
    assert run(["compile", "other/z.recipe"]) == 0
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "moved"
    (project / link).rename(elsewhere)
    (project / link).symlink_to(elsewhere)
    Path("other/z.recipe").unlink()
    assert not [path for path in offered(capsys) if path.startswith("pipelines")]
    assert run(["gc", "--yes"]) == 0
    assert list(elsewhere.rglob("*.json"))


# --- work that nothing goes on from -----------------------------------------------------------------------------------


def keys(recipe: str) -> dict[str, str]:
    steps = open_recipe(Path(recipe)).layout
    return {node.operator: node.fingerprint for node in steps.steps(steps.graph.targets)}


def fill(place: Path, size: int = 10) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"x" * size)
    return place


def test_what_a_failed_run_left_goes_and_a_checkpoint_stays(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work, known = project / ".ladle/work", keys("recipes/first.recipe")
    merged, trained = work / known["slerp"], work / known["dpo"]
    fill(merged / "output/model-00001.safetensors", 5000)
    fill(merged / "scratch/template/tokenizer.json")
    fill(trained / "output/losses.csv")
    checkpoint = fill(trained / "scratch/checkpoints/step-20/model.safetensors")
    assert offered(capsys) == [str(path.relative_to(project)) for path in sorted((merged, trained / "output"))]
    assert run(["gc", "--yes"]) == 0
    assert checkpoint.is_file()
    assert not merged.exists()
    assert not (trained / "output").exists()
    assert run(["plan", "recipes/first.recipe"]) == 0
    assert "resumes at step 20" in capsys.readouterr().out


def test_a_training_without_a_checkpoint_goes_on_from_nothing(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = project / ".ladle/work" / keys("recipes/first.recipe")["dpo"]
    fill(trained / "scratch/tokenizer/tokenizer.json")
    assert offered(capsys) == [str(trained.relative_to(project))]


def test_work_of_a_step_that_is_being_made_is_nobodys_to_remove(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = keys("recipes/first.recipe")["slerp"]
    fill(project / ".ladle/work" / key / "output/model.safetensors")
    with hold(Workspace(project).lock(key), refuse_beside_a_run):
        assert offered(capsys) == []
        assert run(["gc", "--yes"]) == 0
    assert offered(capsys) == [f".ladle/work/{key}"]


# --- what is freed ----------------------------------------------------------------------------------------------------


def test_what_has_other_names_frees_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put("artifacts/first/old")
    put("artifacts/first/older")
    kept = fill(project / "artifacts/first/merged/model.safetensors", 4096)
    Path("artifacts/first/old/model.safetensors").hardlink_to(kept)
    fill(project / "artifacts/first/older/model.safetensors", 1024)
    capsys.readouterr()
    assert run(["gc"]) == 0
    old, older, total = capsys.readouterr().out.splitlines()
    assert old.split("artifact of no recipe")[1] == " (2 B of it freed: files have other names)"
    assert old.strip().startswith("4.0 KiB")
    assert older.endswith("artifact of no recipe")
    assert total.startswith("2 unused, 5.0 KiB, 1.0 KiB of it freed; with")
    assert run(["gc", "--yes"]) == 0
    assert "removed 2, 5.0 KiB, 1.0 KiB of it freed" in capsys.readouterr().out
    assert kept.stat().st_nlink == 1


def test_two_names_that_both_go_free_their_bytes_once(tmp_path: Path) -> None:
    one = fill(tmp_path / "a/x", 100)
    (tmp_path / "b").mkdir()
    (tmp_path / "b/x").hardlink_to(one)
    (tmp_path / "b/link").symlink_to(one)
    fill(tmp_path / "b/y", 7)
    assert freed([tmp_path / "a", tmp_path / "b"]) == (100, 7)
    assert freed([tmp_path / "a"]) == (0,)
    assert freed([one, tmp_path / "b/x"]) == (100, 0)


def test_a_checkpoint_of_what_is_made_goes_once_every_state_is(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = Path("recipes/first.recipe")
    text = recipe.read_text()
    recipe.write_text(text.replace("slerp(trained[cpt | sft],", "slerp(snapshot(trained[cpt | sft | dpo], step = 5),"))
    steps = open_recipe(recipe).layout
    states = [node for node in steps.steps(steps.graph.targets) if node.operator == "dpo"]
    assert len(states) == 2
    held = project / ".ladle/work" / whole(states[0])
    fill(held / "scratch/checkpoints/step-5/model.safetensors")
    name = str(held.relative_to(project))
    assert name not in offered(capsys)
    for left, node in zip((1, 0), states, strict=True):
        place = project / steps.spots[node.fingerprint].place
        fill(place / "model.safetensors")
        files = {"model.safetensors": hashlib.sha256(b"x" * 10).hexdigest()}
        inputs = tuple((each.role, each.node) for each in node.inputs)
        lineage = Lineage(
            node.operator, node.version, dict(node.options), dict(node.engines), inputs, node.content, files
        )
        assert lineage.fingerprint == node.fingerprint
        (place / "lineage.json").write_bytes(lineage.encode())
        assert (name in offered(capsys)) is not bool(left)
