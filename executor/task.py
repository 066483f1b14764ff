"""What a step is given and what it may do. In: a verified node. Out: files in an empty folder; the caller publishes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from ladle.dsl.frozen import frozen
from ladle.dsl.graph import Json


class StepError(Exception):
    """A problem of the user's data, model or machine that stops a step: `message` says what, `help` what to do.

    Reported without a traceback, exit status 1. Anything else that escapes a program is a fault of ours (status 70).
    """

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.help = help


class Interrupted(Exception):
    """Raised by `Task.report` once the step was asked to end (SIGTERM, Ctrl-C, a killed parent).

    A program that can save a checkpoint handles SIGTERM itself while it runs, then sends the signal again.
    """


CHECKPOINTS = "checkpoints"
"""A program that can resume keeps whole checkpoints in folders `step-<number>` of this folder of its work folder;
`plan` reads the newest number."""


@frozen
class Progress:
    """Where a step stands: `done` of `total` (0: unknown) `unit`s; `detail` holds loss, tokens per second and so on."""

    done: int
    total: int
    unit: str
    detail: tuple[tuple[str, float], ...] = ()


@frozen
class Given:
    """One input of a step: an artifact, or a node that is inlined because no step makes it.

    * an artifact: `path` is its folder, everything else but `operator` and `fingerprint` is empty;
    * a data node: a corpus source has `files` and `options` (`columns`), a model folder has `path`, `files`, `options`;
    * a merge within a merge expression (contract 3: never read back from a rounded artifact): `operator`, `options`
      and `inputs`, no `path`.
    """

    role: str
    operator: str
    fingerprint: str
    path: Path | None = None
    files: tuple[Path, ...] = ()
    options: Mapping[str, Json] = MappingProxyType({})
    inputs: tuple[Given, ...] = ()


def operands(inputs: Iterable[Given]) -> tuple[Given, ...]:
    """Return those of a node's inputs that are operands, whose roles are numbers, in their order."""
    return tuple(sorted((each for each in inputs if each.role.isdecimal()), key=lambda each: int(each.role)))


@frozen
class Machine:
    """What of the profile a program may see; none of it changes a result's meaning."""

    device: str = "cpu"
    """`cpu` or `cuda`."""
    micro_batch: int = 0
    """Rows per forward pass; 0: the program chooses (the whole global batch where it fits)."""
    attention: str = "sdpa"
    save_seconds: float = 60.0
    """A training checkpoints when this long has passed since the last one."""
    save_steps: int = 0
    """If not 0, also every so many steps (tests)."""
    metrics: bool = False
    """Per-step entropy and accuracy of TRL, for trackers; off by default."""


def unheard(_path: Path, _digest: str) -> None:
    """Nobody wants to know a digest."""


def unsaid(_text: str) -> None:
    """Nobody listens."""


@frozen
class Task:
    """What `run(task)` of a program is given."""

    operator: str
    name: str
    options: Mapping[str, Json]
    inputs: tuple[Given, ...]
    fingerprint: str
    work: Path
    """Scratch folder of this fingerprint: survives kills, owned by this user, ignored by git and DVC."""
    output: Path
    """An existing empty folder. The caller adds `lineage.json`, syncs and renames it into place."""
    machine: Machine
    report: Callable[[Progress], None]
    """Says how far the program is. Raises Interrupted when the step was asked to end."""
    root: Path | None = None
    """The project, for what a step proves against `ladle.lock`; never a part of what it makes."""
    hashed: Callable[[Path, str], None] = unheard
    """Takes the SHA-256 (hex) of a file of `output` that a program knows already, so that it is not read again."""
    note: Callable[[str], None] = unsaid
    """Tells whoever runs the step what deserves a look; it is kept nowhere, and changes nothing that is made."""

    def given(self, role: str) -> Given:
        """Return the only input of `role`. Raises StepError where there is none."""
        for item in self.inputs:
            if item.role == role:
                return item
        raise StepError(f"the node has no input `{role}`", "write it again with `ladle compile`")

    def all_given(self, role: str) -> tuple[Given, ...]:
        """Return the inputs of `role` in order."""
        return tuple(item for item in self.inputs if item.role == role)
