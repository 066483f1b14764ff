"""`ladle run RECIPE NAME` of what a recipe declares and no table asks for: made, no stage, and follows the recipe."""

from __future__ import annotations

from pathlib import Path

import pytest
from ladle.executor.cli import run
from test_local import git
from test_merge import folder, weights

RECIPE = """edition 1

benchmark held: loss { on = jsonl("corpora/held.jsonl") }
model a = local("models/a")
model b = local("models/b")
model inner = lerp(a, b, t = 0.3)
model outer = slerp(inner, b, t = 0.5)
model asked = lerp(a, b, t = 0.5)
model apart = lerp(a, b, t = 0.7)
evaluate e { models = [asked]  on = [held] }
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    git(tmp_path, "init", "-q")
    if request.param:
        (tmp_path / ".dvc").mkdir()
        (tmp_path / ".dvc/config").write_text("")
    for seed, name in enumerate("ab"):
        folder(tmp_path / "models" / name, weights(seed))
        (tmp_path / "models" / name / "chat_template.jinja").unlink()
        (tmp_path / "models" / name / "tokenizer.json").write_text('{"model": {"vocab": {"one": 0, "two": 1}}}')
    for name, text in (("recipes/r.recipe", RECIPE), ("corpora/held.jsonl", '{"text": "one two"}\n')):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("project", [False, True], indirect=True, ids=["plain", "dvc"])
def test_a_model_that_nothing_asks_for_is_made_by_its_name(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("apart", "inner", "outer"):
        assert run(["run", "recipes/r.recipe", name]) == 0, capsys.readouterr()
        assert (project / f"artifacts/r/{name}/model.safetensors").is_file()
    capsys.readouterr()
    assert run(["run", "recipes/r.recipe", "apart"]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert run(["gc"]) == 0
    assert "0 unused" in capsys.readouterr().out


@pytest.mark.parametrize("project", [True], indirect=True)
def test_its_node_file_is_no_stage_and_follows_the_recipe(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe, node = Path("recipes/r.recipe"), Path("pipelines/r/nodes/apart.json")
    assert run(["run", str(recipe), "apart"]) == 0
    assert "apart" not in Path("pipelines/r/dvc.yaml").read_text()
    assert git(project, "check-ignore", "artifacts/r/apart")
    assert run(["compile", "--check", str(recipe)]) == 0
    recipe.write_text(RECIPE.replace("t = 0.7", "t = 0.8"))
    assert run(["compile", "--check", str(recipe)]) == 1
    assert run(["compile", str(recipe)]) == 0
    assert "0.8" in node.read_text()
    recipe.write_text(RECIPE.replace("model apart", "model other"))
    assert run(["compile", str(recipe)]) == 0
    assert not node.exists()
