"""A plan says what happens to each node and why, and looks at nothing but the disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import tiny
from ladle.dsl.graph import Graph
from ladle.executor.layout import layout
from ladle.executor.plan import Action, Plan, Planned, plan, why
from ladle.executor.task import StepError
from ladle.executor.workspace import Workspace
from test_step import run_all


def planned(root: Path, graph: Graph, *names: str) -> Plan:
    steps = layout(graph, tiny.vocabulary())
    return plan(steps, Workspace(root), tuple(graph.aliases[name] for name in names))


def actions(found: Plan) -> dict[str, str]:
    return {item.node.name: f"{item.action}: {item.reason}" for item in found.nodes}


def test_nothing_made_means_everything_runs(tmp_path: Path) -> None:
    found = planned(tmp_path, tiny.small(tmp_path))
    assert {item.node.name for item in found.work} == {
        "base", "one-rows", "one", "two", "merged", "one/quiz", "two/quiz", "merged/quiz", "report"
    }  # fmt: skip
    assert {item.reason for item in found.work} == {"never made"}
    assert actions(found)["a"] == "reuse: data: `corpora/a.jsonl`, `corpora/b.jsonl`"


def test_everything_made_means_nothing_runs(tmp_path: Path) -> None:
    graph = tiny.small(tmp_path)
    run_all(tmp_path, graph)
    assert {item.action for item in planned(tmp_path, graph).nodes} == {Action.REUSE}


def test_only_what_depends_on_a_change_runs_and_says_why(tmp_path: Path) -> None:
    run_all(tmp_path, tiny.small(tmp_path))
    found = actions(planned(tmp_path, tiny.small(tmp_path, t=0.4)))
    assert {name for name, text in found.items() if text.startswith("run")} == {"merged", "merged/quiz", "report"}
    assert found["merged"] == "run: option `t` changed: 0.5 -> 0.4"
    assert found["merged/quiz"] == "run: input `model` (merged) will be made again"
    assert found["report"] == "run: 1 score is new"


def test_an_input_of_the_same_name_from_another_place_is_no_change_of_name(tmp_path: Path) -> None:
    run_all(tmp_path, tiny.small(tmp_path, recipe="other"))
    (tmp_path / "artifacts/other").rename(tmp_path / "artifacts/small")
    (tmp_path / "corpora/b.jsonl").write_text('{"text": "new"}\n')
    assert actions(planned(tmp_path, tiny.small(tmp_path)))["one"] == "run: input `rows` (one-rows) will be made again"


def test_why_says_what_the_plan_says(tmp_path: Path) -> None:
    graph = tiny.small(tmp_path)
    run_all(tmp_path, graph)
    shutil.rmtree(tmp_path / "artifacts/small/one")
    (found,) = why(layout(graph, tiny.vocabulary()), Workspace(tmp_path), "one")
    assert actions(planned(tmp_path, graph))["one"] == f"{found.planned.action}: {found.planned.reason}"
    assert found.planned.reason.startswith("not needed")


def test_a_changed_file_is_named(tmp_path: Path) -> None:
    run_all(tmp_path, tiny.small(tmp_path))
    (tmp_path / "corpora/b.jsonl").write_text('{"text": "new"}\n')
    found = actions(planned(tmp_path, tiny.small(tmp_path)))
    assert found["one-rows"] == "run: `corpora/b.jsonl` changed"
    assert found["one"] == "run: input `rows` (one-rows) will be made again"
    assert found["base"].startswith("reuse")


def test_an_engine_change_names_both_versions(tmp_path: Path) -> None:
    run_all(tmp_path, tiny.small(tmp_path))
    current = tiny.ENGINES["rich"]
    tiny.ENGINES["rich"] = "99.1"
    try:
        found = actions(planned(tmp_path, tiny.small(tmp_path)))
    finally:
        tiny.ENGINES["rich"] = current
    assert found["one"] == f"run: engine rich {current} -> 99.1"


def test_lost_and_damaged_artifacts_are_made_again(tmp_path: Path) -> None:
    graph = tiny.small(tmp_path)
    run_all(tmp_path, graph)
    shutil.rmtree(tmp_path / "artifacts/small/merged")
    (tmp_path / "reports/small/metrics.json").write_text("{}")
    found = actions(planned(tmp_path, graph))
    assert found["report"] == "run: the artifact is damaged: `metrics.json` was changed after it was made"
    assert found["merged"] == "reuse: not needed: what is made from it is there"
    assert actions(planned(tmp_path, graph, "merged"))["merged"] == "run: its files are gone"


def test_a_lost_artifact_is_compared_with_its_last_run(tmp_path: Path) -> None:
    run_all(tmp_path, tiny.small(tmp_path))
    shutil.rmtree(tmp_path / "artifacts/small/merged")
    found = actions(planned(tmp_path, tiny.small(tmp_path, t=0.25)))
    assert found["merged"] == "run: option `t` changed: 0.5 -> 0.25"


def test_an_equal_artifact_elsewhere_is_reused(tmp_path: Path) -> None:
    run_all(tmp_path, tiny.small(tmp_path))
    found = planned(tmp_path, tiny.small(tmp_path, recipe="other"))
    assert not found.work
    assert {item.source for item in found.links} == set(Workspace(tmp_path).published())


def test_a_checkpoint_means_resuming(tmp_path: Path) -> None:
    graph = tiny.small(tmp_path)
    work = Workspace(tmp_path).work(graph.aliases["one"])
    (work / "scratch/checkpoints/step-0002").mkdir(parents=True)
    assert actions(planned(tmp_path, graph))["one"] == "resume: resumes at step 2"
    (work / "total").write_text("4")
    assert actions(planned(tmp_path, graph))["one"] == "resume: resumes at step 2 of 4"


def test_a_merge_within_a_merge_shares_its_fate(tmp_path: Path) -> None:
    tiny.write_data(tmp_path)
    b = tiny.Builder(tmp_path)
    one, two = b.add("start", "one"), b.add("start", "two", {"seed": 2})
    inner = b.add("blend", "inner", _0=one, _1=two)
    graph = b.graph(b.add("blend", "outer", {"t": 0.1}, _0=inner, _1=one))
    found = planned(tmp_path, graph)
    assert actions(found)["inner"] == "run: computed within `outer`"
    assert [item.place for item in found.work] == [
        "artifacts/small/one",
        "artifacts/small/two",
        "artifacts/small/outer",
    ]
    run_all(tmp_path, graph)
    assert actions(planned(tmp_path, graph))["inner"] == "reuse: computed within `outer`"


def test_why_names_the_cause_behind_the_cause(tmp_path: Path) -> None:
    run_all(tmp_path, tiny.small(tmp_path))
    (tmp_path / "corpora/a.jsonl").write_text('{"text": "new"}\n')
    (found,) = why(layout(tiny.small(tmp_path), tiny.vocabulary()), Workspace(tmp_path), "score-merged-quiz")
    assert found.planned.reason == "input `model` (merged) will be made again"

    def reason(item: Planned) -> tuple[str, str]:
        return item.node.name, item.reason

    assert reason(found.causes[-1]) == ("one-rows", "`corpora/a.jsonl` changed")


def test_an_unknown_name_is_answered_with_the_nearest(tmp_path: Path) -> None:
    steps = layout(tiny.small(tmp_path), tiny.vocabulary())
    with pytest.raises(StepError, match="mergd") as caught:
        why(steps, Workspace(tmp_path), "mergd")
    assert "`merged`" in caught.value.help


def test_planning_changes_nothing(tmp_path: Path) -> None:
    graph = tiny.small(tmp_path)
    run_all(tmp_path, graph)
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if ".ladle" not in p.parts}
    planned(tmp_path, tiny.small(tmp_path, t=0.1))
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if ".ladle" not in p.parts} == before


def test_a_lineage_that_is_nested_too_deep_is_no_artifact(tmp_path: Path) -> None:
    graph = tiny.small(tmp_path)
    (tmp_path / "artifacts/small/other").mkdir(parents=True)
    (tmp_path / "artifacts/small/other/lineage.json").write_text("[" * 100_000)
    assert actions(planned(tmp_path, graph))["base"] == "run: never made"
