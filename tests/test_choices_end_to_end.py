"""States, choices and averages, really: trained, chosen and reported by `ladle run` and by `dvc repro`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ladle.executor.lineage import read_lineage
from test_end_to_end import call, digests

RECIPE = "recipes/tiny.recipe"
TEXT = """edition 1
corpus text: text = jsonl("corpora/text.jsonl")
benchmark quiz: choice { on = jsonl("corpora/quiz.jsonl") }
benchmark dev:  choice { on = jsonl("corpora/dev.jsonl") }
stage cpt { on = text  epochs = 3  lr = 1e-2  global_batch = 8  context = 64  packing = none }
model base = init(arch = llama, hidden = 16, layers = 1, heads = 2, intermediate = 32, tied = true,
                  tokenizer = bpe(text, vocab = 270), template = chatml)
model read[seed in 1..2] = base | cpt with { stage.seed = seed }
model whole = base | cpt
model early[e in 1..3] = snapshot(whole, epoch = e)
model top = best(read, on = dev)
model stew = greedy_soup([read, whole], on = dev)
model blend = ties(top: 0.7, stew: 0.3, base = base, density = each(0.5, 0.7))
evaluate t { models = [base, read, early, blend]  on = [quiz]  baseline = base  average = seed }
evaluate tuning { models = [read, top, stew]  on = [dev]  as = dev }
"""
WORDS = ["silk", "bone", "nacre", "chitin", "keratin", "collagen", "mineral", "fibre"]


def begin(folder: Path) -> Path:
    (folder / "corpora").mkdir(parents=True)
    (folder / "recipes").mkdir()
    call(folder, "git", "init", "--quiet")
    call(folder, "dvc", "init", "--quiet")
    rows: dict[str, list[dict[str, object]]] = {
        "text": [{"text": " ".join(WORDS[(n * k) % 8] for k in range(1, 4 + n % 5))} for n in range(24)],
        "quiz": [{"question": f"what {w}?", "choices": WORDS[:4], "answer": n % 4} for n, w in enumerate(WORDS)],
        "dev": [{"question": f"which {w}?", "choices": WORDS[2:6], "answer": n % 4} for n, w in enumerate(WORDS)],
    }
    for name, lines in rows.items():
        (folder / f"corpora/{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / RECIPE).write_text(TEXT)
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which the second state was asked for alone, and then everything, by two workers."""
    folder = begin(tmp_path_factory.mktemp("choices") / "project")
    call(folder, "ladle", "run", RECIPE, "early-2")
    planned = json.loads(call(folder, "ladle", "plan", RECIPE, "--format", "json"))["nodes"]
    whole = next(node for node in planned if node["name"] == "whole")
    assert whole["action"] == "resume"
    assert whole["reason"].startswith("resumes at step 6")
    call(folder, "ladle", "run", RECIPE, "--workers", "2")
    return folder


def test_a_choice_records_what_it_took(project: Path) -> None:
    chosen = json.loads((project / "artifacts/tiny/top/choice.json").read_text())
    lineage = read_lineage(project / "artifacts/tiny/top")
    members = [each["fingerprint"] for each in chosen["members"]]
    assert [key for role, key in lineage.inputs if role.isdecimal()] == members  # type: ignore[union-attr]
    place = chosen["taken"][0]
    taken = (project / f"artifacts/tiny/read-{place + 1}/model.safetensors").read_bytes()
    assert (project / "artifacts/tiny/top/model.safetensors").read_bytes() == taken


def test_the_report_averages_over_the_seeds_and_says_what_development_is(project: Path) -> None:
    text = (project / "reports/tiny/report.md").read_text()
    assert "| read (2) |" in text
    assert "Rows with a count are means over `seed`" in text
    assert "Development numbers" in text
    assert "read (2)" in call(project, "ladle", "report", RECIPE)
    first, second = json.loads((project / "reports/tiny/report.json").read_text())["tables"]
    found = {each["benchmark"]: each for each in first["averages"] if each["name"] == "read"}
    cells = [cell["value"] for cell in first["cells"] if cell["model"] in ("read-1", "read-2")]
    assert found["quiz"]["value"] == pytest.approx(sum(cells) / 2, abs=1e-6)
    assert found["quiz"]["spread"] == pytest.approx(abs(cells[0] - cells[1]) / 2**0.5, abs=1e-6)
    assert (second["development"], "averages" in second) == (True, False)
    assert "Means over seed" in (project / "reports/tiny/report.html").read_text()


def test_dvc_repro_makes_the_same_bytes_and_ladle_recognises_them(project: Path, tmp_path: Path) -> None:
    other = begin(tmp_path / "other")
    call(other, "ladle", "compile", RECIPE)
    said = call(other, "dvc", "repro", "pipelines/tiny/dvc.yaml")
    assert digests(other) == digests(project)
    order = [said.index(f"Running stage 'pipelines/tiny/dvc.yaml:{name}'") for name in ("early-1", "early-2", "whole")]
    assert order == sorted(order)
    assert "nothing to do" in call(other, "ladle", "run", RECIPE)
    assert "up to date" in call(other, "dvc", "status")
    assert "up to date" in call(project, "dvc", "status")
    assert not list((other / ".ladle/work").glob("*"))
