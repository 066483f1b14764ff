"""The language's own examples check and plan, with what is known of data that is elsewhere."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from ladle.executor.cli import run as ladle
from ladle.executor.examine import examine
from ladle.executor.load import load

FIXTURES = Path(__file__).parent / "fixtures/recipes"
ROOT = Path(__file__).parents[1]
EXAMPLES = ("paper", "data", "more", "quickstart")
FILES = {
    "corpora/bench/silk_dev.jsonl": '{"question": "q?", "choices": ["a", "b"], "answer": 0}\n',
    "corpora/pdf/2024/one.pdf": "%PDF",
    "prompts/record.md": "text",
    "prompts/qa.md": "text",
    "prompts/wrong.md": "text",
}
"""What the examples read that is no corpus of the paper."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the examples and a lock that knows the paper's models, and its data as being elsewhere."""
    for place, text in FILES.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(text)
    shutil.copytree(ROOT / "corpora/quickstart", tmp_path / "corpora/quickstart")
    (tmp_path / "recipes").mkdir()
    for name in EXAMPLES:
        shutil.copyfile(FIXTURES / f"{name}.recipe", tmp_path / f"recipes/{name}.recipe")
    lock = json.loads((ROOT / "ladle.lock").read_text())
    for number, entry in enumerate([*lock["models"].values(), *lock["data"].values()]):  # what is published is pinned
        entry["commit"] = f"{number:040x}"
    (tmp_path / "ladle.lock").write_text(json.dumps(lock))
    return tmp_path


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_checks_and_plans(
    project: Path, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    path = f"recipes/{name}.recipe"
    assert [d.message for d in examine(Path(path)).diagnostics] == []
    for command in ("check", "plan", "graph", "lint"):
        assert ladle([command, path]) == 0, capsys.readouterr().err


def test_the_papers_early_merges_are_states_of_two_trainings(project: Path) -> None:
    graph = load(project / "recipes/paper.recipe").graph
    early = [graph.nodes[key] for name, key in graph.aliases.items() if name.startswith("early-")]
    assert len(early) == 10
    trained = {node.inputs[1].node for node in early}
    ends = {graph.aliases["mistral_b-cpt"], graph.aliases["mistral_i-cpt"]}
    assert len(trained) == 10
    assert ends < trained


def test_the_sweep_averages_blends_over_the_seeds_of_what_they_are_made_from(project: Path) -> None:
    table = load(project / "recipes/more.recipe").graph.tables[0]
    groups = dict(table.groups)
    assert len(groups) == 5 + 9 * 5
    assert groups["read-2"] == tuple(f"read-2-{seed}" for seed in range(1, 6))
    assert groups["blended-0_3-read-2"] == tuple(f"blended-0_3-read-2-{seed}" for seed in range(1, 6))


def test_a_variant_of_an_example_is_another_experiment(project: Path) -> None:
    plain = load(project / "recipes/more.recipe").graph
    smoke = load(project / "recipes/more.recipe", "smoke").graph
    assert smoke.recipe == "more-smoke"
    assert plain.aliases["tuned"] != smoke.aliases["tuned"]
