"""What DVC can fetch instead of its being made again. In: a plan. Out: a note for the user, or ""."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from ladle.executor.backends.dvc import compile_pipeline, pipeline_file
from ladle.executor.layout import Layout
from ladle.executor.plan import Plan
from ladle.executor.workspace import Workspace


def fetchable(made: Plan, workspace: Workspace) -> str:
    """Say how many of the steps to run dvc.lock knows the result of; "" where it knows none."""
    layout = made.layout
    lock = (workspace.root / pipeline_file(layout.graph.recipe)).with_suffix(".lock")
    if not made.work or not lock.is_file():
        return ""
    known = _known(layout, workspace)
    count = sum(item.node.fingerprint in known for item in made.work)
    if not count:
        return ""
    return (
        f"dvc.lock knows the results of {count} of the {len(made.work)} steps to run: "
        "`dvc checkout` (or `dvc pull`) fetches them instead of making them again"
    )


def _known(layout: Layout, workspace: Workspace) -> set[str]:
    """Steps whose results in dvc.lock are those of the recipe: current themselves, as is all they are made from."""
    # Reading YAML takes a library that most commands do without.
    states: Callable[[Layout, Workspace, Mapping[str, bytes]], Mapping[str, str]]
    states = import_module("ladle.executor.backends.drift").stage_states
    found = states(layout, workspace, compile_pipeline(layout))
    known: set[str] = set()
    for node in layout.own_steps():
        fresh = found[layout.spots[node.fingerprint].name] == "fresh"
        if fresh and all(used.recipe or used.fingerprint in known for _, used in layout.reads(node)):
            known.add(node.fingerprint)
    return known
