"""What may be thrown away. In: graphs of all recipes, and the disk. Out: what is known to be nobody's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from ladle.dsl.graph import whole
from ladle.dsl.signature import Role
from ladle.executor.disk import in_words, remove, tree_bytes
from ladle.executor.freed import freed
from ladle.executor.gitignore import forget
from ladle.executor.layout import REPORT, Layout
from ladle.executor.leftovers import Goers, goers, left_over
from ladle.executor.locks import hold, refuse_beside_a_run
from ladle.executor.plan import Plan
from ladle.executor.record import read_record
from ladle.executor.workspace import PLACES, Workspace

RECORD = "record of a run of no recipe"
_BESIDE_NODES = ("dvc.yaml", "dvc.lock", ".gitignore")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Unused:
    """Something that no recipe refers to."""

    path: Path
    what: str
    size: int
    """As its files say."""
    frees: int = 0
    """What is free once all that is listed is removed: files with other names stay."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What recipes refer to. `unread` are names of recipes with mistakes: what they refer to cannot be known."""

    places: frozenset[str]
    keys: frozenset[str]
    unread: frozenset[str] = frozenset()
    blind: bool = False
    """Whether any recipe has mistakes: unfinished work does not say whose it is, and may be its."""
    pipelines: frozenset[str] = frozenset()
    """Names of recipes and variants: of folders below `pipelines/`."""
    goers: Goers = field(default_factory=dict)

    def has(self, place: str) -> bool:
        """Say whether a place is, or may be, that of a step of a recipe."""
        return place in self.places or any(made_by(name, place) for name in self.unread)


def kept(layouts: Iterable[Layout], unread: Iterable[str] = (), blind: bool = False) -> Kept:
    """Return what recipes refer to: whatever they declare, asked for or not, since it may be asked for by name."""
    layouts = tuple(layouts)
    places: set[str] = set()
    keys: set[str] = set()
    names: set[str] = set()
    for layout in layouts:
        names.add(layout.graph.recipe)
        names.update(spot.node_file.split("/")[1] for spot in layout.spots.values())
        steps = layout.declared()
        places.update(layout.spots[node.fingerprint].place for node in steps)
        keys.update(node.fingerprint for node in steps)
        # States of one training work in the folder of the whole, which may be nobody's step.
        keys.update(whole(node) for node in steps if layout.operator(node).role is Role.STAGE)
    known = frozenset(places), frozenset(keys), frozenset(unread)
    return Kept(*known, blind, frozenset(names), goers(layouts))


def made_by(recipe: str, place: str) -> bool:
    """Say whether a place is among those of a recipe or of one of its variants, of which there may be any."""
    owner = place.split("/")[1]
    return owner == recipe or owner.startswith(f"{recipe}-")


def has_made(workspace: Workspace, recipe: str) -> bool:
    """Say whether a recipe, or a variant of it, was ever run: node files are written before anything else."""
    tops = (workspace.root / top for top in ("pipelines", *PLACES))
    return any(made_by(recipe, f"{path.parent.name}/{path.name}") for top in tops for path in top.glob("*/"))


def collect(workspace: Workspace, known: Kept, only: frozenset[str] | None = None) -> tuple[Unused, ...]:
    """Return artifacts, pipelines, work and run records that no step of the known recipes has. Nothing is removed.

    With `only` what lies in the places of recipes of these names. Work says nothing of its recipe: it is returned
    where all recipes could be read, and nobody asked for some alone.
    """
    found = [*_artifacts(workspace, known, only), *_pipelines(workspace, known, only)]
    found += _records(workspace, known, only)
    if only is None and not known.blind:
        found += _work(workspace, known)
    found.sort(key=lambda item: item.path)
    frees = freed([item.path for item in found])
    return tuple(replace(item, frees=each) for item, each in zip(found, frees, strict=True))


def _artifacts(workspace: Workspace, known: Kept, only: frozenset[str] | None) -> Iterator[Unused]:
    for place in workspace.published():
        if not known.has(place) and (only is None or place.split("/")[1] in only) and not _linked(workspace, place):
            path = workspace.artifact(place)
            yield Unused(path, "artifact of no recipe", tree_bytes(path))


def _linked(workspace: Workspace, place: str) -> bool:
    """Say whether a link leads to a place: what lies there lies elsewhere, under a name of its own."""
    path = workspace.root / place
    return any(each.is_symlink() for each in (path, *path.parents[: len(Path(place).parts)]))


def _pipelines(workspace: Workspace, known: Kept, only: frozenset[str] | None) -> Iterator[Unused]:
    """Yield pipelines of no recipe. A folder that holds anything else is somebody's."""
    for path in sorted((workspace.root / "pipelines").glob("*/")):
        name = path.name
        unread = any(made_by(each, f"pipelines/{name}") for each in known.unread)
        linked = _linked(workspace, f"pipelines/{name}")
        wanted = name in known.pipelines or unread or linked or (only is not None and name not in only)
        if not wanted and _compiled(path):
            yield Unused(path, "pipeline of no recipe", tree_bytes(path))


def _compiled(folder: Path) -> bool:
    """Say whether a folder holds what `compile` writes and nothing else."""
    rest = [path.name for path in folder.iterdir() if path.name not in _BESIDE_NODES]
    strange = (path for path in (folder / "nodes").glob("*") if path.suffix != ".json" or not path.is_file())
    return rest == ["nodes"] and not any(strange)


def _records(workspace: Workspace, known: Kept, only: frozenset[str] | None) -> Iterator[Unused]:
    """Yield records of no step. One that cannot be read says nothing of its recipe."""
    for path in sorted((workspace.private / "runs").glob("*.json")):
        if not _FINGERPRINT.match(path.stem) or path.stem in known.keys:
            continue
        record = read_record(path)
        owner = record.place.split("/")[1] if record and "/" in record.place else ""
        kept_for = any(made_by(name, f"/{owner}") for name in known.unread) or (bool(known.unread) and not owner)
        if not kept_for and (only is None or owner in only):
            yield Unused(path, RECORD, path.stat().st_size)


def _work(workspace: Workspace, known: Kept) -> Iterator[Unused]:
    for path in sorted((workspace.private / "work").glob("*")):
        if not _FINGERPRINT.match(path.name):
            continue
        if path.name not in known.keys:
            yield Unused(path, "unfinished work of no recipe", tree_bytes(path))
            continue
        for part in left_over(workspace, path, known.goers):
            yield Unused(part, "work that nothing goes on from", tree_bytes(part))


def throw_away(workspace: Workspace, unused: Iterable[Unused]) -> None:
    """Remove what `collect` found. Raises StepError while a run is going on."""
    with in_words("removing what is not used"), hold(workspace.lock("run"), refuse_beside_a_run):
        for item in unused:
            _remove(workspace, item.path)
        tops = tuple(item.path.relative_to(workspace.root).as_posix() for item in unused)
        forget(workspace, (place for place in tops if place.split("/")[0] in PLACES))


def _remove(workspace: Workspace, path: Path) -> None:
    """Remove one thing; work while nobody makes its step, as `dvc repro` does without holding a run's lock."""
    parts = path.relative_to(workspace.root).parts
    if parts[:2] != (".ladle", "work"):
        remove(path)
        return
    lock = workspace.lock(parts[2])
    with hold(lock, refuse_beside_a_run):
        remove(path)
        lock.unlink(missing_ok=True)


def drop_intermediates(plan: Plan, workspace: Workspace) -> None:
    """Remove what a finished run needed only on the way: all but targets and what the report shows.

    What a used recipe asks for is that recipe's, and stays.
    """
    layout, needed = plan.layout, set(plan.targets)
    for key in plan.targets:
        node = layout.graph.nodes[key]
        if node.operator == REPORT:
            needed.update(used.fingerprint for _, used in layout.reads(node))
            models = (layout.reads(used) for _, used in layout.reads(node))
            needed.update(used.fingerprint for reads in models for role, used in reads if role == "model")
    with in_words("removing intermediates"):
        for item in plan.nodes:
            if item.place and not item.node.recipe and item.node.fingerprint not in needed:
                remove(workspace.artifact(item.place))
