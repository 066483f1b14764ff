"""What a check refuses of an import: told at a line of a file that exists, with a mend."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from ladle.executor.cli import run
from test_merge import folder, weights

AXOLOTL = (
    "base_model: ./models/base\nsequence_len: 512\ndatasets: [{path: acme/rows, type: alpaca}]\noutput_dir: ./out\n"
)
TIES = (
    "merge_method: ties\nbase_model: ./models/base\nmodels:\n  - {model: ./models/a, parameters: {weight: 1}}\n"
    "  - {model: ./models/b, parameters: {weight: 1}}\nparameters: {density: 0.5}\ndtype: float32\n"
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project: `base` has no chat template, `a` and `b` have one."""
    (tmp_path / ".git").mkdir()
    for seed, name in enumerate(("a", "b", "base")):
        place = folder(tmp_path / "models" / name, weights(seed, torch.float32))
        (place / "chat_template.jinja").write_text("one template")
    (tmp_path / "models" / "base" / "chat_template.jinja").unlink()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_base_without_a_template_is_told_where_the_file_names_it(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "a.yml").write_text(AXOLOTL)
    assert run(["import", "a.yml", "-o", "recipes/x.recipe"]) == 1
    shown = "".join(capsys.readouterr())
    [line] = [line for line in shown.splitlines() if line.startswith("does not check")]
    assert line.startswith("does not check: a.yml:1: `base` has no chat template")
    assert "`chat_template: chatml` in the file" in line
    assert "1 mistake to mend before it checks; wrote recipes/x.recipe" in shown
    assert "not written" not in shown
    text = (root / "recipes" / "x.recipe").read_text()
    assert "# does not check: a.yml:1: " in text
    assert run(["check", "recipes/x.recipe"]) == 1
    mended = text.replace('local("models/base")', 'local("models/base", template = chatml)')
    (root / "recipes" / "x.recipe").write_text(mended)
    capsys.readouterr()
    run(["check", "recipes/x.recipe"])
    assert "E208" not in "".join(capsys.readouterr())
    (root / "a.yml").write_text(AXOLOTL + "chat_template: chatml\n")
    assert run(["import", "a.yml", "-o", "recipes/y.recipe"]) == 0


def test_json_says_what_does_not_check(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "a.yml").write_text(AXOLOTL)
    assert run(["import", "a.yml", "--format", "json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert [(note["file"], note["line"]) for note in answer["notes"] if note["sort"] == "does not check"] == [
        ("a.yml", 1)
    ]


def test_a_merge_has_the_tokenizer_of_its_base_as_mergekit_does(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "m.yml").write_text(TIES)
    assert run(["import", "m.yml", "-o", "recipes/m.recipe"]) == 0
    shown = "".join(capsys.readouterr())
    assert "m.yml:2: base_model = ./models/base: mergekit takes tokenizer and template from it" in shown
    assert "tokenizer = base" in (root / "recipes" / "m.recipe").read_text()
    assert run(["check", "recipes/m.recipe"]) == 0


@pytest.mark.parametrize("start", ["base_model: ./models/a\n", ""])
def test_a_mean_of_models_of_two_templates_has_the_first_as_in_mergekit(start: str, root: Path) -> None:
    (root / "models" / "b" / "chat_template.jinja").write_text("another template")
    models = "models: [{model: ./models/a, parameters: {weight: 1}}, {model: ./models/b, parameters: {weight: 1}}]\n"
    (root / "m.yml").write_text(f"merge_method: linear\n{start}{models}dtype: float32\n")
    assert run(["import", "m.yml", "-o", "recipes/m.recipe"]) == 0
    assert "linear(a: 1, b: 1, tokenizer = first)" in (root / "recipes" / "m.recipe").read_text()
    assert run(["check", "recipes/m.recipe"]) == 0


def test_a_tokenizer_that_cannot_differ_is_not_written(root: Path) -> None:
    (root / "models" / "base" / "chat_template.jinja").write_text("one template")
    (root / "m.yml").write_text(TIES)
    assert run(["import", "m.yml", "-o", "recipes/m.recipe"]) == 0
    text = (root / "recipes" / "m.recipe").read_text()
    assert "tokenizer =" not in text
    assert "configuration is the first operand's" in " ".join(re.sub(r"\n#  ", "", text).split())


def test_files_that_form_a_circle_are_told_at_their_line(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, start, out in (("a", "runs/c", "runs/a"), ("b", "runs/a", "runs/b"), ("c", "runs/b", "runs/c")):
        text = AXOLOTL.replace("./models/base", start).replace("./out", out)
        (root / f"{name}.yml").write_text(f"# a run\n{text}")
    assert run(["import", "a.yml", "b.yml", "c.yml", "-o", "recipes/x.recipe"]) == 1
    shown = capsys.readouterr().err
    assert "error[E614]" in shown
    assert "--> a.yml:2:1" in shown
    assert "`runs/a` is made from `runs/c`, which is made from `runs/b`, which is made from `runs/a`" in shown
    assert not (root / "recipes").exists()
    assert shown.count("E614") == 1


def test_what_was_found_out_is_told_where_the_files_are_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "a.yml").write_text(AXOLOTL + "rl: grpo\n")
    (root / "m.yml").write_text(TIES.replace("dtype: float32\n", ""))
    assert run(["import", "a.yml", "m.yml"]) == 1
    shown = capsys.readouterr().err
    assert "detected: a.yml: axolotl" in shown
    assert "detected: m.yml: mergekit" in shown
    assert "assumed: m.yml:1:" in shown
    assert "error[E611]" in shown
