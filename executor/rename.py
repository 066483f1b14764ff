"""Results under new names. In: the steps of a recipe before and after a renaming. Out: artifacts moved, nothing run."""

from __future__ import annotations

from dataclasses import replace

from ladle.executor.backends.dvc_lock import commit
from ladle.executor.disk import in_words, remove
from ladle.executor.gitignore import forget
from ladle.executor.layout import Layout
from ladle.executor.locks import hold, refuse_beside_a_run
from ladle.executor.pipeline import is_dvc_project, write_pipeline
from ladle.executor.record import read_record, write_record
from ladle.executor.reuse import holds, link
from ladle.executor.task import StepError
from ladle.executor.workspace import Workspace


def rename(before: Layout, after: Layout, workspace: Workspace) -> tuple[tuple[str, str], ...]:
    """Move the artifact of every computation whose place differs, then the pipeline and dvc.lock.

    Returns (old place, new place). At every moment an artifact lies whole in one of the two. Raises StepError where a
    new place is in use.
    """
    moves = _moves(before, after, workspace)
    with in_words("renaming"), hold(workspace.lock("run"), refuse_beside_a_run) as lock:
        for key, (old, new) in moves.items():
            link(workspace, old, new, key)
            record = read_record(workspace.record(key))
            if record:
                write_record(workspace, replace(record, place=new))
            remove(workspace.artifact(old))
            remove(workspace.work(key))
        write_pipeline(after, workspace, is_dvc_project(workspace))
        if is_dvc_project(workspace):
            commit(after, workspace, lock)
            forget(workspace, (old for old, _ in moves.values()))
    return tuple(moves.values())


def _moves(before: Layout, after: Layout, workspace: Workspace) -> dict[str, tuple[str, str]]:
    used = {spot.place for spot in before.spots.values()}
    found: dict[str, tuple[str, str]] = {}
    for key in before.spots.keys() & after.spots.keys():
        old, new = before.spots[key].place, after.spots[key].place
        if old == new or not holds(workspace, old, key):
            continue
        if new in used:
            raise StepError(f"`{new}` is the place of something else", "rename that first")
        found[key] = (old, new)
    return dict(sorted(found.items(), key=lambda item: item[1]))
