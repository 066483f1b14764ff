"""A declaration under another name: in the recipe, on disk, and without any step running again."""

from __future__ import annotations

from pathlib import Path

import pytest
from ladle.dsl.format import laid_out
from ladle.executor.cli import run

RECIPE = "recipes/first.recipe"


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new recipe, entered; nothing has run."""
    monkeypatch.chdir(tmp_path)
    assert run(["new", RECIPE]) == 0
    return tmp_path / RECIPE


def test_every_mention_of_a_stage_is_renamed_and_nothing_else(recipe: Path) -> None:
    before = recipe.read_text()
    assert run(["rename", RECIPE, "reading", "web"]) == 0
    after = before.replace("corpus reading:", "corpus web:").replace("on = reading ", "on = web ")
    assert recipe.read_text() == laid_out(after.replace("bpe([reading,", "bpe([web,"))
    assert run(["check", RECIPE]) == 0


def test_what_was_laid_out_stays_so_and_what_was_not_is_left(recipe: Path) -> None:
    assert run(["rename", RECIPE, "reading", "everything_to_read"]) == 0
    assert run(["fmt", "--check", RECIPE]) == 0
    rough = recipe.read_text().replace("corpus everything_to_read", "corpus    everything_to_read")
    recipe.write_text(rough)
    assert run(["rename", RECIPE, "everything_to_read", "web"]) == 0
    assert recipe.read_text() == rough.replace("everything_to_read", "web")


def test_a_family_is_renamed_where_it_is_indexed(recipe: Path) -> None:
    assert run(["rename", RECIPE, "trained", "taught"]) == 0
    assert "slerp(taught[cpt | sft], taught[cpt | sft | dpo]" in recipe.read_text()
    assert run(["check", RECIPE]) == 0


def test_a_stage_whose_name_is_its_kind_says_the_kind_from_then_on(recipe: Path) -> None:
    assert run(["rename", RECIPE, "sft", "tune"]) == 0
    text = recipe.read_text()
    assert "stage tune: sft { on = lessons" in text
    assert "trained[cpt | tune]" in text
    assert run(["check", RECIPE]) == 0
    assert run(["rename", RECIPE, "tune", "learn"]) == 0
    assert "stage learn: sft { on = lessons" in recipe.read_text()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("mergd", "x", "`merged`"),
        ("merged", "base", "already"),
        ("merged", "Blend", "no name"),
        ("merged", "model", "`merged` cannot be called `model`"),
        ("nonesuch", "x", "it declares `base`"),
    ],
)
def test_a_name_that_cannot_be_changes_nothing(
    recipe: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, said: str
) -> None:
    before = recipe.read_bytes()
    assert run(["rename", RECIPE, old, new]) == 1
    assert recipe.read_bytes() == before
    shown = capsys.readouterr().err
    assert said in shown
    assert ".recipe:" not in shown


def test_a_word_of_an_option_spelt_alike_stops_the_renaming(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe.write_text(recipe.read_text().replace("model merged", "model wrapped"))
    recipe.write_text(recipe.read_text().replace("[base, trained, merged]", "[base, trained, wrapped]"))
    before = recipe.read_bytes()
    assert run(["rename", RECIPE, "wrapped", "blend"]) == 1
    assert recipe.read_bytes() == before
