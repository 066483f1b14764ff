"""`ladle run`'s way: warm workers, side by side, that make the same bytes as any other way."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import tiny
from ladle.dsl.graph import Graph
from ladle.executor.backends.display import Lines, Scored, duration
from ladle.executor.backends.schedule import Job, Schedule
from ladle.executor.execute import Ran, execute
from ladle.executor.layout import layout
from ladle.executor.locks import Holder, hold
from ladle.executor.profile import Profile
from ladle.executor.task import Machine, Progress
from ladle.executor.workspace import Workspace
from rich.console import Console
from test_step import run_all, tree

WORDS = "tiny:vocabulary"
HERE = str(Path(__file__).parent)


@pytest.fixture(autouse=True)
def _programs(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [HERE, *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))


def go(root: Path, graph: Graph, *names: str, workers: int = 2, keep: str = "all") -> tuple[Ran, str]:
    out = io.StringIO()
    steps = layout(graph, tiny.vocabulary())
    targets = tuple(graph.aliases[name] for name in names)
    console = Console(file=out, width=200)
    profile = Profile("", Machine(), keep=keep)
    return execute(steps, Workspace(root), targets, profile, console, workers, WORDS), out.getvalue()


def results(root: Path) -> dict[str, bytes]:
    return {
        top + "/" + name: content
        for top in ("artifacts", "scores", "reports")
        for name, content in tree(root / top).items()
        if name != ".gitignore"
    }


def test_a_run_makes_what_single_steps_make(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for root in (one, two):
        root.mkdir()
    ran, text = go(one, tiny.small(one))
    run_all(two, tiny.small(two))
    assert ran.result.status == 0
    assert results(one) == results(two)
    assert "done   report" in text
    assert text.startswith("9 steps to run, 2 workers; how long is not known")
    assert len([line for line in text.splitlines() if "score" in line]) == 3
    assert "done   1 score of merged in " in text
    again = tiny.small(one, t=0.3)
    assert "3 steps to run, 2 workers: about" in go(one, again)[1]
    assert len(ran.result.made) == 9


def test_any_number_of_workers_makes_the_same_bytes(tmp_path: Path) -> None:
    found = []
    for number in (1, 3):
        root = tmp_path / str(number)
        root.mkdir()
        go(root, tiny.small(root), workers=number)
        found.append(results(root))
    assert found[0] == found[1]


def test_at_a_terminal_there_are_bars(tmp_path: Path) -> None:
    out = io.StringIO()
    steps = layout(tiny.small(tmp_path, mood="bad"), tiny.vocabulary())
    console = Console(file=out, force_terminal=True, width=100)
    ran = execute(steps, Workspace(tmp_path), (), Profile("", Machine()), console, 2, WORDS)
    assert ran.result.status == 1
    assert "all steps" in out.getvalue()
    assert "one: made in" in out.getvalue()
    assert "FAILED two" in out.getvalue()


def test_a_second_run_starts_no_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = tiny.small(tmp_path)
    go(tmp_path, graph)
    monkeypatch.setenv("TINY_LOG", str(tmp_path / "log"))
    ran, text = go(tmp_path, graph)
    assert (ran.plan.work, ran.result.made, text) == ((), (), "")
    assert not (tmp_path / "log").exists()


def test_nested_json_in_place_of_private_files_is_as_if_they_were_not_there(tmp_path: Path) -> None:
    graph = tiny.small(tmp_path)
    go(tmp_path, graph)
    before = results(tmp_path)
    private = [path for path in (tmp_path / ".ladle").rglob("*") if path.is_file()]
    assert {path.name for path in private} & {"digests.json", "run.lock", "lock"}
    for path in private:
        path.write_text("[" * 4000)
    go(tmp_path, graph)
    assert results(tmp_path) == before


def test_only_what_is_asked_for_is_made(tmp_path: Path) -> None:
    go(tmp_path, tiny.small(tmp_path), "one")
    assert Workspace(tmp_path).published() == [f"artifacts/small/{name}" for name in ("base", "one", "one-rows")]


def test_after_a_change_only_what_depends_on_it_runs(tmp_path: Path) -> None:
    go(tmp_path, tiny.small(tmp_path))
    ran, _ = go(tmp_path, tiny.small(tmp_path, t=0.4))
    assert len(ran.result.made) == 3


def test_a_failed_step_stops_only_what_needs_it(tmp_path: Path) -> None:
    ran, text = go(tmp_path, tiny.small(tmp_path, mood="bad"))
    assert ran.result.status == 1
    assert [(f.job.name, f.message) for f in ran.result.failures] == [("two", "the loss is not a number at step 2")]
    assert {job.name for job in ran.result.skipped} == {"merged", "score-two-quiz", "score-merged-quiz", "report"}
    assert "scores/small/one/quiz" in Workspace(tmp_path).published()
    assert "FAILED two" in text


def test_a_fault_of_ours_has_its_own_status_and_a_log(tmp_path: Path) -> None:
    ran, text = go(tmp_path, tiny.small(tmp_path, mood="ill"))
    failure = ran.result.failures[0]
    assert (ran.result.status, failure.fault) == (70, True)
    assert "Traceback" in Path(failure.log).read_text()
    assert "Traceback" not in text


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def pids(log: Path) -> set[int]:
    return {int(line.split()[-1]) for line in log.read_text().splitlines()} if log.exists() else set()


def until(what: object, seconds: float = 20) -> None:
    assert callable(what)
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def test_a_killed_worker_is_noticed_and_its_step_begun_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv("TINY_LOG", str(log))
    monkeypatch.setenv("TINY_PAUSE", "0.05")

    def kill() -> None:
        until(lambda: log.exists() and "train" in log.read_text())
        line = next(line for line in log.read_text().splitlines() if "train" in line)
        os.kill(int(line.split()[-1]), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    ran, text = go(tmp_path, tiny.small(tmp_path, steps=8))
    killer.join()
    assert ran.result.status == 0
    assert "SIGKILL" in text
    whole = tmp_path / "whole"
    whole.mkdir()
    run_all(whole, tiny.small(whole, steps=8))
    assert results(whole) == results(tmp_path)


SCRIPT = """
import sys
from pathlib import Path
import tiny
from ladle.executor.execute import execute
from ladle.executor.layout import layout
from ladle.executor.profile import Profile
from ladle.executor.task import Machine
from ladle.executor.workspace import Workspace
from rich.console import Console

root = Path(sys.argv[1])
steps = layout(tiny.small(root, steps=int(sys.argv[2])), tiny.vocabulary())
ran = execute(steps, Workspace(root), (), Profile("", Machine()), Console(), 2, "tiny:vocabulary")
sys.exit(ran.result.status)
"""


@pytest.fixture
def process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[str]]:
    """A run in a process of its own, in the middle of its trainings."""
    monkeypatch.setenv("TINY_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("TINY_PAUSE", "0.1")
    command = [sys.executable, "-c", SCRIPT, str(tmp_path), "40"]
    # A shell that runs the tests in the background has SIGINT ignored, which a child would inherit.
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=heed
    ) as running:
        until(lambda: list((tmp_path / ".ladle/work").glob("*/scratch/checkpoints/step-*")))
        yield running
        running.kill()


def finish_and_compare(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINY_PAUSE", "0")
    ran, _ = go(root, tiny.small(root, steps=40))
    assert ran.result.status == 0
    whole = root / "whole"
    whole.mkdir()
    run_all(whole, tiny.small(whole, steps=40))
    assert results(whole) == results(root)


def test_a_killed_run_leaves_no_orphan_and_goes_on(
    tmp_path: Path, process: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    process.kill()
    process.wait()
    until(lambda: not any(alive(pid) for pid in pids(tmp_path / "log")))
    assert list((tmp_path / ".ladle/work").glob("*/scratch/checkpoints/step-*"))
    finish_and_compare(tmp_path, monkeypatch)


def test_who_waits_for_a_step_is_told_of_the_run(tmp_path: Path, process: subprocess.Popen[str]) -> None:
    held = [json.loads(path.read_text()) for path in (tmp_path / ".ladle/locks").glob("*.lock") if path.stat().st_size]
    assert {item["pid"] for item in held} == {process.pid}
    assert not [item for item in held if "worker" in item["command"]]


def test_ctrl_c_saves_says_so_and_leaves_no_process(
    tmp_path: Path, process: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "stopping: running steps save their checkpoints" in out
    assert not any(alive(pid) for pid in pids(tmp_path / "log"))
    finish_and_compare(tmp_path, monkeypatch)


def test_a_second_run_waits_and_says_for_whom(tmp_path: Path) -> None:
    workspace, out = Workspace(tmp_path), io.StringIO()
    held = threading.Event()
    seen: list[list[str]] = []

    def refuse(holder: Holder) -> None:
        raise AssertionError(holder)

    def first() -> None:
        with hold(workspace.lock("run"), refuse):
            held.set()
            until(lambda: "waiting" in out.getvalue())
            seen.append(workspace.published())

    other = threading.Thread(target=first)
    other.start()
    held.wait()
    steps = layout(tiny.small(tmp_path), tiny.vocabulary())
    execute(steps, workspace, (), Profile("", Machine()), Console(file=out, width=200), 2, WORDS)
    other.join()
    assert seen == [[]]
    assert f"process {os.getpid()}" in out.getvalue()
    assert "reports/small" in workspace.published()


def test_keep_last_removes_what_was_only_needed_on_the_way(tmp_path: Path) -> None:
    graph = tiny.small(tmp_path)
    go(tmp_path, graph, keep="last")
    left = [place for place in Workspace(tmp_path).published() if place.startswith("artifacts")]
    assert left == [f"artifacts/small/{name}" for name in ("merged", "one", "two")]
    ran, _ = go(tmp_path, graph)
    assert not ran.plan.work


def job(key: str, rank: float, *after: str, model: str = "") -> Job:
    return Job(key, key, "op", "tiny", key, key, frozenset(after), model, rank)


def test_the_longest_way_goes_first_and_scores_stay_with_their_model() -> None:
    listed = [job("short", 1), job("long", 9), job("s1", 3, model="m"), job("s2", 2, model="n"), job("last", 0, "long")]
    schedule = Schedule({item.key: item for item in listed})
    taken = [schedule.take("", frozenset()), schedule.take("", frozenset())]
    assert [item.key for item in taken if item] == ["long", "short"]
    first = schedule.take("n", frozenset())
    assert first
    assert first.key == "s2"
    second = schedule.take("", frozenset("m"))
    assert second
    assert second.key == "s1"
    assert schedule.take("", frozenset()) is None
    assert [item.key for item in schedule.lose(listed[1])] == ["last"]


def test_lines_say_loss_speed_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    lines = Lines(1, said.append)
    one = job("one", 1)
    monkeypatch.setattr("ladle.executor.backends.display.EVERY_SECONDS", 0.0)
    lines.begin(one)
    lines.progress(one, Progress(1, 10, "step"))
    lines.progress(one, Progress(5, 10, "step", (("loss", 2.5), ("tokens_per_s", 1234.0))))
    assert "step 5 of 10, loss 2.500, 1,234 tokens/s" in said[-1]
    assert said[-1].endswith("left")
    lines.progress(one, Progress(512, 0, "rows"))
    assert said[-1].endswith("one: rows 512")
    assert duration(185) == "3 min 5 s"


def test_scores_of_a_model_are_one_line() -> None:
    said: list[str] = []
    lines = Lines(5, said.append, {"m": Scored("merged", 2), "n": Scored("base", 3)})
    for key, model in (("a", "m"), ("b", "m"), ("c", "n")):
        lines.begin(job(key, 1, model=model))
        lines.end(job(key, 1, model=model), 1.5, "made")
    lines.close()
    assert said == ["done   2 scores of merged in 3.0 s (2 of 5)", "done   1 of 3 scores of base in 1.5 s (3 of 5)"]


def git(root: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True).stdout


def test_git_sees_neither_results_nor_work(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    go(tmp_path, tiny.small(tmp_path))
    git(tmp_path, "add", "-A")
    assert {path.split("/")[0] for path in git(tmp_path, "ls-files").split()} == {"corpora", "pipelines"}
