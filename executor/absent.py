"""Data and models that only a lock knows. In: a graph and the project. Out: which are elsewhere; no run starts then."""

from __future__ import annotations

from pathlib import Path

from ladle.dsl.graph import Graph
from ladle.executor.lock.facts import LockedFacts
from ladle.executor.pointers import pointed
from ladle.executor.task import StepError

ROWS = "hub_rows"
"""The operator whose data lies on the hub."""
FOLDER = "local"
"""The operator of a model folder of the project."""


def absent(graph: Graph, targets: tuple[str, ...], root: Path) -> tuple[str, ...]:
    """Return the files, model folders and data sets that `targets` need and that are not here."""
    locked = LockedFacts(root)
    found: dict[str, None] = {}
    for node in graph.walk(targets):
        if node.operator == ROWS:
            options = dict(node.options)
            entry = locked.data(str(options["name"]), str(options["revision"]))
            if entry is not None and not entry.present:
                found[str(options["name"])] = None
        missing = [file for file in node.files if not (root / file).is_file() or pointed(root / file)]
        if missing and node.operator == FOLDER:
            missing = [str(Path(missing[0]).parent) if len(node.files) > 1 else missing[0]]
        found |= dict.fromkeys(missing)
    return tuple(found)


def refuse_absent(graph: Graph, targets: tuple[str, ...], root: Path) -> None:
    """Raise StepError where data is elsewhere: nothing begins that could not be finished."""
    if missing := absent(graph, targets, root):
        names = ", ".join(f"`{name}`" for name in missing[:5]) + (" and more" if len(missing) > 5 else "")
        message = f"only `ladle.lock` knows of what is not here: {names}"
        raise StepError(message, "put it where the recipe says; `ladle lock --check` says whether it is the same")
