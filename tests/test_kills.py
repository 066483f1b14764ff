"""Killed at any moment: nothing finished is lost, nothing half done is seen, and the next run ends with the same bytes.

The kills are enumerated: strace ends the process at every rename, unlink, fsync and lock of a tiny step and a tiny run.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import tiny
from ladle.dsl.graph import Graph
from ladle.executor.cli import run
from ladle.executor.layout import layout
from ladle.executor.lineage import Lineage, inspect
from ladle.executor.plan import Action, plan
from ladle.executor.workspace import Workspace
from test_local import alive, pids, results, until
from test_step import run_all, write_nodes

HERE = Path(__file__).parent
MOMENTS = ("rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "fsync", "flock", "link", "linkat")

STEP = """
import sys
import time
from pathlib import Path
import tiny
from ladle.executor.profile import Profile
from ladle.executor.step import Surroundings, run_step
from ladle.executor.task import Machine
from ladle.executor.workspace import Workspace
place, path = Workspace(Path(sys.argv[1])), Path(sys.argv[2])
run_step(path, Surroundings(place, tiny.vocabulary(), Profile("", Machine()), lambda at: None, sys.exit))
"""
RUN = """
import sys
import time
from pathlib import Path
import test_kills
from ladle.executor.execute import execute
from ladle.executor.layout import layout
from ladle.executor.profile import Profile
from ladle.executor.task import Machine
from ladle.executor.workspace import Workspace
from rich.console import Console
import tiny
root = Path(sys.argv[1])
steps = layout(test_kills.chain(root, float(sys.argv[2])), tiny.vocabulary())
sys.exit(execute(steps, Workspace(root), (), Profile("", Machine()), Console(), 2, "tiny:vocabulary").result.status)
"""


def chain(root: Path, t: float, steps: int = 2, mood: str = "good") -> Graph:
    """A start, a training and a merge of both."""
    tiny.write_data(root)
    b = tiny.Builder(root)
    base = b.add("start", "base")
    one = b.add("train", "one", {"steps": steps, "mood": mood}, model=base)
    return b.graph(b.add("blend", "merged", {"t": t}, _0=base, _1=one))


@pytest.fixture(autouse=True)
def _programs(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # its renames are none of ours


def expected(tmp_path: Path, graph: Graph) -> dict[str, bytes]:
    whole = tmp_path / "whole"
    whole.mkdir()
    tiny.write_data(whole)
    run_all(whole, graph)
    return results(whole)


def whole_or_absent(root: Path) -> None:
    """Every place holds an artifact, byte for byte, or nothing at all."""
    workspace = Workspace(root)
    folders = [path for top in ("artifacts/small", "scores/small/one") for path in (root / top).glob("*")]
    broken = [path for path in folders if not isinstance(inspect(path, workspace.digests), Lineage)]
    assert not broken


needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


def traced(code: str, *arguments: str, inject: str = "", log: Path) -> subprocess.CompletedProcess[bytes]:
    kill = [f"--inject={inject}"] if inject else []
    calls = ",".join(f"?{name}" for name in (*MOMENTS, "mkdir", "pwrite64"))
    trace = ["strace", "-f", "-q", f"--trace={calls}", "-o", str(log), *kill]
    command = [*trace, sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, check=False, timeout=120)


def counts(log: Path) -> dict[str, int]:
    """Return how often each traced call was made by the process that made it most: strace counts by process."""
    made = Counter(re.findall(r"^(\d+) +(\w+)\(", log.read_text(), re.MULTILINE))
    most: dict[str, int] = {}
    for (_, name), count in made.items():
        most[name] = max(most.get(name, 0), count)
    return most


def moments(found: dict[str, int]) -> list[tuple[str, int]]:
    return [(name, number) for name, count in found.items() for number in range(1, count + 1)]


@pytest.mark.slow
@needs_strace
def test_a_step_killed_at_every_moment(tmp_path: Path) -> None:
    """The step replaces an earlier artifact: the hardest case."""
    root, log = tmp_path / "project", tmp_path / "strace"
    root.mkdir()
    old = chain(root, 0.5, steps=1)
    new = chain(root, 0.5)
    target = expected(tmp_path, new)

    def reset() -> Path:
        shutil.rmtree(root)
        root.mkdir()
        run_all(root, old)
        return next(path for path in write_nodes(root, new) if path.stem == "one")

    whole = traced(STEP, str(root), str(reset()), log=log)
    assert whole.returncode == 0, whole.stderr
    listed = moments(counts(log))
    assert {"fsync", "flock"} <= {name for name, _ in listed}
    killed = 0
    for name, number in listed:
        path = reset()
        done = traced(STEP, str(root), str(path), inject=f"{name}:signal=KILL:when={number}", log=log)
        killed += done.returncode != 0
        whole_or_absent(root)
        run_all(root, new)
        assert results(root) == target, (name, number)
        assert not list((root / ".ladle/work").iterdir()), (name, number)
    assert killed == len(listed)


@pytest.mark.slow
@needs_strace
def test_a_run_killed_at_every_moment(tmp_path: Path) -> None:
    """Whichever process makes the call is killed: the run itself, or one of its workers, each at its own count."""
    root, log = tmp_path / "project", tmp_path / "strace"
    root.mkdir()
    graph = chain(root, 0.5)
    target = expected(tmp_path, graph)
    assert traced(RUN, str(root), "0.5", log=log).returncode == 0
    for name, number in moments(counts(log)):
        shutil.rmtree(root)
        root.mkdir()
        traced(RUN, str(root), "0.5", inject=f"{name}:signal=KILL:when={number}", log=log)
        whole_or_absent(root)
        again = subprocess.run([sys.executable, "-c", RUN, str(root), "0.5"], capture_output=True, check=False)
        assert again.returncode == 0, (name, number, again.stdout, again.stderr)
        assert results(root) == target, (name, number)


@pytest.mark.slow
@needs_strace
def test_a_disk_that_fills_at_any_moment_is_said_in_words(tmp_path: Path) -> None:
    root, log = tmp_path / "project", tmp_path / "strace"
    root.mkdir()
    new, old = chain(root, 0.5), chain(root, 0.5, steps=1)
    target = expected(tmp_path, new)
    run_all(root, old)
    path = next(path for path in write_nodes(root, new) if path.stem == "one")
    code = STEP.replace("run_step(", "from ladle.executor.task import StepError\ntry: run_step(", 1)
    code += "except StepError as error: sys.exit(error.message)\n"
    for call, number in (("fsync", 1), ("fsync", 3), ("fsync", 5), ("mkdir", 1), ("rename", 1), ("pwrite64", 1)):
        done = traced(code, str(root), str(path), inject=f"{call}:error=ENOSPC:when={number}+", log=log)
        whole_or_absent(root)
        assert done.returncode == 1, (call, number)
        assert b"the disk is full" in done.stderr, (call, number, done.stderr)
    run_all(root, new)
    assert results(root) == target


@pytest.mark.slow
def test_runs_killed_at_random_moments_end_with_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run is killed again and again, the dice thrown by a seed, until it gets through."""
    root, log = tmp_path / "project", tmp_path / "log"
    root.mkdir()
    target = expected(tmp_path, tiny.small(root))
    monkeypatch.setenv("TINY_LOG", str(log))
    monkeypatch.setenv("TINY_PAUSE", "0.3")
    draw = random.Random(7)
    code = RUN.replace("test_kills.chain(root, float(sys.argv[2]))", "tiny.small(root)")
    kills = 0
    for _ in range(200):
        running = subprocess.Popen([sys.executable, "-c", code, str(root), "0"], stdout=subprocess.DEVNULL)
        try:
            assert running.wait(draw.uniform(0.3, 1.5)) == 0
            break
        except subprocess.TimeoutExpired:
            running.send_signal(signal.SIGKILL)
            running.wait()
            kills += 1
        whole_or_absent(root)
    assert kills >= 3
    until(lambda: not any(alive(pid) for pid in pids(log)))
    assert results(root) == target


def test_an_orphaned_step_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step whose parent is killed (as by `kill -9` of dvc) does not go on by itself."""
    monkeypatch.setenv("TINY_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("TINY_PAUSE", "0.2")
    graph = chain(tmp_path, 0.5, steps=500)
    paths = write_nodes(tmp_path, graph)
    code = STEP.replace("run_step(", "stop = StopFlag()\nstop.install()\ndie_with_parent()\nrun_step(", 1)
    code = code.replace("import tiny\n", "import tiny\nfrom ladle.executor.signals import StopFlag, die_with_parent\n")
    code = code.replace("sys.exit)", "sys.exit, stop)")
    for path in paths[:1]:
        subprocess.run([sys.executable, "-c", code, str(tmp_path), str(path)], check=True)
    parent = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"
    with subprocess.Popen([sys.executable, "-c", parent, code, str(tmp_path), str(paths[1])]) as between:
        until(lambda: "train one" in (tmp_path / "log").read_text())
        between.kill()
    until(lambda: not any(alive(pid) for pid in pids(tmp_path / "log")))
    work = Workspace(tmp_path).work(graph.aliases["one"])
    assert list((work / "scratch/checkpoints").glob("step-*"))
    assert layout(graph, tiny.vocabulary())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a parent's death is seen when a report is due")
def test_a_killed_run_leaves_a_checkpoint_of_what_was_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker is asked to end while nobody reads what it says: it saves what it would have lost."""
    monkeypatch.setenv("TINY_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("TINY_PAUSE", "0.05")
    graph = chain(tmp_path, 0.5, steps=500, mood="late")
    code = RUN.replace("chain(root, float(sys.argv[2]))", "chain(root, 0.5, 500, 'late')")
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as running:
        until(lambda: "train one" in (tmp_path / "log").read_text() if (tmp_path / "log").exists() else False)
        until(lambda: (Workspace(tmp_path).work(graph.aliases["one"]) / "total").exists())
        running.kill()
    until(lambda: not any(alive(pid) for pid in pids(tmp_path / "log")))
    planned = {item.node.name: item.action for item in plan(layout(graph, tiny.vocabulary()), Workspace(tmp_path)).work}
    assert planned["one"] is Action.RESUME


MINIATURE = """
edition 1
corpus web:   text       = jsonl("corpora/quickstart/base.jsonl")
corpus chats: chat       = jsonl("corpora/quickstart/instruct.jsonl")
corpus pairs: preference = jsonl("corpora/quickstart/preferences.jsonl")
stage cpt  { on = web    steps = 24  global_batch = 8  context = 64  packing = wrapped }
stage sft  { on = chats  steps = 24  global_batch = 8  context = 128 }
stage orpo { on = pairs  steps = 16  global_batch = 4  context = 128 }
stage dpo  { on = pairs  steps = 16  global_batch = 4  context = 128 }
model blank = init(hidden = 32, layers = 2, heads = 2, intermediate = 64, tied = true,
                   tokenizer = bpe([web], vocab = 400), template = chatml)
model tuned  = blank | cpt | sft
model merged = slerp(tuned | orpo, lerp(tuned | dpo, tuned, t = 0.3), t = 0.5)
"""


def mini_project(root: Path, steps: int = 24, profile: str = "save_steps = 3\nworkers = 2\n") -> None:
    shutil.copytree(HERE.parent / "corpora", root / "corpora")
    (root / "recipes").mkdir()
    (root / "recipes/mini.recipe").write_text(MINIATURE.replace("steps = 24", f"steps = {steps}", 1))
    (root / "profiles").mkdir()
    (root / "profiles/often.toml").write_text(profile)


MINI = [sys.executable, "-c", "from ladle.executor.cli import main; main()", "run", "recipes/mini.recipe"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a parent's death is seen when a report is due")
def test_a_real_training_whose_run_is_killed_saves_and_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mini_project(tmp_path, 5000, "save_seconds = 3600\nworkers = 1\n")
    monkeypatch.chdir(tmp_path)
    with subprocess.Popen([*MINI, "tuned", "--profile", "often"], stdout=subprocess.DEVNULL) as running:
        until(lambda: list(tmp_path.glob(".ladle/work/*/total")) and trains(tmp_path), 120)
        running.kill()
    key = next(tmp_path.glob(".ladle/work/*/scratch/trainer")).parts[-3]
    until(lambda: list(tmp_path.glob(f".ladle/work/{key}/scratch/checkpoints/step-*")), 30)
    assert run(["why", "recipes/mini.recipe", "tuned"]) == 0
    assert "resume: resumes at step" in capsys.readouterr().out


def trains(root: Path) -> bool:
    """Whether a training is under way: its trainer has a folder, and time passes between its steps."""
    return bool(list(root.glob(".ladle/work/*/scratch/trainer")))


@pytest.mark.slow
def test_real_trainings_killed_at_random_moments_end_with_the_same_bytes(tmp_path: Path) -> None:
    """Every kind of training, resumed from its checkpoints as often as the dice say."""
    roots = [tmp_path / "whole", tmp_path / "killed"]
    for root in roots:
        mini_project(root)
    command = [*MINI, "--profile", "often"]
    began = time.monotonic()
    subprocess.run(command, cwd=roots[0], check=True, stdout=subprocess.DEVNULL)
    whole = time.monotonic() - began
    draw, kills = random.Random(11), 0
    while True:
        with subprocess.Popen(command, cwd=roots[1], stdout=subprocess.DEVNULL, start_new_session=True) as running:
            try:
                assert running.wait(whole * draw.uniform(0.4, 0.65) * 1.15**kills) == 0
                break
            except subprocess.TimeoutExpired:
                running.kill()
                kills += 1
        assert kills < 60
    assert kills >= 2
    assert results(roots[1]) == results(roots[0])
