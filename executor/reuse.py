"""Artifacts that lie ready. In: a fingerprint. Out: where it lies, whatever its name; or a second name for it."""

from __future__ import annotations

from ladle.executor.disk import link_tree, publish, remove, sync_tree
from ladle.executor.lineage import LARGEST, LINEAGE, Lineage, inspect
from ladle.executor.regular import read_regular
from ladle.executor.workspace import Workspace


def holds(workspace: Workspace, place: str, key: str) -> bool:
    """Say whether the artifact of `key` lies at `place`, whole."""
    found = inspect(workspace.artifact(place), workspace.digests)
    return isinstance(found, Lineage) and found.fingerprint == key


def find_equal(workspace: Workspace, key: str) -> str | None:
    """Return a place that holds the artifact of `key`, whole, whatever its name; None where there is none."""
    for place in workspace.published():
        try:
            hint = key.encode() in read_regular(workspace.path(place) / LINEAGE, LARGEST)
        except OSError:
            continue
        if hint and holds(workspace, place, key):
            return place
    return None


def link(workspace: Workspace, source: str, place: str, key: str) -> None:
    """Publish the files of `source` under a second name: they are never written again, so no place changes another."""
    work = workspace.work(key)
    new = work / "link"
    remove(new)
    new.mkdir(parents=True)
    link_tree(workspace.artifact(source), new)
    sync_tree(new)
    publish(new, workspace.destination(place), work / "old")
