"""A gate reads measured scores and nothing else: what holds, what fails, what nobody measured."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from ladle.executor.cli import run
from ladle.executor.file_digests import FileDigests
from ladle.executor.lineage import LINEAGE, Lineage
from ladle.executor.manifest import manifest
from ladle.executor.opened import open_recipe
from ladle.executor.report.statistics import Pairs, difference
from test_report import made, score

RECIPE = Path("recipes/first.recipe")
GATE = """
gate ship {
  require merged.colours >= base.colours - 1.5pp else "worse than the start"
  require trained[cpt | sft].colours > 60%
}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new recipe with a gate, entered; nothing has run."""
    monkeypatch.chdir(tmp_path)
    assert run(["new", str(RECIPE)]) == 0
    RECIPE.write_text(RECIPE.read_text() + GATE)
    return tmp_path


def measured(name: str, right: list[int], benchmark: str = "colours") -> Path:
    """Put a score where a run would, and return its folder."""
    opened = open_recipe(RECIPE)
    table = opened.layout.graph.tables[0]
    key = next(key for model, _, key in table.scores if model == name)
    node = opened.layout.graph.nodes[key]
    folder = score(opened.workspace.artifact(opened.layout.spots[key].place), benchmark, right)
    files = manifest(folder, FileDigests(Path("digests.json")))
    inputs = tuple((each.role, each.node) for each in node.inputs)
    lineage = Lineage(node.operator, node.version, dict(node.options), dict(node.engines), inputs, node.content, files)
    (folder / LINEAGE).write_bytes(lineage.encode())
    return folder


def judged(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, object]]:
    capsys.readouterr()
    status = run(["gate", str(RECIPE), "--format", "json", *arguments])
    return status, json.loads(capsys.readouterr().out)["gates"][0]


def text(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    capsys.readouterr()
    status = run(["gate", str(RECIPE), *arguments])
    out, err = capsys.readouterr()
    return status, out + err


def test_what_holds_exits_0_and_shows_the_paired_interval(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    measured("base", [1] * 20 + [0] * 20)
    measured("merged", [1] * 30 + [0] * 10)
    measured("trained-cpt-sft", [1] * 36 + [0] * 4)
    status, said = text(capsys)
    assert status == 0
    assert "gate ship: 2 of 2 hold" in said
    assert "merged.colours = 75.00% over 40 items" in said
    apart = difference(Pairs(both=20, first=10, second=0, neither=10))
    value, low, high = (f"{100 * end + 1.5:+.2f}" for end in (apart.value, apart.low, apart.high))
    assert value == "+26.50"
    assert f"left - right = {value}pp, 95 % interval {low} to {high}pp" in said


def test_what_fails_exits_1_and_says_why_it_matters(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    measured("base", [1] * 20 + [0] * 20)
    measured("merged", [1] * 19 + [0] * 21)
    measured("trained-cpt-sft", [1] * 24 + [0] * 16)
    status, said = text(capsys)
    assert status == 1
    assert "FAILS    merged.colours >= base.colours - 1.5pp (worse than the start)" in said
    assert "FAILS    trained[cpt | sft].colours > 60%" in said, "60% is not more than 60%, to the last item"


def test_a_missing_score_is_named_and_nothing_is_made(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    measured("base", [1] * 40)
    before = sorted(project.rglob("*"))
    status, gate = judged(capsys)
    assert status == 1
    assert [each["holds"] for each in gate["requirements"]] == [None, None]  # type: ignore[attr-defined]
    states = [each["state"] for each in gate["requirements"][0]["measured"]]  # type: ignore[index]
    assert states == ["not measured", "measured"]
    assert [path for path in sorted(project.rglob("*")) if ".ladle" not in path.parts] == [
        path for path in before if ".ladle" not in path.parts
    ]
    assert "`ladle run recipes/first.recipe` measures it" in text(capsys)[1]


def test_a_score_of_what_the_recipe_said_before_is_stale(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("base", "merged", "trained-cpt-sft"):
        measured(name, [1] * 40)
    assert judged(capsys)[0] == 0
    RECIPE.write_text(RECIPE.read_text().replace("steps = 10 ", "steps = 11 "))
    status, gate = judged(capsys)
    assert status == 1
    assert gate["requirements"][0]["problem"] == "`merged.colours` is measured before the recipe changed"  # type: ignore[index]
    assert gate["requirements"][1]["holds"] is True  # type: ignore[index]


def test_a_damaged_score_and_one_of_other_items_hold_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    measured("base", [1] * 40, "other")
    measured("merged", [1] * 40)
    (measured("trained-cpt-sft", [1] * 40) / "items.jsonl").write_text("{}")
    status, gate = judged(capsys)
    assert status == 1
    problems = [each["problem"] for each in gate["requirements"]]  # type: ignore[attr-defined]
    assert "was asked other items" in problems[0]
    assert problems[1] == "`trained-cpt-sft.colours` is damaged"


def test_what_no_table_asks_for_says_so(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    RECIPE.write_text(RECIPE.read_text() + "gate more { require (base | sft).colours > 1% }\n")
    status, said = text(capsys, "more")
    assert status == 1
    assert "no `evaluate` of the recipe asks for it" in said
    assert "ship" not in said


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_a_report_shows_what_its_gates_found(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    measured("base", [1] * 40)
    measured("merged", [1] * 36 + [0] * 4)
    opened = open_recipe(RECIPE)
    (node,) = (node for node in opened.layout.graph.nodes.values() if node.operator == "report")
    place = opened.layout.spots[node.fingerprint].place
    shutil.copytree(made(tmp_path / "made"), opened.workspace.artifact(place))
    capsys.readouterr()
    assert run(["report", str(RECIPE), "--format", form]) == 0
    said = capsys.readouterr().out
    if form == "json":
        (gate,) = json.loads(said)["gates"]
        assert (gate["name"], [each["holds"] for each in gate["requirements"]]) == ("ship", [False, None])
        return
    assert "merged.colours = 90.00% over 40 items" in said
    assert "`trained-cpt-sft.colours` is not measured: `ladle run recipes/first.recipe` measures it" in said
    assert ("  FAILS    merged.colours >= base.colours - 1.5pp (worse than the start)" in said) is (form == "text")
    assert ("* **FAILS**: `merged.colours >= base.colours - 1.5pp` (worse" in said) is (form == "markdown")
    assert ("## Gate ship: 0 of 2 hold" in said) is (form == "markdown")


def test_a_gate_changes_no_identity(project: Path) -> None:
    graph = open_recipe(RECIPE).layout.graph
    RECIPE.write_text(RECIPE.read_text().replace(GATE, ""))
    without = open_recipe(RECIPE).layout.graph
    assert (graph.targets, list(graph.nodes)) == (without.targets, list(without.nodes))


@pytest.mark.parametrize(
    ("content", "arguments", "said"),
    [("", [], "declares no gate"), (GATE, ["shop"], "did you mean `ship`?"), (GATE, ["--variant", "x"], "has none")],
)
def test_a_gate_that_is_not_there_is_named(
    project: Path, capsys: pytest.CaptureFixture[str], content: str, arguments: list[str], said: str
) -> None:
    RECIPE.write_text(RECIPE.read_text().replace(GATE, content))
    status, told = text(capsys, *arguments)
    assert status == 1
    assert said in told
