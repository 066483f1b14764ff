"""Runs one step. In: a node file. Out: its artifact, published in one rename, with a run record; or nothing.

Every way to run a recipe ends here: `ladle run`'s workers and the command of each DVC stage.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ladle.dsl.signature import Operator, Role, Vocabulary
from ladle.executor.disk import in_words, need_space, publish, refusal, remove, sync_tree, tree_bytes
from ladle.executor.lineage import LINEAGE, Lineage
from ladle.executor.locks import Waiting, hold
from ladle.executor.manifest import manifest
from ladle.executor.memory import starved
from ladle.executor.node_reader import read_node_file
from ladle.executor.nodefile import NodeFile
from ladle.executor.profile import Profile
from ladle.executor.programs import program
from ladle.executor.record import Record, write_record
from ladle.executor.resolve import Resolved, check_engines, prove_unchanged, resolve
from ladle.executor.reuse import find_equal, holds, link
from ladle.executor.task import Interrupted, Progress, StepError, Task, unsaid
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
    note: Callable[[str], None] = unsaid
    """Takes what a step says besides."""


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
    return run_steps((path,), around)[0]


def run_steps(paths: Sequence[Path], around: Surroundings) -> tuple[Outcome, ...]:
    """Make what node files say; several are of one program that has `run_together`, and fail together."""
    started = time.time()
    steps = [_read(path, around) for path in paths]
    workspace = around.workspace
    own = {workspace.lock(step.key) for step in steps}
    with in_words(f"making `{steps[0].node.output}`"), ExitStack() as held:
        _hold(own, held, around)
        found = {step.key: _found(step, workspace) for step in steps}
        missing = [step for step in steps if found[step.key] is None]
        wholes = {workspace.lock(step.resolved.whole) for step in missing} - own
        _hold(wholes, held, around)
        if missing:
            _make(missing, around, started)
        for step in steps:
            remove(workspace.work(step.key))
        for lock in own | wholes:
            lock.unlink(missing_ok=True)
    workspace.digests.save()
    seconds = time.time() - started
    return tuple(Outcome(step.node.output, step.key, found[step.key] or How.MADE, seconds) for step in steps)


@dataclass(frozen=True, slots=True)
class _Step:
    """One node file that was read, with what its inputs are on this disk."""

    node: NodeFile
    resolved: Resolved
    operator: Operator

    @property
    def key(self) -> str:
        """Its fingerprint."""
        return self.resolved.fingerprint


def _hold(locks: Set[Path], held: ExitStack, around: Surroundings) -> None:
    """Hold locks in one order, so that two processes never wait for each other."""
    for lock in sorted(locks):
        held.enter_context(hold(lock, around.waiting))


def _read(path: Path, around: Surroundings) -> _Step:
    node = read_node_file(path, around.vocabulary, around.workspace)
    check_engines(node.computation)
    return _Step(node, resolve(node.computation, around.workspace), around.vocabulary[node.computation.operator])


def _found(step: _Step, workspace: Workspace) -> How | None:
    if holds(workspace, step.node.output, step.key):
        return How.KEPT
    equal = find_equal(workspace, step.key)
    if equal:
        link(workspace, equal, step.node.output, step.key)
        return How.LINKED
    return None


def _make(steps: Sequence[_Step], around: Surroundings, started: float) -> None:
    workspace = around.workspace
    _need_space(steps, workspace)
    tasks = [_task(step, around) for step in steps]
    with _leaving_no_output(tasks):
        try:
            _run_program(steps[0].operator, tasks)
        except StepError as error:
            if around.stopping():  # a training that heard the signal itself says so in words of its own
                raise Interrupted(error.message) from error
            raise
        for step, task in zip(steps, tasks, strict=True):
            _publish(step, task.output, workspace, started, len(steps))


@contextmanager
def _leaving_no_output(tasks: Sequence[Task]) -> Iterator[None]:
    """Remove what failed steps wrote: nothing goes on from it, and it may be as large as a model."""
    try:
        yield
    except BaseException:
        for task in tasks:
            with suppress(OSError):
                remove(task.output)
        raise


def _publish(step: _Step, output: Path, workspace: Workspace, started: float, together: int) -> None:
    _prove_output(step.operator, output)
    prove_unchanged(step.resolved, workspace)
    lineage = _lineage(step.resolved, manifest(output, workspace.digests))
    (output / LINEAGE).write_bytes(lineage.encode())
    sync_tree(output)
    write_record(workspace, _record(step, lineage, started, together, output))
    publish(output, workspace.destination(step.node.output), workspace.work(step.key) / "old")


def _task(step: _Step, around: Surroundings) -> Task:
    """Return what a program is given: an empty folder for its output, and a scratch folder that outlives a kill."""
    workspace, computation = around.workspace, step.node.computation
    work = workspace.work(step.key)
    # States of one training go on from each other: they share the scratch folder of the whole.
    output, scratch = work / "output", workspace.work(step.resolved.whole) / "scratch"
    remove(output)
    output.mkdir(parents=True)
    scratch.mkdir(parents=True, exist_ok=True)
    return Task(
        computation.operator,
        step.node.name,
        dict(computation.options),
        step.resolved.inputs,
        step.key,
        scratch,
        output,
        around.profile.machine,
        _noting(around, work / TOTAL),
        workspace.root,
        workspace.digests.learn,
        note=around.note,
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


def _run_program(operator: Operator, tasks: Sequence[Task]) -> None:
    module = program(operator.program)
    task = tasks[0]
    try:
        if len(tasks) == 1:
            module.run(task)
        else:
            module.run_together(tasks)
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


def _record(step: _Step, lineage: Lineage, started: float, together: int, output: Path) -> Record:
    """Return the record of a step: of the time that several took together each has its share."""
    seconds = (time.time() - started) / together
    return Record(step.node.output, lineage, step.resolved.data, started, seconds, size=tree_bytes(output))


def _need_space(steps: Sequence[_Step], workspace: Workspace) -> None:
    growing = [step.resolved for step in steps if step.operator.role in _GROWING]
    need = sum(max((tree_bytes(item.path) for item in each.inputs if item.path), default=0) for each in growing)
    need_space(workspace.root, need)
