"""Whether a compiled pipeline is current. In: the steps of a graph and the files. Out: what drifted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ladle.executor.backends.dvc import command, pipeline_file
from ladle.executor.layout import Layout
from ladle.executor.pipeline import left_over, pipeline_files
from ladle.executor.regular import read_regular
from ladle.executor.workspace import Workspace
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

LARGEST = 64 * 2**20
"""Bytes of the largest file of a pipeline that is read."""


class State(StrEnum):
    """What dvc.lock knows of a stage."""

    FRESH = "fresh"
    STALE = "stale"
    NEVER = "never run"
    ORPHAN = "orphan"


@dataclass(frozen=True, slots=True)
class Drift:
    """Files that a new compilation would write differently, and the state of each stage."""

    changed: tuple[str, ...]
    missing: tuple[str, ...]
    left_over: tuple[str, ...]
    """Node files of no step."""
    stages: Mapping[str, State]

    @property
    def current(self) -> bool:
        """Whether the pipeline is what the recipe says, whatever has been run."""
        return not (self.changed or self.missing or self.left_over)


def check_drift(layout: Layout, workspace: Workspace) -> Drift:
    """Compare the files of a pipeline with what a compilation gives, and dvc.lock with the steps."""
    wanted = pipeline_files(layout, workspace)
    on_disk = {path: _read(workspace.root / path) for path in wanted}
    changed = tuple(path for path, content in on_disk.items() if content is not None and content != wanted[path])
    missing = tuple(path for path, content in on_disk.items() if content is None)
    return Drift(
        changed, missing, left_over(layout, workspace, frozenset(wanted)), stage_states(layout, workspace, wanted)
    )


def stage_states(layout: Layout, workspace: Workspace, wanted: Mapping[str, bytes]) -> dict[str, State]:
    """Return the state of each stage of the pipeline, and of each that only dvc.lock knows."""
    locked = read_lock(workspace.root / Path(pipeline_file(layout.graph.recipe)).with_suffix(".lock"))
    made = _made(locked) | _made_elsewhere(layout, workspace)
    states: dict[str, State] = {}
    for node in layout.own_steps():
        spot = layout.spots[node.fingerprint]
        entry = locked.pop(spot.name, None)
        if entry is None:
            states[spot.name] = State.NEVER
            continue
        inputs = {layout.spots[used.fingerprint].place for _, used in layout.reads(node)}
        expected = {path: made.get(path) for path in inputs}
        expected |= {path: _md5(workspace.root / path) for path in layout.data(node)}
        expected[spot.node_file] = hashlib.md5(wanted[spot.node_file], usedforsecurity=False).hexdigest()
        fits = entry.get("cmd") == command(spot.node_file) and _hashes(entry, "deps") == expected
        states[spot.name] = State.FRESH if fits and list(_hashes(entry, "outs")) == [spot.place] else State.STALE
    return states | dict.fromkeys(locked, State.ORPHAN)


def _made(locked: Mapping[str, Mapping[str, object]]) -> dict[str, str | None]:
    return {path: hash for entry in locked.values() for path, hash in _hashes(entry, "outs").items()}


def _made_elsewhere(layout: Layout, workspace: Workspace) -> dict[str, str | None]:
    """What the pipelines of the used recipes have made, as their lock files say."""
    recipes = sorted({node.recipe for node in layout.steps(layout.graph.targets) if node.recipe})
    locks = ((workspace.root / pipeline_file(recipe)).with_suffix(".lock") for recipe in recipes)
    return {path: hash for lock in locks for path, hash in _made(read_lock(lock)).items()}


def read_lock(path: Path) -> dict[str, Mapping[str, object]]:
    """Return the stages of a dvc.lock; none where it is missing or is not one."""
    try:
        raw = YAML(typ="safe").load(read_regular(path, LARGEST))
        stages = raw["stages"]
        return {str(name): dict(entry) for name, entry in stages.items()}
    except (OSError, YAMLError, KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return {}


def _hashes(entry: Mapping[str, object], key: str) -> dict[str, str | None]:
    items = entry.get(key)
    found = items if isinstance(items, list) else []
    return {str(item["path"]): item.get("md5") for item in found if isinstance(item, dict) and "path" in item}


def _md5(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError:
        return None


def _read(path: Path) -> bytes | None:
    try:
        return read_regular(path, LARGEST)
    except OSError:
        return None
