"""What may be thrown away. In: graphs of all recipes, and the disk. Out: what nothing refers to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ladle.executor.disk import in_words, remove, tree_bytes
from ladle.executor.layout import REPORT, Layout
from ladle.executor.locks import hold, refuse_beside_a_run
from ladle.executor.plan import Plan
from ladle.executor.workspace import Workspace

RECORD = "record of a run of no recipe"
_FINGERPRINT = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Unused:
    """Something that no recipe refers to."""

    path: Path
    what: str
    size: int


def collect(workspace: Workspace, layouts: Iterable[Layout]) -> tuple[Unused, ...]:
    """Return artifacts, work folders and run records that no step of the given recipes has. Nothing is removed."""
    places: set[str] = set()
    keys: set[str] = set()
    for layout in layouts:
        steps = layout.steps(layout.graph.targets)
        places.update(layout.spots[node.fingerprint].place for node in steps)
        keys.update(node.fingerprint for node in steps)
    found = [*_artifacts(workspace, places), *_private(workspace, keys)]
    return tuple(sorted(found, key=lambda item: item.path))


def _artifacts(workspace: Workspace, places: set[str]) -> Iterator[Unused]:
    for place in workspace.published():
        if place not in places:
            path = workspace.artifact(place)
            yield Unused(path, "artifact of no recipe", tree_bytes(path))


def _private(workspace: Workspace, keys: set[str]) -> Iterator[Unused]:
    for path in sorted((workspace.private / "work").glob("*")):
        if _FINGERPRINT.match(path.name) and path.name not in keys:
            yield Unused(path, "unfinished work of no recipe", tree_bytes(path))
    for path in sorted((workspace.private / "runs").glob("*.json")):
        if _FINGERPRINT.match(path.stem) and path.stem not in keys:
            yield Unused(path, RECORD, path.stat().st_size)


def throw_away(workspace: Workspace, unused: Iterable[Unused]) -> None:
    """Remove what `collect` found. Raises StepError while a run is going on."""
    with in_words("removing what is not used"), hold(workspace.lock("run"), refuse_beside_a_run):
        for item in unused:
            remove(item.path)


def drop_intermediates(plan: Plan, workspace: Workspace) -> None:
    """Remove what a finished run needed only on the way: all but targets and what the report shows.

    What a used recipe asks for is that recipe's, and stays.
    """
    layout, kept = plan.layout, set(plan.targets)
    for key in plan.targets:
        node = layout.graph.nodes[key]
        if node.operator == REPORT:
            kept.update(used.fingerprint for _, used in layout.reads(node))
            models = (layout.reads(used) for _, used in layout.reads(node))
            kept.update(used.fingerprint for reads in models for role, used in reads if role == "model")
    with in_words("removing intermediates"):
        for item in plan.nodes:
            if item.place and not item.node.recipe and item.node.fingerprint not in kept:
                remove(workspace.artifact(item.place))
