"""Keeps dvc.lock up to date. In: artifacts that `ladle run` made. Out: a dvc.lock that says so."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ladle.dsl.graph import Json
from ladle.executor.backends.dvc import pipeline_file
from ladle.executor.disk import write_file
from ladle.executor.layout import Layout
from ladle.executor.lineage import LARGEST, Lineage, read_lineage
from ladle.executor.nodefile import node_file
from ladle.executor.regular import read_regular
from ladle.executor.workspace import Workspace


def commit(layout: Layout, workspace: Workspace, lock: int) -> str:
    """Record every finished step in dvc.lock, in one process; return a note where that could not be done, else "".

    DVC takes a second to begin: it is started only for steps that the last time did not record. It inherits `lock`, the
    handle of the run's lock: should the run be killed, the next one waits until dvc.lock is whole.
    """
    pipeline = pipeline_file(layout.graph.recipe)
    memory = _Memory(workspace, layout.graph.recipe)
    stages = finished(layout, workspace)
    known = memory.read()
    new = [name for name, mark in stages.items() if known.get(name) != mark]
    steps = {layout.spots[node.fingerprint].name for node in layout.own_steps()}
    if not new and known.keys() <= steps:
        return ""
    if find_spec("dvc") is None:
        return "dvc is not installed here: dvc.lock was left as it was"
    command = [sys.executable, "-m", "ladle.executor.dvc_commit", pipeline]
    names = "\n".join(new)
    done = subprocess.run(
        command, cwd=workspace.root, input=names, capture_output=True, text=True, check=False, pass_fds=(lock,)
    )
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        return f"dvc.lock could not be brought up to date: {why}; `dvc commit --force {pipeline}` does it later"
    memory.write({name: mark for name, mark in {**known, **stages}.items() if name in steps})
    return ""


def finished(layout: Layout, workspace: Workspace) -> dict[str, str]:
    """Return the steps whose result and inputs all lie in their places: stage name, and digest of what is recorded."""
    steps = layout.steps(layout.graph.targets)
    there: set[str] = set()
    for node in steps:
        found = read_lineage(workspace.artifact(layout.spots[node.fingerprint].place))
        if isinstance(found, Lineage) and found.fingerprint == node.fingerprint:
            there.add(node.fingerprint)
    earlier = {key: node.fingerprint for key, node in layout.earlier_states(steps).items()}
    needed = {n.fingerprint: {earlier.get(n.fingerprint), *(u.fingerprint for _, u in layout.reads(n))} for n in steps}
    whole = (n for n in layout.own_steps() if {n.fingerprint, *needed[n.fingerprint]} - {None} <= there)
    return {layout.spots[n.fingerprint].name: _mark(n.fingerprint, node_file(layout, n)) for n in whole}


def _mark(key: str, content: bytes) -> str:
    return hashlib.sha256(key.encode() + content).hexdigest()


@dataclass(frozen=True, slots=True)
class _Memory:
    """What was recorded last; void as soon as dvc.lock is another file than then (a checkout, `dvc repro`)."""

    workspace: Workspace
    recipe: str

    @property
    def path(self) -> Path:
        return self.workspace.private / "dvc" / f"{self.recipe}.json"

    def read(self) -> dict[str, str]:
        try:
            raw = json.loads(read_regular(self.path, LARGEST))
            return dict(raw["stages"]) if raw["lock"] == self.lock() else {}
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return {}

    def write(self, stages: dict[str, str]) -> None:
        write_file(self.path, json.dumps({"lock": self.lock(), "stages": stages}).encode())

    def lock(self) -> Json:
        try:
            seen = (self.workspace.root / Path(pipeline_file(self.recipe)).with_suffix(".lock")).stat()
        except OSError:
            return None
        return [seen.st_size, seen.st_mtime_ns, seen.st_ino]
