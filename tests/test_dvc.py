"""The DVC pipeline, tried with the real DVC: the same artifacts, and each side sees what the other did."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny
from ladle.dsl.graph import Graph
from ladle.executor.backends.drift import State, check_drift
from ladle.executor.backends.dvc import compile_pipeline
from ladle.executor.execute import Ran, execute
from ladle.executor.fetchable import fetchable
from ladle.executor.layout import layout
from ladle.executor.pipeline import write_pipeline
from ladle.executor.plan import Action, plan
from ladle.executor.profile import Profile
from ladle.executor.rename import rename
from ladle.executor.task import Machine, StepError
from ladle.executor.workspace import Workspace
from rich.console import Console
from test_local import alive, pids, results, until
from test_step import run_all

HERE = Path(__file__).parent
LADLE = f"""#!{sys.executable}
import sys
from pathlib import Path
import tiny
from ladle.executor.profile import Profile
from ladle.executor.signals import StopFlag, die_with_parent
from ladle.executor.step import Surroundings, node_root, run_step
from ladle.executor.task import Machine
from ladle.executor.workspace import Workspace

die_with_parent()
stop = StopFlag()
stop.install()
path = Path(sys.argv[2])
place = Workspace(node_root(path))
run_step(path, Surroundings(place, tiny.vocabulary(), Profile("", Machine()), lambda at: None, sys.exit, stop))
"""

Project = Callable[..., str]


@pytest.fixture
def dvc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Make the folder a git and DVC project with a `ladle` on the PATH; return a function that runs dvc."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "ladle").write_text(LADLE)
    (folder / "ladle").chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(folder), os.environ["PATH"]]))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")])))
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    root = tmp_path / "project"
    root.mkdir()
    git(root, "init", "-q")
    shutil.copytree(HERE.parent / ".dvc", root / ".dvc", ignore=shutil.ignore_patterns("cache", "tmp"))
    shutil.copy(HERE.parent / ".dvcignore", root)
    (root / ".gitignore").write_text("/.ladle/\n/artifacts/\n/scores/\n/reports/\n")

    def call(*arguments: str) -> str:
        command = [sys.executable, "-m", "dvc", *arguments]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


def git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    return subprocess.run(["git", *identity, *arguments], cwd=root, capture_output=True, text=True, check=True).stdout


def go(root: Path, graph: Graph, *names: str) -> Ran:
    steps = layout(graph, tiny.vocabulary())
    targets = tuple(graph.aliases[name] for name in names)
    return execute(
        steps, Workspace(root), targets, Profile("", Machine()), Console(file=io.StringIO()), 2, "tiny:vocabulary"
    )


def write(root: Path, graph: Graph) -> tuple[str, ...]:
    return write_pipeline(layout(graph, tiny.vocabulary()), Workspace(root))


def running(root: Path, graph: Graph) -> set[str]:
    found = plan(layout(graph, tiny.vocabulary()), Workspace(root))
    return {item.node.name for item in found.nodes if item.action is not Action.REUSE}


CLEAN = "Data and pipelines are up to date.\n"


@pytest.mark.parametrize("recipe", ["quickstart", pytest.param("small", marks=pytest.mark.slow)])
def test_repro_and_run_make_the_same_and_see_each_other(tmp_path: Path, dvc: Project, recipe: str) -> None:
    root = tmp_path / "project"
    graph = tiny.small(root, recipe)
    written = write(root, graph)
    pipeline = written[0]
    dvc("repro", "-q", pipeline)
    assert not running(root, graph)
    ran = go(root, graph)
    assert (ran.result.made, ran.note) == ((), "")
    assert dvc("status") == CLEAN
    changed = tiny.small(root, recipe, t=0.4)
    assert len(go(root, changed).result.made) == 3
    assert dvc("status") == CLEAN
    assert "didn't change" in dvc("repro", pipeline)
    other = tmp_path / "other"
    other.mkdir()
    run_all(other, tiny.small(other, recipe, t=0.4))
    assert results(root) == results(other)


def test_a_run_first_leaves_dvc_nothing_to_do(tmp_path: Path, dvc: Project) -> None:
    root = tmp_path / "project"
    assert go(root, tiny.small(root)).note == ""
    assert dvc("status") == CLEAN


def test_dvc_compares_metrics_plots_and_options_between_commits(tmp_path: Path, dvc: Project) -> None:
    root = tmp_path / "project"
    go(root, tiny.small(root))
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    go(root, tiny.small(root, t=0.4, steps=6))
    metrics = json.loads(dvc("metrics", "diff", "--json"))
    assert set(metrics) == {"reports/small/metrics.json"}
    assert set(metrics["reports/small/metrics.json"]["overall"]) == {"old", "new", "diff"}
    options = json.loads(dvc("params", "diff", "--json"))
    assert options["pipelines/small/nodes/merged.json"] == {
        "node.options.t": {"old": 0.5, "new": 0.4, "diff": -0.09999999999999998}
    }
    plots = json.loads(dvc("plots", "diff", "--json", "HEAD"))["data"]
    assert {name.rpartition("::")[2] for name in plots} >= {"artifacts/small/one/losses.csv"}


def test_an_option_that_is_gone_is_a_change_to_dvc(tmp_path: Path, dvc: Project) -> None:
    root = tmp_path / "project"
    go(root, tiny.small(root))
    node = root / "pipelines/small/nodes/merged.json"
    raw = json.loads(node.read_bytes())
    del raw["node"]["options"]["t"]
    node.write_text(json.dumps(raw))
    assert "pipelines/small/nodes/merged.json" in dvc("status")


@pytest.mark.slow
def test_a_branch_switch_and_checkout_leave_the_plan_right(tmp_path: Path, dvc: Project) -> None:
    root = tmp_path / "project"
    one, two = tiny.small(root), tiny.small(root, t=0.4)
    go(root, one)
    git(root, "add", "-A")
    git(root, "commit", "-qm", "one")
    git(root, "checkout", "-qb", "other")
    go(root, two)
    git(root, "commit", "-qam", "two")
    git(root, "checkout", "-q", "-")
    assert running(root, one) == {"merged", "merged/quiz", "report"}
    dvc("checkout", "-q")
    assert running(root, one) == set()
    assert running(root, two) == {"merged", "merged/quiz", "report"}


@pytest.mark.slow
def test_what_is_pulled_elsewhere_is_reused(tmp_path: Path, dvc: Project) -> None:
    root = tmp_path / "project"
    graph = tiny.small(root)
    go(root, graph)
    dvc("remote", "add", "-d", "store", str(tmp_path / "store"))
    dvc("push", "-q")
    for name in ("artifacts", "scores", "reports", ".ladle", ".dvc/cache", ".dvc/tmp"):
        shutil.rmtree(root / name)
    dvc("pull", "-q")
    assert not running(root, graph)
    assert go(root, graph).result.made == ()
    assert dvc("status") == CLEAN


@pytest.mark.slow
def test_cached_files_are_never_written_through(tmp_path: Path, dvc: Project) -> None:
    """An artifact is a hard link into DVC's cache: making another in its place must leave the cache whole."""
    root = tmp_path / "project"
    go(root, tiny.small(root))
    git(root, "add", "-A")
    git(root, "commit", "-qm", "one")
    before = results(root)
    go(root, tiny.small(root, recipe="second"))
    go(root, tiny.small(root, t=0.4))
    write(root, tiny.small(root))
    git(root, "checkout", "-q", ".")
    dvc("checkout", "-q")
    kept = {name: content for name, content in results(root).items() if name in before}
    assert kept == before


def test_a_renamed_model_runs_nothing_and_leaves_no_trace_in_the_lock(tmp_path: Path, dvc: Project) -> None:
    root = tmp_path / "project"

    def chain(name: str) -> Graph:
        b = tiny.Builder(root)
        return b.graph(b.add("train", "end", model=b.add("start", name)))

    go(root, chain("first"))
    rename(layout(chain("first"), tiny.vocabulary()), layout(chain("begin"), tiny.vocabulary()), Workspace(root))
    assert dvc("status") == CLEAN
    assert "first" not in (root / "pipelines/small/dvc.lock").read_text()
    assert "didn't change" in dvc("repro", "pipelines/small/dvc.yaml")


@pytest.mark.slow
def test_a_killed_dvc_leaves_no_orphan_and_its_next_run_the_same_bytes(
    tmp_path: Path, dvc: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, log = tmp_path / "project", tmp_path / "log"
    graph = tiny.small(root, steps=40)
    write(root, graph)
    monkeypatch.setenv("TINY_LOG", str(log))
    monkeypatch.setenv("TINY_PAUSE", "0.1")
    with subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", "-q", "pipelines/small/dvc.yaml"], cwd=root
    ) as running:
        until(lambda: list((root / ".ladle/work").glob("*/scratch/checkpoints/step-*")), 60)
        running.kill()
    until(lambda: not any(alive(pid) for pid in pids(log)))
    monkeypatch.setenv("TINY_PAUSE", "0")
    dvc("repro", "-q", "pipelines/small/dvc.yaml")
    whole = tmp_path / "whole"
    whole.mkdir()
    run_all(whole, tiny.small(whole, steps=40))
    assert results(root) == results(whole)


def test_without_dvc_nothing_of_it_is_written(tmp_path: Path) -> None:
    go(tmp_path, tiny.small(tmp_path))
    assert not list(tmp_path.glob("**/dvc.*"))


def test_a_file_dvc_would_take_apart_is_refused(tmp_path: Path) -> None:
    (tmp_path / "corpora").mkdir()
    (tmp_path / "corpora/${x}.jsonl").write_text("x\n")
    b = tiny.Builder(tmp_path)
    rows = b.add("rows", "r", corpus=b.data("notes", "corpora/${x}.jsonl"))
    with pytest.raises(StepError, match="variable"):
        compile_pipeline(layout(b.graph(rows), tiny.vocabulary()))


def test_names_that_yaml_would_read_as_something_else_are_quoted(tmp_path: Path, dvc: Project) -> None:
    root = tmp_path / "project"
    (root / "corpora").mkdir()
    for name in ("no: yes.jsonl", "1e3", "it's #1.jsonl", "ü.jsonl"):
        (root / "corpora" / name).write_text("x\n")
    b = tiny.Builder(root)
    files = sorted(f"corpora/{path.name}" for path in (root / "corpora").iterdir())
    rows = b.data("notes", *files)
    names = ("null", "yes", "n", "1e3", "0x1", "report")
    b.scores.append(("m", "b", b.add("start", "m")))
    steps = [b.add("train", name, {"seed": number}, model=rows) for number, name in enumerate(names)]
    graph = b.graph(b.add("report", "report", {}, **{f"s{number}": key for number, key in enumerate(steps)}))
    ran = go(root, graph)
    assert (len(ran.result.made), ran.note) == (7, "")
    assert dvc("status") == CLEAN


def test_compiling_is_repeatable_and_touches_only_what_differs(tmp_path: Path) -> None:
    graph = tiny.small(tmp_path)
    assert len(write(tmp_path, graph)) == 10
    assert write(tmp_path, graph) == ()
    assert write(tmp_path, tiny.small(tmp_path, t=0.4)) == ("pipelines/small/nodes/merged.json",)


def test_drift_of_files_is_found(tmp_path: Path) -> None:
    steps = layout(tiny.small(tmp_path), tiny.vocabulary())
    workspace = Workspace(tmp_path)
    write(tmp_path, tiny.small(tmp_path))
    assert check_drift(steps, workspace).current
    nodes = tmp_path / "pipelines/small/nodes"
    (nodes / "base.json").unlink()
    (nodes / "old.json").write_text("{}")
    (tmp_path / "pipelines/small/dvc.yaml").write_text("stages: {}\n")
    found = check_drift(steps, workspace)
    assert found.missing == ("pipelines/small/nodes/base.json",)
    assert found.left_over == ("pipelines/small/nodes/old.json",)
    assert found.changed == ("pipelines/small/dvc.yaml",)
    assert set(found.stages.values()) == {State.NEVER}


def test_stages_are_fresh_stale_or_orphans(tmp_path: Path, dvc: Project) -> None:
    root = tmp_path / "project"
    graph = tiny.small(root)
    go(root, graph)
    workspace = Workspace(root)
    steps = layout(graph, tiny.vocabulary())
    assert set(check_drift(steps, workspace).stages.values()) == {State.FRESH}
    (root / "corpora/a.jsonl").write_text('{"text": "new"}\n')
    later = layout(tiny.small(root, t=0.4), tiny.vocabulary())
    found = check_drift(later, workspace).stages
    assert {name for name, state in found.items() if state is State.STALE} == {"one-rows", "merged"}
    only = layout(Graph("small", graph.nodes, graph.aliases, (graph.aliases["base"],), ()), tiny.vocabulary())
    assert check_drift(only, workspace).stages["one"] is State.ORPHAN


def test_a_project_may_become_one_of_dvc_later(tmp_path: Path, dvc: Project) -> None:
    root, graph = tmp_path / "project", tiny.small(tmp_path / "project")
    (root / ".gitignore").unlink()
    (root / ".dvc").rename(tmp_path / "later")
    go(root, graph)
    (tmp_path / "later").rename(root / ".dvc")
    write(root, graph)
    dvc("repro", "-q", "pipelines/small/dvc.yaml")
    assert dvc("status") == CLEAN
    (root / "corpora/more.txt").write_text("x")
    dvc("add", "corpora/more.txt")
    git(root, "add", "-A")
    tracked = git(root, "ls-files").split()
    assert "corpora/more.txt.dvc" in tracked
    assert not [path for path in tracked if path.startswith((".ladle", "artifacts", "scores", "reports"))]
    assert go(root, graph).result.made == ()


def test_what_dvc_can_fetch_is_said_before_it_is_made_again(tmp_path: Path, dvc: Project) -> None:
    root = tmp_path / "project"
    graph = tiny.small(root)
    workspace = Workspace(root)

    def note(now: Graph) -> str:
        return fetchable(plan(layout(now, tiny.vocabulary()), workspace), workspace)

    assert note(graph) == ""
    go(root, graph)
    assert note(graph) == ""
    steps = len(layout(graph, tiny.vocabulary()).steps(graph.targets))
    for top in ("artifacts", "scores", "reports"):
        shutil.rmtree(root / top)
    assert f"the results of {steps} of the {steps} steps" in note(graph)
    # What is made from something that changed is not what dvc.lock knows, however current its own stage looks.
    assert f"the results of {steps - 3} of the {steps} steps" in note(tiny.small(root, t=0.4))
    dvc("checkout", "-q", "pipelines/small/dvc.yaml")
    assert note(graph) == ""
    assert not running(root, graph)


def test_either_way_leaves_the_lock_file_that_the_other_wrote_as_it_is(
    tmp_path: Path, dvc: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where DVC itself would write its entries in another order: with three pipelines it does so by chance."""
    root = tmp_path / "project"
    graph = tiny.small(root)
    for recipe in ("a", "b"):
        write(root, tiny.small(root, recipe))
    lock = root / "pipelines/small/dvc.lock"
    monkeypatch.setenv("PYTHONHASHSEED", "1")
    go(root, graph)
    by_run = lock.read_bytes()
    dvc("repro", "-q", "pipelines/small/dvc.yaml")
    assert lock.read_bytes() == by_run
    lock.unlink()
    dvc("repro", "-q", "pipelines/small/dvc.yaml")
    by_repro = lock.read_bytes()
    go(root, graph)
    assert lock.read_bytes() == by_repro


def tracked(root: Path) -> set[str]:
    """The top folders of what git would add."""
    return {line[3:].split("/")[0] for line in git(root, "status", "--porcelain", "-uall").splitlines()}


def test_what_dvc_brings_back_stays_hidden_from_git(tmp_path: Path, dvc: Project) -> None:
    root, graph = tmp_path / "project", tiny.small(tmp_path / "project")
    (root / ".gitignore").write_text("/.ladle/\n")
    go(root, graph)
    hides = (root / "artifacts/small/.gitignore").read_bytes()
    git(root, "add", "-A")
    git(root, "commit", "-qm", "all")
    assert not tracked(root)
    for name in ("artifacts", "scores", "reports"):
        shutil.rmtree(root / name)
    dvc("checkout", "-q", "pipelines/small/dvc.yaml")
    assert tracked(root) == {"artifacts", "scores", "reports"}
    go(root, graph)
    assert sorted((root / "artifacts/small/.gitignore").read_bytes().split()) == sorted(hides.split())
    git(root, "add", "-A")
    assert not [name for name in git(root, "ls-files").split() if name.endswith("value.txt")]
    go(root, graph)
    assert len(set((root / "artifacts/small/.gitignore").read_bytes().split())) == len(hides.split())


def test_compiling_hides_what_lies_there_from_git(tmp_path: Path, dvc: Project) -> None:
    root, graph = tmp_path / "project", tiny.small(tmp_path / "project")
    (root / ".gitignore").write_text("/.ladle/\n")
    go(root, graph)
    for mark in root.glob("*/small/**/.gitignore"):
        mark.unlink()
    for mark in root.glob("reports/.gitignore"):
        mark.unlink()
    assert tracked(root) >= {"artifacts", "scores", "reports"}
    write(root, graph)
    assert not tracked(root) & {"artifacts/small/one"}
    git(root, "add", "-A")
    assert not [name for name in git(root, "ls-files").split() if name.endswith("value.txt")]


def test_a_renaming_leaves_no_empty_folder_behind(tmp_path: Path, dvc: Project) -> None:
    root = tmp_path / "project"
    (root / ".gitignore").write_text("/.ladle/\n")

    def scored(name: str) -> Graph:
        b = tiny.Builder(root)
        model = b.add("start", name)
        return b.graph(model, b.grade(model, "quiz", b.data("notes", "corpora/bench.jsonl")))

    tiny.write_data(root)
    before, after = scored("first"), scored("second")
    go(root, before)
    assert (root / "scores/small/first/.gitignore").exists()
    rename(layout(before, tiny.vocabulary()), layout(after, tiny.vocabulary()), Workspace(root))
    assert not (root / "scores/small/first").exists()
    assert (root / "artifacts/small/.gitignore").read_text() == "/second\n"
    assert dvc("status") == CLEAN
