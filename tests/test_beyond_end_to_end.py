"""Merges beyond mergekit, in a recipe: checked, run, and the same bytes when they are run again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ladle.executor.catalog import vocabulary
from ladle.executor.node_reader import read_node_file
from ladle.executor.task import StepError
from ladle.executor.workspace import Workspace
from safetensors.torch import load_file
from test_choices_end_to_end import WORDS
from test_end_to_end import call, digests

RECIPE = "recipes/tiny.recipe"
TEXT = """edition 1
corpus text: text = jsonl("corpora/text.jsonl")
corpus held: text = jsonl("corpora/held.jsonl")
benchmark dev: loss { on = held  context = 32 }
stage cpt { on = text  epochs = 1  lr = 1e-2  global_batch = 8  context = 64  packing = none }
model base = init(arch = llama, hidden = 16, layers = 1, heads = 2, intermediate = 32, tied = true,
                  tokenizer = bpe(text, vocab = 270))
model read[seed in 1..3] = base | cpt with { stage.seed = seed }
model balanced = pcb(read[1]: 1, read[2]: 0.8, base = base, density = each(0.5, 0.7))
model small = graft(read[1], base = base, share = 0.1)
model onto = lerp(graft(read[1], read[2], base = base, share = 0.1), read[3], t = 0.5)
model turned = rebasin(read[1], to = read[2])
model mean = lerp(read[2], rebasin(read[1], to = read[2]), t = 0.5)
model told = fisher(read[1], read[2], on = [text, held], rows = 8, context = 32)
model solved = regmean(read[1], lerp(read[2], read[3], t = 0.5), on = text, rows = 8, context = 32)
model kin = kinship_merge(read, base = base, on = dev, rounds = 2)
evaluate tuning { models = [read, balanced, small, onto, turned, mean, told, solved, kin]  on = [dev]  as = dev }
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("beyond") / "project"
    (folder / "corpora").mkdir(parents=True)
    (folder / "recipes").mkdir()
    call(folder, "git", "init", "--quiet")
    for name, turn in (("text", 1), ("held", 3)):
        rows = [{"text": " ".join(WORDS[(n * k * turn) % 8] for k in range(1, 6 + n % 5))} for n in range(24)]
        (folder / f"corpora/{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / RECIPE).write_text(TEXT)
    call(folder, "ladle", "check", RECIPE)
    call(folder, "ladle", "run", RECIPE, "--workers", "2")
    return folder


def test_a_grafted_tensor_is_the_base_but_for_a_tenth(project: Path) -> None:
    base, read, small = (
        load_file(project / f"artifacts/tiny/{name}/model.safetensors") for name in ("base", "read-1", "small")
    )
    name = "model.layers.0.mlp.up_proj.weight"
    changed = small[name] != base[name]
    assert changed.sum() == pytest.approx(0.1 * changed.numel(), abs=2)
    assert (small[name][changed] == read[name][changed]).all()


def test_a_rebased_model_scores_the_same_and_is_a_step_of_its_own(project: Path) -> None:
    scores = [
        json.loads((project / f"scores/tiny/{name}/dev/metrics.json").read_text())["loss"]
        for name in ("read-1", "turned")
    ]
    assert scores[1] == pytest.approx(scores[0], abs=1e-4)
    assert "read-2" in json.loads((project / "pipelines/tiny/nodes/mean.json").read_text())["node"]["inputs"][0]["path"]
    assert "path" in json.loads((project / "pipelines/tiny/nodes/mean.json").read_text())["node"]["inputs"][1]


def test_a_node_file_that_computes_it_within_another_merge_is_refused(project: Path) -> None:
    nodes = project / "pipelines/tiny/nodes"
    mean, turned = (json.loads((nodes / f"{name}.json").read_text())["node"] for name in ("mean", "turned"))
    inline = {key: value for key, value in turned.items() if key not in ("output", "name")}
    mean["inputs"][1] = {"role": "1", "inline": inline}
    wrong = nodes / "wrong.json"
    wrong.write_text(json.dumps({"schema": 1, "node": mean}))
    with pytest.raises(StepError, match="a step of its own"):
        read_node_file(wrong, vocabulary(), Workspace(project))
    wrong.unlink()


def test_the_report_says_what_a_choice_was_merged_from(project: Path) -> None:
    report = (project / "reports/tiny/report.md").read_text()
    assert "chosen on `dev` from 3 models" in report
    chosen = json.loads((project / "artifacts/tiny/kin/choice.json").read_text())
    assert len(chosen["members"]) == 3


def test_it_runs_again_to_the_same_bytes(project: Path) -> None:
    before = digests(project)
    for name in ("balanced", "turned", "told", "solved", "kin"):
        for file in (project / "artifacts/tiny" / name).iterdir():
            file.unlink()
        (project / "artifacts/tiny" / name).rmdir()
    call(project, "ladle", "run", RECIPE)
    assert digests(project) == before
