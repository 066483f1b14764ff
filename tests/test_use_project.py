"""Two recipes of one project, and a variant: what commands make of them, and where it lies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ladle.dsl.diagnostics import RecipeError
from ladle.executor.cli import run
from ladle.executor.load import load
from ladle.executor.opened import open_recipe, used_by
from ladle.executor.project import ProjectError

FIRST, SECOND = Path("recipes/first.recipe"), Path("recipes/second.recipe")
USING = """use "recipes/first.recipe": base, trained, cpt, sft, lessons as talk, colours
corpus few: chat = talk | take(rows = 20)
stage tune: sft { on = few  steps = 3  context = 64 }
model again = trained[cpt | sft] | tune
evaluate table { models = [trained, again]  on = [colours] }
"""
VARIANTS = """
variant smoke { stage.steps = 2  reading = reading | take(rows = 20) }
variant other { dpo.beta = 0.5 }
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new recipe with two variants, and one that uses it; entered."""
    monkeypatch.chdir(tmp_path)
    assert run(["new", str(FIRST)]) == 0
    FIRST.write_text(FIRST.read_text() + VARIANTS)
    SECOND.write_text(USING)
    return tmp_path


def places(recipe: Path, variant: str = "") -> dict[str, str]:
    opened = open_recipe(recipe, variant)
    return {key: spot.place for key, spot in opened.layout.spots.items()}


def planned(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, str]]:
    capsys.readouterr()
    assert run(["plan", *arguments, "--format", "json"]) == 0
    nodes: list[dict[str, str]] = json.loads(capsys.readouterr().out)["nodes"]
    return nodes


# --- use --------------------------------------------------------------------------------------------------------------


def test_what_both_recipes_need_lies_in_one_place(project: Path) -> None:
    first, second = places(FIRST), places(SECOND)
    shared = {key for key in first if key in second}
    assert len(shared) > 5
    kept = {key for key in shared if first[key].startswith("artifacts")}
    assert {key: second[key] for key in kept} == {key: first[key] for key in kept}
    assert "artifacts/first/trained-cpt-sft" in second.values()
    assert "artifacts/second/again" in second.values()


def test_each_pipeline_has_its_own_steps_and_none_is_written_twice(project: Path) -> None:
    assert run(["compile", str(SECOND)]) == 0
    both = {name: Path(f"pipelines/{name}/dvc.yaml").read_text() for name in ("first", "second")}
    outs = {
        name: [line.strip() for line in content.split("\n") if line.startswith("    - ") and "/nodes/" not in line]
        for name, content in both.items()
    }
    assert "- artifacts/first/trained-cpt-sft" in outs["second"], "an input of `again`"
    assert "outs:\n    - artifacts/first" not in both["second"]
    assert "outs:\n    - artifacts/first/trained-cpt-sft\n" in both["first"]
    assert run(["compile", "--check", str(FIRST)]) == 0
    assert run(["compile", "--check", str(SECOND)]) == 0


def test_the_node_files_of_a_used_recipe_are_the_same_whoever_compiles(project: Path) -> None:
    assert run(["compile", str(FIRST)]) == 0
    before = {path: path.read_bytes() for path in sorted(Path("pipelines/first/nodes").iterdir())}
    assert run(["compile", str(SECOND)]) == 0
    assert {path: path.read_bytes() for path in sorted(Path("pipelines/first/nodes").iterdir())} == before


def test_a_recipe_whose_results_are_not_taken_needs_no_pipeline(project: Path) -> None:
    assert [each.loaded.path for each in used_by(open_recipe(SECOND))] == [FIRST]
    SECOND.write_text('use "recipes/first.recipe": lessons\ncorpus few: chat = lessons | take(2)\n')
    assert used_by(open_recipe(SECOND)) == ()


def test_a_mistake_in_the_used_recipe_is_shown_there(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    FIRST.write_text(FIRST.read_text().replace("beta = 0.1 }", "betta = 0.1 }"))
    capsys.readouterr()
    assert run(["check", str(SECOND)]) == 1
    out = capsys.readouterr().out
    assert "--> recipes/first.recipe:" in out
    assert "betta = 0.1" in out
    assert out.endswith("recipes/second.recipe: 1 mistake\n")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("../outside.recipe", "E401"),
        ("/etc/passwd", "E401"),
        ("recipes", "E402"),
        ("recipes/*.recipe", "E402"),
        ("recipes/fist.recipe", "E402"),
        ("recipes/no good.recipe", "E020"),
        ("recipes/bytes.recipe", "E018"),
    ],
)
def test_only_a_recipe_of_the_project_is_used(project: Path, path: str, code: str) -> None:
    (project / "recipes/no good.recipe").write_text("let base = 3\n")
    (project / "recipes/bytes.recipe").write_bytes(b"let base = \xff\n")
    SECOND.write_text(f'use "{path}": base\nmodel m = base\n')
    with pytest.raises(RecipeError) as caught:
        load(SECOND)
    assert [each.code for each in caught.value.diagnostics] == [code]


def test_a_link_that_leads_out_of_the_project_is_not_followed(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "base.recipe"
    outside.write_text("let base = 3\n")
    (project / "recipes/link.recipe").symlink_to(outside)
    (project / ".git").mkdir()
    SECOND.write_text('use "recipes/link.recipe": base\n')
    with pytest.raises(RecipeError) as caught:
        load(SECOND)
    assert [each.code for each in caught.value.diagnostics] == ["E401"]


def test_what_another_recipe_uses_is_not_renamed_under_it(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = FIRST.read_bytes()
    assert run(["rename", str(FIRST), "colours", "colors"]) == 1
    assert "`recipes/second.recipe` uses `colours`" in capsys.readouterr().err
    assert FIRST.read_bytes() == before
    assert run(["rename", str(FIRST), "merged", "blend"]) == 0


def test_a_used_name_is_renamed_where_it_is_used(project: Path) -> None:
    assert run(["rename", str(SECOND), "base", "start"]) == 0
    assert run(["rename", str(SECOND), "talk", "chats"]) == 0
    text = SECOND.read_text()
    assert "base as start, trained, cpt, sft, lessons as chats, colours" in text
    assert "corpus few: chat = chats | take" in text
    assert run(["check", str(SECOND)]) == 0


# --- variants ---------------------------------------------------------------------------------------------------------


def test_a_variant_has_its_own_places_and_names_nothing_otherwise(project: Path) -> None:
    plain, smoke = places(FIRST), places(FIRST, "smoke")
    assert {place.split("/")[1] for place in smoke.values()} == {"first-smoke"}
    assert {place.replace("first-smoke", "first") for place in smoke.values()} >= set(plain.values())
    assert not {key for key, place in plain.items() if place.endswith("merged")} & set(smoke)


def test_every_command_takes_the_variant(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = planned(capsys, str(FIRST), "--variant", "smoke")
    assert ("reading", "take") in {(each["name"], each["operator"]) for each in found}
    assert run(["compile", str(FIRST), "--variant", "smoke"]) == 0
    assert '"steps": 2' in Path("pipelines/first-smoke/nodes/base-cpt.json").read_text()
    assert run(["graph", str(FIRST), "--variant", "smoke"]) == 0
    assert run(["why", str(FIRST), "merged", "--variant", "smoke"]) == 0
    assert run(["report", str(FIRST), "--variant", "smoke"]) == 1, "nothing was made"


def test_an_unknown_variant_is_answered_with_the_nearest(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", str(FIRST), "--variant", "smok"]) == 1
    assert "did you mean `smoke`?" in capsys.readouterr().err
    assert run(["plan", str(SECOND), "--variant", "smoke"]) == 1
    assert "it has none" in capsys.readouterr().err


def test_a_variant_whose_results_would_mix_with_another_recipe_is_refused(project: Path) -> None:
    Path("recipes/first-smoke.recipe").write_text("let k = 3\n")
    assert load(FIRST, "other")
    with pytest.raises(ProjectError, match="would lie among those of"):
        load(FIRST, "smoke")


def test_check_judges_every_variant(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    FIRST.write_text(FIRST.read_text().replace("dpo.beta = 0.5", "dpo.beta = 0.5  orpo.beta = 1"))
    assert run(["check", str(FIRST)]) == 1
    assert "E216" in capsys.readouterr().out
    with pytest.raises(RecipeError):
        load(FIRST)


def test_gc_keeps_what_a_variant_made(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = project / "artifacts/first-smoke/base"
    stray = project / "artifacts/first-other/none"
    for each in (folder, stray):
        each.mkdir(parents=True)
        (each / "lineage.json").write_text("{}")
    capsys.readouterr()
    assert run(["gc"]) == 0
    out = capsys.readouterr().out
    assert "artifacts/first-other/none" in out
    assert "artifacts/first-smoke/base" not in out
