"""Runs one step. In: a node file. Out: its artifact, published in one rename, with a run record; or nothing.

Every way to run a recipe ends here: `ladle run`'s workers and the command of each DVC stage.
"""

from __future__ import annotations

import errno
import importlib
import os
import shutil
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ladle.dsl.signature import Operator, Role, Vocabulary
from ladle.executor.disk import in_words, publish, refusal, remove, sync_tree, tree_bytes
from ladle.executor.lineage import LINEAGE, Lineage, manifest
from ladle.executor.locks import Waiting, hold
from ladle.executor.memory import starved
from ladle.executor.node_reader import read_node_file
from ladle.executor.nodefile import NodeFile
from ladle.executor.profile import Profile
from ladle.executor.record import Record, write_record
from ladle.executor.resolve import Resolved, check_engines, prove_unchanged, resolve
from ladle.executor.reuse import find_equal, holds, link
from ladle.executor.sizes import in_units
from ladle.executor.task import Interrupted, Progress, StepError, Task
from ladle.executor.workspace import TOTAL, Workspace

_GROWING = (Role.STAGE, Role.MERGE, Role.CHOICE)
"""Roles whose result is about as large as the model they start from."""


class How(StrEnum):
    """How an artifact came to its place."""

    MADE = "made"
    LINKED = "linked"
    """An equal artifact lay elsewhere: its files got a second name."""
    KEPT = "kept"
    """It was already there."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step did."""

    place: str
    fingerprint: str
    how: How
    seconds: float


def never() -> bool:
    """Nobody asks this step to stop."""
    return False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a step needs to know of who runs it."""

    workspace: Workspace
    vocabulary: Vocabulary
    profile: Profile
    report: Callable[[Progress], None]
    waiting: Waiting
    stopping: Callable[[], bool] = never


def node_root(path: Path) -> Path:
    """Return the project root of a node file. Raises StepError unless it lies in `<root>/pipelines/<recipe>/nodes/`."""
    whole = path.absolute()
    parents = whole.parents
    if len(parents) < 4 or (parents[0].name, parents[2].name) != ("nodes", "pipelines"):
        raise StepError(
            f"`{path}` is not a node file", "node files lie in `pipelines/<recipe>/nodes/`; `ladle compile` writes them"
        )
    return parents[3]


def run_step(path: Path, around: Surroundings) -> Outcome:
    """Make what a node file says, or find it made. Raises StepError, or Interrupted when it was asked to stop."""
    started = time.time()
    node = read_node_file(path, around.vocabulary, around.workspace)
    check_engines(node.computation)
    resolved = resolve(node.computation, around.workspace)
    key = resolved.fingerprint
    with in_words(f"making `{node.output}`"):
        lock = around.workspace.lock(key)
        with hold(lock, around.waiting):
            how = _settle(node, resolved, around, started)
            remove(around.workspace.work(key))
            lock.unlink(missing_ok=True)
    around.workspace.digests.save()
    return Outcome(node.output, key, how, time.time() - started)


def _settle(node: NodeFile, resolved: Resolved, around: Surroundings, started: float) -> How:
    workspace, key = around.workspace, resolved.fingerprint
    if holds(workspace, node.output, key):
        return How.KEPT
    equal = find_equal(workspace, key)
    if equal:
        link(workspace, equal, node.output, key)
        return How.LINKED
    if resolved.whole == key:
        _make(node, resolved, around, started)
    else:
        lock = workspace.lock(resolved.whole)
        with hold(lock, around.waiting):
            _make(node, resolved, around, started)
            lock.unlink(missing_ok=True)
    return How.MADE


def _make(node: NodeFile, resolved: Resolved, around: Surroundings, started: float) -> None:
    workspace, key = around.workspace, resolved.fingerprint
    operator = around.vocabulary[node.computation.operator]
    _need_space(operator, resolved, workspace)
    work = workspace.work(key)
    # States of one training go on from each other: they share the scratch folder of the whole.
    output, scratch = work / "output", workspace.work(resolved.whole) / "scratch"
    remove(output)
    output.mkdir(parents=True)
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        _run_program(operator, _task(node, resolved, around, scratch, output, work / TOTAL))
    except StepError as error:
        if around.stopping():  # a training that heard the signal itself says so in words of its own
            raise Interrupted(error.message) from error
        raise
    _prove_output(operator, output)
    prove_unchanged(resolved, workspace)
    lineage = _lineage(resolved, manifest(output, workspace.digests))
    (output / LINEAGE).write_bytes(lineage.encode())
    sync_tree(output)
    write_record(workspace, _record(node, resolved, lineage, started, output))
    publish(output, workspace.destination(node.output), work / "old")


def _task(node: NodeFile, resolved: Resolved, around: Surroundings, scratch: Path, output: Path, total: Path) -> Task:
    return Task(
        node.computation.operator,
        node.name,
        dict(node.computation.options),
        resolved.inputs,
        resolved.fingerprint,
        scratch,
        output,
        around.profile.machine,
        _noting(around, total),
        around.workspace.root,
    )


def _noting(around: Surroundings, total: Path) -> Callable[[Progress], None]:
    """Report, and keep the total when it is first said: `plan` shows it beside a checkpoint."""
    said: list[int] = []

    def note(progress: Progress) -> None:
        if not said:
            said.append(progress.total)
            total.write_text(f"{progress.total}\n")
        around.report(progress)
        if around.stopping():
            raise Interrupted("stopped")

    return note


def _run_program(operator: Operator, task: Task) -> None:
    program = importlib.import_module(operator.program)
    try:
        program.run(task)
    except (StepError, Interrupted):
        raise
    except Exception as error:
        if starved(error):
            raise StepError(
                f"not enough memory for `{task.name}`",
                "a smaller `micro_batch` in the profile needs less; so do fewer workers",
            ) from error
        if isinstance(error, OSError):
            raise
        if "No space left on device" in str(error):  # libraries in C and Rust have exceptions of their own
            raise refusal(f"making `{task.name}`", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))) from error
        raise


def _prove_output(operator: Operator, output: Path) -> None:
    found = [path for path in output.rglob("*") if not path.is_dir() or path.is_symlink()]
    odd = [path.name for path in found if not stat.S_ISREG(path.lstat().st_mode) or path == output / LINEAGE]
    if odd or not found:
        raise RuntimeError(f"the program of `{operator.name}` left {odd or 'nothing'}")


def _lineage(resolved: Resolved, files: dict[str, str]) -> Lineage:
    computation = resolved.computation
    return Lineage(
        computation.operator,
        computation.version,
        computation.options,
        computation.engines,
        tuple((item.role, item.fingerprint) for item in resolved.inputs),
        resolved.content,
        files,
        from_adopted=resolved.from_adopted,
    )


def _record(node: NodeFile, resolved: Resolved, lineage: Lineage, started: float, output: Path) -> Record:
    return Record(node.output, lineage, resolved.data, started, time.time() - started, size=tree_bytes(output))


def _need_space(operator: Operator, resolved: Resolved, workspace: Workspace) -> None:
    if operator.role not in _GROWING:
        return
    need = max((tree_bytes(item.path) for item in resolved.inputs if item.path), default=0)
    free = shutil.disk_usage(workspace.root).free
    if free < need:
        raise StepError(
            f"the disk has {in_units(free)} free, the result needs about {in_units(need)}",
            "free some space: `ladle gc` lists what nothing uses",
        )
