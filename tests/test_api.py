"""The Python interface: `ladle.load` gives the typed program and the graph, or every problem at once."""

from __future__ import annotations

from pathlib import Path

import pytest

import ladle

ROOT = Path(__file__).parent.parent


def test_load_gives_program_and_graph() -> None:
    loaded = ladle.load(ROOT / "recipes" / "quickstart.recipe")
    assert {"base", "instruct", "control", "merged-trained-cpt"} <= set(loaded.graph.aliases)
    operators = [node.operator for node in loaded.graph.nodes.values()]
    assert operators.count("slerp") == 4
    assert loaded.program.models


def test_load_raises_every_problem(tmp_path: Path) -> None:
    recipe = tmp_path / "wrong.recipe"
    recipe.write_text("edition 1\nmodel a = b\nmodel c = d\n")
    with pytest.raises(ladle.RecipeError) as raised:
        ladle.load(recipe)
    assert [problem.code for problem in raised.value.diagnostics] == ["E101", "E101"]


def test_the_package_has_no_other_names() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = ladle.nothing
