"""The language's own examples check and plan: the paper's experiment, the data path, and the forms of section 4."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from ladle.executor.cli import run as ladle
from ladle.executor.load import examine, load

FIXTURES = Path(__file__).parent / "fixtures/recipes"

ROWS: Mapping[str, object] = {
    "text": {"text": "silk is strong"},
    "chat": {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
    "preference": {"prompt": "q", "chosen": "a", "rejected": "b"},
    "labelled": {"question": "q?", "choices": ["a", "b"], "answer": 0},
}

MORE = """# Chat vectors, sweeps with seeds, adapters, choosing.
edition 1

model base     = hub("o/base", template = chatml)
model instruct = hub("o/instruct", template = chatml)
corpus reading: text       = jsonl("corpora/text.jsonl")
corpus lessons: chat       = jsonl("corpora/chat.jsonl")
corpus pairs:   preference = jsonl("corpora/preference.jsonl")
benchmark silk: choice { on = jsonl("corpora/labelled.jsonl") }

stage cpt  { on = reading  tokens = 2B  global_batch = 256  context = 8Ki  lr = 1e-5 }
stage sft  { on = lessons  epochs = 2  lr = 1e-4  lora = {r: 16, alpha: 32, targets: all_linear} }
stage dpo  { on = pairs  beta = 0.1  lr = 5e-6  lora = continue }

model finance          = cpt(base) + (instruct - base)
model scaled[k in 0.2..1.0 by 0.2] = cpt(base) + k*(instruct - base)
model body             = cpt(base) + {embed: 0, lm_head: 0, else: 1} * (instruct - base)

model read[e in 1..5, seed in 1..5] = instruct | cpt with { cpt.epochs = e  stage.seed = seed }
model blended[t in 0.1..0.9 by 0.1, m in read] = slerp(instruct, m, t = t)
evaluate sweep { models = [instruct, read, blended]  on = [silk]  baseline = instruct  average = seed }

model tuned  = base | sft | dpo
model merged = slerp(instruct, tuned, t = 0.5)

benchmark silk_dev: choice { on = jsonl("corpora/bench/silk_dev.jsonl") }
model top    = best(read, on = silk_dev)
model stew   = greedy_soup(read[seed = 1], on = silk_dev)
model blend  = ties(top: 0.7, stew: 0.3, base = instruct, density = each(0.5, 0.7))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the files that the examples name, one row each."""
    places = {f"corpora/{kind}.jsonl": kind for kind in ROWS}
    places |= {f"corpora/{name}.jsonl": "chat" for name in ("magpie_ultra", "deita_10k")}
    places["corpora/magpie_ultra_dpo.jsonl"] = "preference"
    places |= {f"corpora/bench/{name}.jsonl": "labelled" for name in ("spider_silk", "bioinspired", "silk_dev")}
    for number, (place, kind) in enumerate(places.items()):
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        row = json.dumps(ROWS[kind]).replace('"q?"', f'"question {number}?"')
        path.write_text(row + "\n")
    for place in ("prompts/record.md", "prompts/qa.md", "prompts/wrong.md", "corpora/pdf/2024/one.pdf"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text("text")
    (tmp_path / "recipes").mkdir()
    return tmp_path


def write(project: Path, name: str, text: str) -> Path:
    """Write a recipe whose corpora of the hub are files of their kind."""
    at_hand = re.sub(
        r"^(corpus \w+:\s*(\w+)\s*=) hub\(.*\)$", r'\1 jsonl("corpora/\2.jsonl")', text, flags=re.MULTILINE
    )
    path = project / "recipes" / f"{name}.recipe"
    path.write_text(at_hand)
    return path


@pytest.mark.parametrize("name", ["paper", "data", "more"])
def test_an_example_checks_and_plans(project: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = MORE if name == "more" else (FIXTURES / f"{name}.recipe").read_text(encoding="utf-8")
    path = write(project, name, text)
    assert [d.message for d in examine(path).diagnostics] == []
    for command in ("check", "plan", "graph"):
        assert ladle([command, str(path)]) == 0, capsys.readouterr().err


def test_the_papers_early_merges_are_states_of_two_trainings(project: Path) -> None:
    graph = load(write(project, "paper", (FIXTURES / "paper.recipe").read_text(encoding="utf-8"))).graph
    early = [graph.nodes[key] for name, key in graph.aliases.items() if name.startswith("early-")]
    assert len(early) == 10
    trained = {node.inputs[1].node for node in early}
    ends = {graph.aliases["mistral_b-cpt"], graph.aliases["mistral_i-cpt"]}
    assert len(trained) == 10
    assert ends < trained


def test_the_sweep_averages_blends_over_the_seeds_of_what_they_are_made_from(project: Path) -> None:
    table = load(write(project, "more", MORE)).graph.tables[0]
    groups = dict(table.groups)
    assert len(groups) == 5 + 9 * 5
    assert groups["read-2"] == tuple(f"read-2-{seed}" for seed in range(1, 6))
    assert groups["blended-0_3-read-2"] == tuple(f"blended-0_3-read-2-{seed}" for seed in range(1, 6))
