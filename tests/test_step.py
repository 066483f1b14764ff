"""A step makes, links or keeps one artifact, and leaves nothing half done."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import tiny
from ladle.dsl.graph import Graph
from ladle.executor.layout import layout
from ladle.executor.lineage import Damage, inspect
from ladle.executor.locks import Holder, hold
from ladle.executor.nodefile import node_file
from ladle.executor.profile import Profile
from ladle.executor.record import read_record
from ladle.executor.step import How, Outcome, Surroundings, node_root, run_step
from ladle.executor.task import Interrupted, Machine, Progress, StepError
from ladle.executor.workspace import Workspace


def write_nodes(root: Path, graph: Graph) -> list[Path]:
    steps = layout(graph, tiny.vocabulary())
    paths = []
    for node in steps.steps(graph.targets):
        path = root / steps.spots[node.fingerprint].node_file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(node_file(steps, node))
        paths.append(path)
    return paths


def refuse(holder: Holder) -> None:
    raise StepError(f"held by {holder}")


def around(root: Path, machine: Machine | None = None, stopping: object = None) -> Surroundings:
    profile = Profile("", machine or Machine())
    stop = stopping if callable(stopping) else lambda: False
    return Surroundings(Workspace(root), tiny.vocabulary(), profile, lambda progress: None, refuse, stop)


def run_all(root: Path, graph: Graph) -> list[Outcome]:
    return [run_step(path, around(root)) for path in write_nodes(root, graph)]


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_every_step_publishes_what_the_graph_promised(tmp_path: Path) -> None:
    graph = tiny.small(tmp_path)
    outcomes = run_all(tmp_path, graph)
    steps = layout(graph, tiny.vocabulary())
    assert [o.fingerprint for o in outcomes] == [n.fingerprint for n in steps.steps(graph.targets)]
    assert {o.how for o in outcomes} == {How.MADE}
    workspace = Workspace(tmp_path)
    assert {o.place for o in outcomes} == set(workspace.published())
    assert not [o for o in outcomes if isinstance(inspect(tmp_path / o.place, workspace.digests), Damage)]
    assert list((tmp_path / ".ladle" / "work").iterdir()) == []


def test_a_pipe_among_the_data_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    first = write_nodes(tmp_path, tiny.small(tmp_path))[1]
    assert "corpora/a.jsonl" in first.read_text()
    (tmp_path / "corpora/a.jsonl").unlink()
    os.mkfifo(tmp_path / "corpora/a.jsonl")
    with pytest.raises(StepError, match=r"`corpora/a.jsonl` is no file"):
        run_step(first, around(tmp_path))


def test_two_folders_give_the_same_bytes(tmp_path: Path) -> None:
    trees = []
    for name in ("here", "there"):
        root = tmp_path / name
        root.mkdir()
        run_all(root, tiny.small(root))
        trees.append({**tree(root / "artifacts"), **tree(root / "scores"), **tree(root / "reports")})
    assert trees[0] == trees[1]
    assert str(tmp_path).encode() not in b"".join(trees[0].values())


def test_a_second_run_keeps_what_is_there(tmp_path: Path) -> None:
    graph = tiny.small(tmp_path)
    run_all(tmp_path, graph)
    before = {p: p.stat().st_ino for p in (tmp_path / "artifacts").rglob("*")}
    assert {o.how for o in run_all(tmp_path, graph)} == {How.KEPT}
    assert {p: p.stat().st_ino for p in (tmp_path / "artifacts").rglob("*")} == before


def test_an_equal_artifact_of_another_recipe_is_linked(tmp_path: Path) -> None:
    run_all(tmp_path, tiny.small(tmp_path))
    outcomes = run_all(tmp_path, tiny.small(tmp_path, recipe="other"))
    assert {o.how for o in outcomes} == {How.LINKED}
    one, two = tmp_path / "artifacts/small/base/value.txt", tmp_path / "artifacts/other/base/value.txt"
    assert one.samefile(two)


def test_a_changed_corpus_is_noticed_from_its_bytes_alone(tmp_path: Path) -> None:
    graph = tiny.small(tmp_path)
    paths = write_nodes(tmp_path, graph)
    first = {o.place: o.fingerprint for o in (run_step(path, around(tmp_path)) for path in paths)}
    (tmp_path / "corpora/a.jsonl").write_text('{"text": "new"}\n')
    second = {o.place: (o.fingerprint, o.how) for o in (run_step(path, around(tmp_path)) for path in paths)}
    assert second["artifacts/small/base"] == (first["artifacts/small/base"], How.KEPT)
    changed = {place for place, (key, how) in second.items() if how is How.MADE and key != first[place]}
    assert changed == set(first) - {"artifacts/small/base"}


@pytest.mark.parametrize(("before", "words"), [("value.txt", "was changed after"), ("stray.bin", "does not belong")])
def test_a_tampered_input_is_refused(tmp_path: Path, before: str, words: str) -> None:
    paths = write_nodes(tmp_path, tiny.small(tmp_path))
    run_step(paths[0], around(tmp_path))
    run_step(paths[1], around(tmp_path))
    (tmp_path / "artifacts/small/base" / before).write_text("forged\n")
    with pytest.raises(StepError, match=words):
        run_step(paths[2], around(tmp_path))


def test_a_missing_input_says_what_to_make(tmp_path: Path) -> None:
    paths = write_nodes(tmp_path, tiny.small(tmp_path))
    with pytest.raises(StepError, match="artifacts/small/base") as caught:
        run_step(paths[-1].with_name("one.json"), around(tmp_path))
    assert "ladle run" in caught.value.help


def test_another_engine_version_is_refused_naming_both(tmp_path: Path) -> None:
    path = next(p for p in write_nodes(tmp_path, tiny.small(tmp_path)) if p.stem == "one")
    text = path.read_text().replace(f'"rich": "{tiny.ENGINES["rich"]}"', '"rich": "99.1"')
    path.write_text(text)
    with pytest.raises(StepError, match=rf"99\.1.*{tiny.ENGINES['rich']}"):
        run_step(path, around(tmp_path))


def test_a_failing_program_leaves_the_earlier_artifact_whole(tmp_path: Path) -> None:
    run_all(tmp_path, tiny.small(tmp_path))
    before = tree(tmp_path / "artifacts/small/two")
    worse = write_nodes(tmp_path, tiny.small(tmp_path, mood="bad"))
    with pytest.raises(StepError, match="not a number"):
        run_step(worse[0].with_name("two.json"), around(tmp_path))
    assert tree(tmp_path / "artifacts/small/two") == before


def test_a_stopped_training_goes_on_where_it_was(tmp_path: Path) -> None:
    paths = write_nodes(tmp_path, tiny.small(tmp_path, steps=6))
    training = paths[0].with_name("one.json")
    run_step(paths[0], around(tmp_path))
    run_step(paths[1], around(tmp_path))
    seen: list[int] = []
    with pytest.raises(Interrupted):
        run_step(training, around(tmp_path, stopping=lambda: True))
    again = Surroundings(
        Workspace(tmp_path), tiny.vocabulary(), Profile("", Machine()), lambda p: seen.append(p.done), refuse
    )
    run_step(training, again)
    assert seen == [2, 3, 4, 5, 6]
    stopped = tree(tmp_path / "artifacts/small/one")
    other = tmp_path / "other"
    other.mkdir()
    run_all(other, tiny.small(other, steps=6))
    assert tree(other / "artifacts/small/one") == stopped


def test_a_held_work_folder_says_who_holds_it(tmp_path: Path) -> None:
    graph = tiny.small(tmp_path)
    path = write_nodes(tmp_path, graph)[0]
    workspace = Workspace(tmp_path)
    key = layout(graph, tiny.vocabulary()).steps(graph.targets)[0].fingerprint
    with hold(workspace.lock(key), refuse), pytest.raises(StepError, match=f"process {os.getpid()}"):
        run_step(path, around(tmp_path))
    assert run_step(path, around(tmp_path)).how is How.MADE


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_said_in_words(tmp_path: Path) -> None:
    paths = write_nodes(tmp_path, tiny.small(tmp_path))
    (tmp_path / "artifacts").mkdir(mode=0o500)
    with pytest.raises(StepError, match="no permission"):
        run_step(paths[0], around(tmp_path))


def test_the_record_knows_what_identity_must_not(tmp_path: Path) -> None:
    outcome = run_all(tmp_path, tiny.small(tmp_path))[1]
    record = read_record(Workspace(tmp_path).record(outcome.fingerprint))
    assert record is not None
    assert (record.place, set(record.data)) == (outcome.place, {"corpora/a.jsonl", "corpora/b.jsonl"})
    lineage = json.loads((tmp_path / outcome.place / "lineage.json").read_bytes())
    assert set(lineage) == {
        "schema", "fingerprint", "operator", "version", "options", "engines", "inputs", "content", "files"
    }  # fmt: skip


def test_a_merge_within_a_merge_is_not_read_back(tmp_path: Path) -> None:
    tiny.write_data(tmp_path)
    b = tiny.Builder(tmp_path)
    one, two = b.add("start", "one"), b.add("start", "two", {"seed": 2})
    inner = b.add("blend", "inner", _0=one, _1=two)
    outer = b.add("blend", "outer", {"t": 0.1}, _0=inner, _1=one)
    outcomes = run_all(tmp_path, b.graph(outer))
    assert [o.place for o in outcomes] == [f"artifacts/small/{name}" for name in ("one", "two", "outer")]
    assert outcomes[-1].fingerprint == outer


def test_a_path_that_is_no_node_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="not a node file"):
        node_root(tmp_path / "x.json")
    assert node_root(tmp_path / "pipelines/r/nodes/x.json") == tmp_path


def test_progress_reaches_the_caller(tmp_path: Path) -> None:
    paths = write_nodes(tmp_path, tiny.small(tmp_path))
    seen: list[Progress] = []
    place = Surroundings(Workspace(tmp_path), tiny.vocabulary(), Profile("", Machine()), seen.append, refuse)
    for path in paths[:3]:
        run_step(path, place)
    assert seen[-1] == Progress(4, 4, "step", (("loss", 0.25),))
