"""Keeps dvc.lock up to date. In: artifacts that `ladle run` made. Out: a dvc.lock that says so."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from ladle.dsl.graph import Json
from ladle.executor.backends.dvc import compile_pipeline, pipeline_file
from ladle.executor.disk import write_file
from ladle.executor.layout import Layout
from ladle.executor.lineage import Lineage, read_lineage
from ladle.executor.workspace import Workspace


def commit(layout: Layout, workspace: Workspace) -> str:
    """Record every finished step in dvc.lock, in one process; return a note where that could not be done, else "".

    Nothing is started where nothing has changed since the last time: DVC takes a second to begin.
    """
    pipeline = pipeline_file(layout.graph.recipe)
    stages = finished(layout, workspace)
    memory = workspace.private / "dvc" / f"{layout.graph.recipe}.json"
    if not stages or _remembered(memory) == _state(layout, workspace, stages):
        return ""
    if find_spec("dvc") is None:
        return "dvc is not installed here: dvc.lock was left as it was"
    addresses = [f"{pipeline}:{name}" for name in stages]
    command = [sys.executable, "-m", "dvc", "commit", "--quiet", "--force", *addresses]
    done = subprocess.run(command, cwd=workspace.root, capture_output=True, text=True, check=False)
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["it gave no reason"])[0]
        return f"dvc.lock could not be brought up to date: {why}; `dvc commit --force {pipeline}` does it later"
    write_file(memory, json.dumps(_state(layout, workspace, stages)).encode())
    return ""


def finished(layout: Layout, workspace: Workspace) -> dict[str, str]:
    """Return stage names and fingerprints of the steps whose result and inputs all lie in their places."""
    steps = layout.steps(layout.graph.targets)
    there: dict[str, str] = {}
    for node in steps:
        found = read_lineage(workspace.artifact(layout.spots[node.fingerprint].place))
        if isinstance(found, Lineage) and found.fingerprint == node.fingerprint:
            there[node.fingerprint] = layout.spots[node.fingerprint].name
    whole = (n for n in steps if n.fingerprint in there and all(u.fingerprint in there for _, u in layout.reads(n)))
    return {there[node.fingerprint]: node.fingerprint for node in whole}


def _state(layout: Layout, workspace: Workspace, stages: dict[str, str]) -> Json:
    """What the last record is compared with: the steps, the pipeline's bytes, and what stat says of dvc.lock."""
    digest = hashlib.sha256()
    for path, content in sorted(compile_pipeline(layout).items()):
        digest.update(path.encode() + b"\0" + content)
    lock = workspace.root / Path(pipeline_file(layout.graph.recipe)).with_suffix(".lock")
    try:
        seen = lock.stat()
        mark: list[Json] = [seen.st_size, seen.st_mtime_ns, seen.st_ino]
    except OSError:
        mark = []
    return {"stages": dict(stages), "pipeline": digest.hexdigest(), "lock": mark}


def _remembered(memory: Path) -> Json:
    try:
        found: Json = json.loads(memory.read_bytes())
    except (OSError, ValueError):
        return None
    return found
