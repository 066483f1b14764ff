"""Work that nothing goes on from. In: steps of recipes, and the disk. Out: work folders, or parts of them, that may go.

A step that starts again empties its `output`; only some go on from what lies in `scratch`: a training from a
checkpoint, a choice and a merge of whole models from what they have worked out. Where the result is there, none does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ladle.dsl.graph import whole
from ladle.dsl.signature import Operator, Role
from ladle.executor.layout import Layout
from ladle.executor.locks import is_held
from ladle.executor.reuse import holds
from ladle.executor.task import CHECKPOINTS, StepError
from ladle.executor.workspace import Workspace

PARTS: Final = ("output", "link")
"""Parts of a work folder that a step makes anew."""
_THROUGH_MERGEKIT: Final = "ladle.executor.mergekit."


@dataclass(frozen=True, slots=True)
class Goer:
    """A step that may go on from a work folder: its fingerprint, the place of its result, whether it trains."""

    key: str
    place: str
    trains: bool


Goers = Mapping[str, frozenset[Goer]]
"""By the name of the work folder."""


def goers(layouts: Iterable[Layout]) -> Goers:
    """Return the steps that may go on from each work folder."""
    found: dict[str, set[Goer]] = {}
    for layout in layouts:
        for node in layout.declared():
            operator = layout.operator(node)
            if _goes_on(operator):
                trains = operator.role is Role.STAGE
                goer = Goer(node.fingerprint, layout.spots[node.fingerprint].place, trains)
                found.setdefault(whole(node) if trains else node.fingerprint, set()).add(goer)
    return {key: frozenset(each) for key, each in found.items()}


def left_over(workspace: Workspace, folder: Path, known: Goers) -> Iterator[Path]:
    """Yield what may go of the work folder of a known step: nothing of one that is being made."""
    if is_held(workspace.lock(folder.name)):
        return
    if not _resumable(workspace, folder / "scratch", known.get(folder.name, frozenset())):
        yield from [folder] if _holds_files(folder) else []
        return
    yield from (folder / part for part in PARTS if _holds_files(folder / part))


def _goes_on(operator: Operator) -> bool:
    program = operator.program or ""
    return operator.role in (Role.STAGE, Role.CHOICE) or (operator.whole and not program.startswith(_THROUGH_MERGEKIT))


def _resumable(workspace: Workspace, scratch: Path, steps: frozenset[Goer]) -> bool:
    """Say whether a step that is not made could go on from what lies there."""
    some = any((scratch / CHECKPOINTS).glob("step-*")), _holds_files(scratch)
    waiting = (each for each in steps if some[0 if each.trains else 1])
    return any(not _made(workspace, each) for each in waiting)


def _made(workspace: Workspace, step: Goer) -> bool:
    try:
        return holds(workspace, step.place, step.key)
    except (OSError, StepError):
        return False


def _holds_files(folder: Path) -> bool:
    return any(not path.is_dir() or path.is_symlink() for path in folder.rglob("*"))
