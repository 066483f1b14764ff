"""Killed, stopped, damaged: a training goes on from its last whole checkpoint and ends with the same bytes."""

from __future__ import annotations

import multiprocessing
import os
import random
import resource
import shutil
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from ladle.dsl.frozen import replace
from ladle.executor.task import Machine, Progress, StepError
from ladle.executor.trainers import checkpoints, dpo, orpo, sft
from trainer_inputs import DPO, OPTIONS, ORPO, digests, task, write_model, write_pairs, write_tokens

# Seven rows in batches of four make epochs of two steps: six steps end in the third epoch.
STEPS = 6
EVERY_STEP = Machine(save_steps=1, micro_batch=2)
SECOND_STEP = Machine(save_steps=2, micro_batch=2)
PROGRAMS = {"sft": (sft, OPTIONS), "dpo": (dpo, DPO), "orpo": (orpo, ORPO)}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("resume")
    write_model(place / "model", attention_dropout=0.1)
    write_tokens(place / "tokens", [[5], [7], [9], [4], [12], [3], [8]], masked=2)
    write_pairs(place / "pairs", [(3, 4, 5), (2, 6, 3), (5, 2, 2), (4, 4, 7), (3, 3, 3), (6, 2, 5), (2, 2, 2)])
    return place


Expected = dict[str, dict[str, str]]


def attempt(
    inputs: Path, place: Path, kind: str, machine: Machine, watch: Callable[[Progress], None], within: float = 0
) -> int | None:
    """Train in a process of its own, killed after `within` seconds if not 0, and return its exit code."""

    def body() -> None:
        # As in a new process: an earlier test of this one may have run a step, which takes SIGTERM for itself.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if within:
            timer = threading.Timer(within, os.kill, (os.getpid(), signal.SIGKILL))
            timer.daemon = True
            timer.start()
        program, options = PROGRAMS[kind]
        rows = inputs / ("tokens" if kind == "sft" else "pairs")
        shutil.rmtree(place / "output", ignore_errors=True)
        made = task(place, kind, options | {"steps": STEPS}, inputs / "model", rows, machine)
        program.run(replace(made, report=watch))

    process = multiprocessing.get_context("fork").Process(target=body)
    process.start()
    process.join()
    return process.exitcode


def ignore(progress: Progress) -> None:
    """Do nothing."""


def send(number: int, step: int) -> Callable[[Progress], None]:
    """Return a watcher that sends a signal to its own process when `step` has been done."""

    def watch(progress: Progress) -> None:
        if progress.done == step:
            os.kill(os.getpid(), number)

    return watch


@pytest.fixture(scope="module")
def expected(inputs: Path) -> Expected:
    """What each kind gives undisturbed."""
    for kind in PROGRAMS:
        assert attempt(inputs, inputs / kind, kind, Machine(micro_batch=2), ignore) == 0
    return {kind: digests(inputs / kind / "output") for kind in PROGRAMS}


@pytest.mark.parametrize("step", range(1, STEPS))
def test_killed_after_any_step(inputs: Path, expected: Expected, tmp_path: Path, step: int) -> None:
    assert attempt(inputs, tmp_path / "cut", "sft", SECOND_STEP, send(signal.SIGKILL, step)) == -signal.SIGKILL
    assert attempt(inputs, tmp_path / "cut", "sft", SECOND_STEP, ignore) == 0
    assert digests(tmp_path / "cut/output") == expected["sft"]


@pytest.mark.parametrize("kind", ["sft", "dpo", "orpo"])
def test_killed_again_and_again_at_random_moments(inputs: Path, expected: Expected, tmp_path: Path, kind: str) -> None:
    code: int | None = None
    for _ in range(6):
        code = attempt(inputs, tmp_path / "cut", kind, EVERY_STEP, ignore, within=random.uniform(0.05, 0.4))
        assert code in (0, -signal.SIGKILL)
        if code == 0:
            break
    if code != 0:
        assert attempt(inputs, tmp_path / "cut", kind, EVERY_STEP, ignore) == 0
    assert digests(tmp_path / "cut/output") == expected[kind]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_to_stop_makes_a_checkpoint_first(
    inputs: Path, expected: Expected, tmp_path: Path, number: int
) -> None:
    code = attempt(inputs, tmp_path / "cut", "sft", Machine(micro_batch=2), send(number, 3))
    assert code == (-signal.SIGTERM if number == signal.SIGTERM else 1)
    kept = checkpoints.newest(tmp_path / "cut/work/checkpoints")
    assert kept is not None
    assert checkpoints.step_of(kept) in (3, 4)
    assert not any((tmp_path / "cut/output").iterdir())
    assert attempt(inputs, tmp_path / "cut", "sft", Machine(micro_batch=2), ignore) == 0
    assert digests(tmp_path / "cut/output") == expected["sft"]


@pytest.mark.parametrize("damaged", ["model.safetensors", "optimizer.pt", "manifest.json"])
def test_a_damaged_checkpoint_is_passed_over(inputs: Path, expected: Expected, tmp_path: Path, damaged: str) -> None:
    attempt(inputs, tmp_path / "cut", "sft", EVERY_STEP, send(signal.SIGKILL, 5))
    folder = tmp_path / "cut/work/checkpoints"
    assert sorted(kept.name for kept in folder.iterdir()) == ["step-00000003", "step-00000004"]
    file = folder / "step-00000004" / damaged
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert checkpoints.newest(folder) == folder / "step-00000003"
    assert attempt(inputs, tmp_path / "cut", "sft", EVERY_STEP, ignore) == 0
    assert digests(tmp_path / "cut/output") == expected["sft"]


def test_a_checkpoint_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    def fails(folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        checkpoints.write(tmp_path, 3, fails)
    assert checkpoints.newest(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_checkpoints_are_made_by_time(inputs: Path, tmp_path: Path) -> None:
    machine = Machine(save_seconds=0.0, micro_batch=2)
    assert attempt(inputs, tmp_path / "cut", "sft", machine, send(signal.SIGKILL, 4)) == -signal.SIGKILL
    kept = checkpoints.newest(tmp_path / "cut/work/checkpoints")
    assert kept is not None
    assert checkpoints.step_of(kept) == 3


def test_a_full_disk_is_said_and_loses_no_checkpoint(inputs: Path, expected: Expected, tmp_path: Path) -> None:
    """Files may not grow beyond a size that the fourth checkpoint reaches, as on a full disk."""
    said = tmp_path / "said"

    def shrink(progress: Progress) -> None:
        if progress.done == 3:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))

    def body() -> None:
        made = task(
            tmp_path / "cut", "sft", OPTIONS | {"steps": STEPS}, inputs / "model", inputs / "tokens", EVERY_STEP
        )
        try:
            sft.run(replace(made, report=shrink))
        except StepError as error:
            said.write_text(error.message)

    process = multiprocessing.get_context("fork").Process(target=body)
    process.start()
    process.join()
    assert said.read_text().startswith(("the checkpoint of step 3 cannot be written", "file too large"))
    assert attempt(inputs, tmp_path / "cut", "sft", EVERY_STEP, ignore) == 0
    assert digests(tmp_path / "cut/output") == expected["sft"]
