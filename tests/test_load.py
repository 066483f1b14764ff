"""A recipe from its file: check says what plan would say of it, and leaves the folder as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from ladle.dsl.diagnostics import RecipeError
from ladle.executor.examine import Checked, examine
from ladle.executor.load import load

from corpora import texts, write

RECIPE = """
corpus papers: text = jsonl("papers.jsonl")
corpus others: text = jsonl("others.jsonl")
benchmark held: loss { on = jsonl("held.jsonl") }
stage cpt { on = mix(papers: 1, others: 1)  steps = 1  lr = 2e-5  context = 64 }
model base = init(arch = llama, hidden = 64, layers = 1, heads = 4, intermediate = 128, tied = true,
                  tokenizer = bpe([papers], vocab = 512), template = chatml)
model m = base | cpt
evaluate t { models = [m]  on = [held] }
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    write(tmp_path / "papers.jsonl", texts("one", "two"))
    write(tmp_path / "others.jsonl", texts("some more of it"))
    write(tmp_path / "held.jsonl", texts("two", "one"))
    path = tmp_path / "recipes" / "r.recipe"
    path.parent.mkdir()
    path.write_text(RECIPE)
    return path


def said(found: Checked) -> list[tuple[str, str]]:
    return [(each.code, each.message) for each in found.diagnostics]


def test_files_of_one_size_and_other_bytes_are_no_leak(recipe: Path) -> None:
    assert said(examine(recipe)) == []
    assert load(recipe).graph.tables


def test_a_copy_of_training_data_is_found_by_check_as_by_plan(recipe: Path) -> None:
    root = recipe.parents[1]
    (root / "held.jsonl").write_bytes((root / "papers.jsonl").read_bytes())
    found = examine(recipe)
    assert [code for code, _ in said(found)] == ["E303"]
    with pytest.raises(RecipeError) as caught:
        load(recipe)
    assert caught.value.diagnostics == found.diagnostics


def test_files_of_other_sizes_are_not_read_whole(recipe: Path) -> None:
    root = recipe.parents[1]
    write(root / "held.jsonl", texts("three words here"))
    assert said(examine(recipe)) == []
    assert not (root / ".ladle").exists()


def test_it_needs_no_place_to_remember(recipe: Path) -> None:
    (recipe.parents[1] / ".ladle").touch()
    assert said(examine(recipe)) == []


QUESTION = {"question": "q", "choices": ["a", "b"], "answer": 1}


@pytest.mark.parametrize(
    ("kind", "row", "columns", "said_"),
    [
        ("choice", QUESTION, "", []),
        ("exact", {"question": "q", "answer": "a"}, "", []),
        ("exact", {"q": "q", "answer": "a"}, ', columns = {question: "q"}', []),
        (
            "choice",
            {"question": "q", "answer": "a"},
            "",
            [("E406", "`q.jsonl:1`: the columns are `question`, `answer`")],
        ),
        ("exact", QUESTION, "", [("E406", "`q.jsonl:1`: the columns are `question`, `choices`, `answer`")]),
        ("choice", {**QUESTION, "answer": 2}, "", [("E408", "`q.jsonl:1`: `answer` is 2")]),
    ],
)
def test_a_benchmark_asks_what_its_rows_can_answer(
    recipe: Path, kind: str, row: object, columns: str, said_: list[tuple[str, str]]
) -> None:
    write(recipe.parents[1] / "q.jsonl", [row])
    recipe.write_text(f'benchmark q: {kind} {{ on = jsonl("q.jsonl"{columns}) | shuffle }}\n{RECIPE}')
    found = [(code, message.split(", and ")[0].split(", but ")[0]) for code, message in said(examine(recipe))]
    assert found == said_
