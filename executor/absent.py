"""Data that only a lock knows. In: a graph and the project. Out: which of it is elsewhere; no run may start then."""

from __future__ import annotations

from pathlib import Path

from ladle.dsl.graph import Graph
from ladle.executor.lock.facts import LockedFacts
from ladle.executor.task import StepError

ROWS = "hub_rows"
"""The operator whose data lies on the hub."""


def absent(graph: Graph, targets: tuple[str, ...], root: Path) -> tuple[str, ...]:
    """Return the files and data sets that `targets` need and that the lock says are elsewhere."""
    locked = LockedFacts(root)
    found: dict[str, None] = {}
    for node in graph.walk(targets):
        if node.operator == ROWS:
            options = dict(node.options)
            entry = locked.data(str(options["name"]), str(options["revision"]))
            if entry is not None and not entry.present:
                found[str(options["name"])] = None
        found |= dict.fromkeys(file for file in node.files if not (root / file).exists())
    return tuple(found)


def refuse_absent(graph: Graph, targets: tuple[str, ...], root: Path) -> None:
    """Raise StepError where data is elsewhere: nothing begins that could not be finished."""
    if missing := absent(graph, targets, root):
        names = ", ".join(f"`{name}`" for name in missing[:5]) + (" and more" if len(missing) > 5 else "")
        message = f"{len(missing)} of the corpora are not here, and only `ladle.lock` knows of them: {names}"
        raise StepError(message, "put the files where the recipe says, or take `present = false` back: `ladle lock`")
