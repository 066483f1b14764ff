"""Real merges under faults: killed, read and written on a failing disk, with parents that change under their hands."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from ladle.dsl.graph import Json
from ladle.executor.cli import run
from ladle.executor.task import Given, StepError, Task
from ladle.executor.weights import merge, stream, writing
from safetensors.torch import load_file, save_file
from test_kills import MOMENTS, counts, moments, needs_strace
from test_merge import HIDDEN, folder, given, pair, task, weights

CODE = """
import sys
from ladle.executor.weights import stream, writing
from ladle.executor.start import main
writing.SHARD_BYTES, stream.PIECE_ELEMENTS = 3000, 32
main()
"""
RECIPE = """
edition 1

model a = local("a")
model b = local("b")
model c = local("c")
model merged = slerp(a, linear(b: 0.5, c: 0.5), t = {t})
"""
KILLED = (*MOMENTS, "fdatasync")
NODE = "pipelines/m/nodes/merged.json"
MERGED = "artifacts/m/merged"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose merge was made with t = 0.2, and is to be made with t = 0.4."""
    root = tmp_path / "project"
    for seed, name in enumerate("abc"):
        plain(root / name, weights(seed))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.chdir(root)
    written(root, 0.2)
    assert step(root).returncode == 0
    shutil.copytree(root, tmp_path / "before")
    written(root, 0.4)
    return root


def plain(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    """Write a model without a template, so that models of other folders fit it."""
    folder(path, tensors)
    (path / "chat_template.jinja").unlink()


def written(root: Path, t: float) -> None:
    (root / "recipes").mkdir(exist_ok=True)
    (root / "recipes/m.recipe").write_text(RECIPE.format(t=t))
    assert run(["compile", "recipes/m.recipe"]) == 0


def step(root: Path, inject: str = "", log: Path | None = None) -> subprocess.CompletedProcess[str]:
    calls = ",".join(f"?{name}" for name in (*KILLED, "pwrite64", "preadv2"))
    kill = [f"--inject={inject}"] if inject else []
    trace = ["strace", "-f", "-q", f"--trace={calls}", "-o", str(log), *kill] if log else []
    command = [*trace, sys.executable, "-c", CODE, "step", NODE]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=120)


def reset(root: Path) -> None:
    for name in (".ladle", "artifacts"):
        shutil.rmtree(root / name)
        shutil.copytree(root.parent / "before" / name, root / name)


def state(root: Path) -> tuple[float, bool]:
    """Return the t of the artifact that can be seen, and whether nothing but whole weight files is there."""
    place = root / MERGED
    lineage = json.loads((place / "lineage.json").read_text())
    index = json.loads((place / "model.safetensors.index.json").read_text())["weight_map"]
    whole = all(name in load_file(place / file) for name, file in index.items())
    return float(lineage["options"]["t"]), whole and set(index) == set(weights(0))


def contents(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / MERGED).iterdir()}


def after_a_kill(root: Path, target: dict[str, bytes]) -> None:
    t, whole = state(root)
    assert t in (0.2, 0.4)
    assert whole
    again = step(root)
    assert again.returncode == 0, again.stderr
    assert contents(root) == target
    assert not list((root / ".ladle/work").iterdir())


def finished(root: Path, log: Path) -> dict[str, bytes]:
    done = step(root, log=log)
    assert done.returncode == 0, done.stderr
    assert state(root) == (0.4, True)
    found = contents(root)
    told = json.loads(found["lineage.json"])["files"]
    assert told == {name: sha256(data).hexdigest() for name, data in found.items() if name != "lineage.json"}
    return found


@needs_strace
@pytest.mark.parametrize("number", [pytest.param(1), pytest.param(0, marks=pytest.mark.slow)])
def test_a_merge_killed_at_its_moments(project: Path, tmp_path: Path, number: int) -> None:
    """At every rename, unlink, fsync and lock; the short form takes the first of each kind."""
    log = tmp_path / "strace"
    target = finished(project, log)
    listed = [at for at in moments(counts(log)) if at[0] in KILLED]
    assert {"fdatasync", "fsync", "renameat2"} <= {name for name, _ in listed}
    for name, at in listed:
        if number and at != number:
            continue
        reset(project)
        step(project, f"{name}:signal=KILL:when={at}", log)
        after_a_kill(project, target)


@pytest.mark.slow
def test_a_merge_killed_at_random_moments(project: Path, tmp_path: Path) -> None:
    target = finished(project, tmp_path / "strace")
    draw, killed = random.Random(4), 0
    for _ in range(50):
        reset(project)
        before = set((project / ".ladle/work").glob("*/output/*"))
        with subprocess.Popen(
            [sys.executable, "-c", CODE, "step", NODE], cwd=project, stdout=subprocess.DEVNULL
        ) as running:
            while running.poll() is None and set((project / ".ladle/work").glob("*/output/*")) == before:
                time.sleep(0.0005)
            time.sleep(draw.uniform(0, 0.1))
            killed += running.poll() is None
            running.kill()
        after_a_kill(project, target)
    assert killed >= 25


@needs_strace
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("preadv2:error=EIO:when=5", "cannot be read: input/output error"),
        ("preadv2:retval=0:when=5", "became shorter while it was read"),
        ("pwrite64:error=ENOSPC:when=9+", "the disk is full"),
        ("fsync:error=EIO:when=1+", "input/output error"),
        ("fdatasync:error=EIO:when=2+", "input/output error"),
    ],
)
def test_a_disk_that_fails_is_said_in_words(project: Path, tmp_path: Path, fault: str, said: str) -> None:
    done = step(project, fault, tmp_path / "strace")
    assert done.returncode == 1, done.stderr
    assert said in re.sub(r"\s+", " ", done.stderr.lower() + done.stdout.lower())
    assert "Traceback" not in done.stderr
    assert state(project) == (0.2, True)
    assert step(project).returncode == 0
    assert state(project) == (0.4, True)


# --- parents that change, or are not what their headers say ----------------------------------------------------------


def test_a_parent_written_to_while_it_is_read_is_refused(tmp_path: Path) -> None:
    a, b = pair(tmp_path)
    made = task(tmp_path / "m", "slerp", {"t": 0.5}, (a, b))

    def meddle(_: object) -> None:
        save_file(weights(5), tmp_path / "b/model.safetensors")

    object.__setattr__(made, "report", meddle)
    with pytest.raises(StepError, match="changed while it was read"):
        merge.run(made)


def test_a_parent_cut_off_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    a, b = pair(tmp_path)
    path = tmp_path / "b/model.safetensors"
    os.truncate(path, path.stat().st_size - 4)
    made = task(tmp_path / "m", "slerp", {"t": 0.5}, (a, b))
    with pytest.raises(StepError, match="the file holds"):
        merge.run(made)
    assert not list(made.output.iterdir())


def test_a_merge_that_fails_leaves_no_weights_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed, name in enumerate("abc"):
        plain(tmp_path / name, weights(seed))
    last = max(weights(0))
    damaged = weights(2) | {last: torch.full_like(weights(2)[last], float("nan"))}
    save_file(damaged, tmp_path / "c/model.safetensors", {"format": "pt"})
    monkeypatch.chdir(tmp_path)
    written(tmp_path, 0.2)
    assert run(["run", "recipes/m.recipe"]) == 1
    assert last in capsys.readouterr().err
    assert [path for path in (tmp_path / ".ladle/work").rglob("*") if path.is_file()] == []


def test_no_room_is_said_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = task(tmp_path / "m", "slerp", {"t": 0.5}, pair(tmp_path))
    whole = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: whole._replace(free=1000))
    with pytest.raises(StepError, match="the disk has 1"):
        merge.run(made)
    assert not list(made.output.iterdir())


# --- the same bytes, however they are made ---------------------------------------------------------------------------


def test_bytes_do_not_depend_on_threads_or_on_what_is_computed_beside(tmp_path: Path) -> None:
    inputs = pair(tmp_path)
    alone = [task(tmp_path / f"alone{n}", "slerp", {"t": n / 10}, inputs) for n in (1, 5, 9)]
    beside = [task(tmp_path / f"beside{n}", "slerp", {"t": n / 10}, inputs) for n in (1, 5, 9)]
    for one in alone:
        merge.run_together((one,), threads=1)
    merge.run_together(beside, threads=7)
    for one, other in zip(alone, beside, strict=True):
        assert [path.read_bytes() for path in sorted(one.output.iterdir())] == [
            path.read_bytes() for path in sorted(other.output.iterdir())
        ]


def test_values_hardly_depend_on_how_a_tensor_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def made(name: str) -> dict[str, torch.Tensor]:
        one = task(tmp_path / name, "slerp", {"t": 0.3}, pair(tmp_path))
        merge.run(one)
        found: dict[str, torch.Tensor] = load_file(one.output / "model.safetensors")
        return found

    whole = made("whole")
    monkeypatch.setattr(stream, "PIECE_ELEMENTS", 16)
    for name, tensor in made("pieces").items():
        torch.testing.assert_close(tensor, whole[name], rtol=3e-7, atol=0)


def test_a_writer_lays_out_what_safetensors_reads(tmp_path: Path) -> None:
    tensors = {"b": torch.arange(6.0).reshape(2, 3).bfloat16(), "a": torch.arange(3.0), "é": torch.zeros(0, 4)}
    with writing.Writer(tmp_path, {n: writing.Shape(t.dtype, tuple(t.shape)) for n, t in tensors.items()}) as writer:
        writer.write("b", 3, tensors["b"][1])
        writer.write("a", 0, tensors["a"])
        writer.write("b", 0, tensors["b"][0])
        writer.finish()
    found = load_file(tmp_path / "model.safetensors")
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())


def test_a_sweep_is_one_reading_and_each_member_as_if_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    roots = [tmp_path / "sweep", tmp_path / "alone"]
    for root in roots:
        for seed, name in enumerate("ab"):
            plain(root / name, weights(seed))
        (root / "recipes").mkdir()
        models = 'model a = local("a")\nmodel b = local("b")\n'
        text = f"edition 1\n\n{models}\nmodel m[t in 0.2..0.8 by 0.2] = slerp(a, b, t = t)\n"
        (root / "recipes/s.recipe").write_text(text)
    monkeypatch.chdir(roots[0])
    assert run(["run", "recipes/s.recipe"]) == 0
    said = capsys.readouterr().out
    assert "4 made" in said
    # All four begin before one is done: one worker has them.
    assert said.rindex("start ") < said.index("done ")
    monkeypatch.chdir(roots[1])
    assert run(["compile", "recipes/s.recipe"]) == 0
    for node in sorted((roots[1] / "pipelines/s/nodes").glob("m-*.json")):
        assert run(["step", str(node)]) == 0
    one, other = (sorted((root / "artifacts/s").rglob("*.*")) for root in roots)
    assert [path.name for path in one] == [path.name for path in other]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]
    assert len([path for path in one if path.suffix == ".safetensors"]) == 4


def test_one_of_a_sweep_that_fails_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    half = {name: torch.full_like(tensor, 30000).half() for name, tensor in weights(1).items()}
    for name in "ab":
        plain(tmp_path / name, half)
    (tmp_path / "recipes").mkdir()
    models = 'model a = local("a")\nmodel b = local("b")\n'
    text = f"edition 1\n\n{models}\nmodel m[w in [0.5, 1, 9]] = linear(a: w, b: w, normalize = false)\n"
    (tmp_path / "recipes/s.recipe").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert run(["run", "recipes/s.recipe"]) == 1
    said = capsys.readouterr()
    assert "cannot hold" in said.out + said.err
    assert sorted(path.name for path in (tmp_path / "artifacts/s").iterdir()) == ["m-0_5", "m-1"]


def test_results_made_together_have_tokens_of_their_own(tmp_path: Path) -> None:
    """A row that a model lacks is the base's, whatever is made beside: a base is no third operand."""
    tables = ({f"t{n}": n for n in range(12)}, {f"t{n}": n for n in range(8)}, {f"t{n}": n for n in range(12)})
    for seed, (name, table) in enumerate(zip("abc", tables, strict=True)):
        place = folder(tmp_path / name, weights(seed))
        (place / "chat_template.jinja").unlink()
        model = {"type": "WordLevel", "vocab": table, "unk_token": "t0"}
        (place / "tokenizer.json").write_text(json.dumps({"version": "1.0", "added_tokens": [], "model": model}))
    short = {**weights(1), "model.embed_tokens.weight": weights(1)["model.embed_tokens.weight"][:8]}
    folder(tmp_path / "b", short, vocab_size=8)
    (tmp_path / "b/chat_template.jinja").unlink()
    a, b, c = (given(str(place), tmp_path / name) for place, name in enumerate("abc"))
    base = Given("base", "local", c.fingerprint, path=c.path)
    plain = {"weights": [1, 1, 1], "normalize": True, "tokenizer": "first"}
    based = {"weights": [1, 1], "normalize": False, "lambda": 1.0, "tokenizer": "first"}

    def tasks(name: str) -> tuple[Task, Task]:
        return (
            task(tmp_path / name / "linear", "linear", dict(plain), (a, b, c)),
            task(tmp_path / name / "delta", "task_arithmetic", dict(based), (a, b, base)),
        )

    together, alone = tasks("together"), tasks("alone")
    merge.run_together(together)
    for each in alone:
        merge.run(each)
    for one, other in zip(together, alone, strict=True):
        assert (one.output / "model.safetensors").read_bytes() == (other.output / "model.safetensors").read_bytes()
    found = load_file(alone[1].output / "model.safetensors")["model.embed_tokens.weight"]
    torch.testing.assert_close(found[8:], weights(0)["model.embed_tokens.weight"][8:], rtol=1e-5, atol=1e-6)


def test_empty_tensors_and_layers_beyond_those_counted(tmp_path: Path) -> None:
    more = {"model.nothing": torch.zeros(0, HIDDEN), "model.layers.3.self_attn.q_proj.weight": torch.ones(2, 2)}
    a, b = (given(str(n), folder(tmp_path / name, {**weights(n), **more})) for n, name in enumerate("ab"))
    t: Json = {"schedule": {"self_attn": [0, 0.5, 1]}, "else": 0.5}
    made = task(tmp_path / "m", "slerp", {"t": t, "norm": "linear"}, (a, b))
    merge.run(made)
    found = load_file(made.output / "model.safetensors")
    assert found["model.nothing"].shape == (0, HIDDEN)
    assert torch.equal(found["model.layers.3.self_attn.q_proj.weight"], torch.ones(2, 2))
    last = "model.layers.2.self_attn.q_proj.weight"
    assert torch.equal(found[last], weights(1)[last])


def test_breadcrumbs_that_keep_nothing_are_the_base(tmp_path: Path) -> None:
    base = given("base", folder(tmp_path / "base", weights(9)))
    options: dict[str, Json] = {"weights": [1], "density": 0.001, "gamma": 0.3, "normalize": False, "rescale": False}
    made = task(tmp_path / "m", "breadcrumbs", {**options, "lambda": 1.0}, (pair(tmp_path)[0], base))
    merge.run(made)
    found = load_file(made.output / "model.safetensors")
    assert torch.equal(found["model.norm.weight"], weights(9)["model.norm.weight"])


def test_a_merge_is_given_by_its_role(tmp_path: Path) -> None:
    """An operand's place is its role, whatever order the node file has."""
    a, b = pair(tmp_path)
    one, other = (
        task(tmp_path / name, "slerp", {"t": 0}, inputs) for name, inputs in (("one", (a, b)), ("other", (b, a)))
    )
    merge.run(one)
    merge.run(other)
    assert (one.output / "model.safetensors").read_bytes() == (other.output / "model.safetensors").read_bytes()
    assert given("0", tmp_path / "a") == a
