"""What the words of `ladle compare` mean. In: folders and names, perhaps a recipe. Out: folders, or what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ladle.dsl.graph import Graph, Node
from ladle.dsl.signature import Fault, Role
from ladle.executor.console import from_here, typed
from ladle.executor.layout import Layout, merges
from ladle.executor.lineage import Lineage, read_lineage
from ladle.executor.opened import Opened
from ladle.executor.plan import sought
from ladle.executor.task import StepError
from ladle.executor.workspace import PLACES, Workspace


@dataclass(frozen=True, slots=True)
class Named:
    """A model to compare: what it is called, and where it lies."""

    name: str
    folder: Path
    key: str = ""
    """Fingerprint, of what a recipe makes or a lineage says."""
    note: str = ""
    opened: Opened | None = None
    word: str = ""
    """What was typed; nothing of an ancestor that was found."""


Open = Callable[[str], Opened]
"""Returns the recipe of this project that has a model of a name. Raises StepError."""


def named(word: str, recipe: Opened | None, find: Open) -> tuple[Named, ...] | Fault:
    """Return the models that a word means: with a recipe its names come first, without one folders do."""
    found = _named(word, recipe, find)
    return found if isinstance(found, Fault) else tuple(replace(each, word=word) for each in found)


def _named(word: str, recipe: Opened | None, find: Open) -> tuple[Named, ...] | Fault:
    path = Path(word)
    if recipe is None and path.is_dir():
        return (_folder(path),)
    if recipe is None and ("/" in word or word.startswith(".")):
        return Fault("E640", f"there is no folder `{word}`", "name a model folder, or a model of a recipe")
    try:
        opened = recipe or find(word)
        keys = sought(opened.layout, word)
    except StepError as error:
        if path.is_dir():
            return (_folder(path),)
        return Fault("E640", f"`{word}` is no folder, and {error.message}", error.help)
    nodes = [opened.layout.graph.nodes[key] for key in keys]
    if other := next((node for node in nodes if not has_weights(opened.layout, node)), None):
        return Fault("E640", f"`{other.name}` is not a model", "name models: corpora and scores have no weights")
    found = [_node(opened, node, word if len(nodes) == 1 else node.name) for node in nodes]
    faults = [each for each in found if isinstance(each, Fault)]
    return faults[0] if faults else tuple(each for each in found if isinstance(each, Named))


def _folder(path: Path) -> Named:
    lineage = read_lineage(path)
    return Named(path.resolve().name or str(path), path, lineage.fingerprint if isinstance(lineage, Lineage) else "")


_MODELS = (Role.STAGE, Role.MODEL_SOURCE, Role.CHOICE)


def has_weights(layout: Layout, node: Node) -> bool:
    """Say whether a node is a model: one that a step makes, or a folder of the project."""
    operator = layout.operator(node)
    return merges(operator) or operator.role in _MODELS


def _node(opened: Opened, node: Node, name: str) -> Named | Fault:
    folder = place_of(opened, node)
    if folder is None:
        return Fault("E641", f"`{name}` has no folder of its own", "name the model that is made from it")
    if not node.produces:
        return Named(name, folder, node.fingerprint, "", opened)
    lineage = read_lineage(folder)
    if not isinstance(lineage, Lineage):
        recipe = typed(Path(from_here(opened.loaded.path)))
        return Fault("E641", f"`{name}` is not made yet: {lineage.reason}", f"`ladle run {recipe} {typed(Path(name))}`")
    stale = lineage.fingerprint != node.fingerprint
    note = f"`{name}` was made before the recipe changed: what lies there is compared" if stale else ""
    return Named(name, folder, node.fingerprint, note, opened)


def place_of(opened: Opened, node: Node) -> Path | None:
    """Return the folder in which a model of a recipe lies, or would; None for what is made from no folder."""
    if node.produces:
        return opened.workspace.artifact(opened.layout.spots[node.fingerprint].place)
    found = next((path for path in node.files if Path(path).name == "config.json"), None)
    return None if found is None else opened.workspace.root / Path(found).parent


# --- ancestry -------------------------------------------------------------------------------------------------------

Parents = Mapping[str, Sequence[str]]
"""What each model is made from, by fingerprint; what it claims to descend from counts."""


def common_ancestor(models: Sequence[Named]) -> Named | None:
    """Return the nearest model that all descend from, one of them perhaps, where that is known and still there."""
    if not all(each.key for each in models):
        return None
    known, places = _known(models)
    depths = [_depths(each.key, known) for each in models]
    shared = set.intersection(*(set(each) for each in depths))
    nearest = min(shared, key=lambda key: (sum(each[key] for each in depths), key), default=None)
    if nearest is None:
        return None
    return next((each for each in models if each.key == nearest), places.get(nearest))


def _known(models: Sequence[Named]) -> tuple[Parents, Mapping[str, Named]]:
    known: dict[str, Sequence[str]] = {}
    places: dict[str, Named] = {}
    for root in {root for each in models if (root := _project(each))}:
        workspace = Workspace(root)
        for place in workspace.published():
            lineage = read_lineage(workspace.artifact(place))
            if isinstance(lineage, Lineage):
                known[lineage.fingerprint] = tuple(key for role, key in lineage.inputs if _descends(role))
                name = place.rpartition("/")[2]
                places[lineage.fingerprint] = Named(name, workspace.artifact(place), lineage.fingerprint)
    for opened in {id(each.opened): each.opened for each in models if each.opened}.values():
        for key, parents, at in _of_graph(opened, opened.layout.graph):
            known[key] = parents
            if at:
                places.setdefault(key, at)
    return known, places


def _of_graph(opened: Opened, graph: Graph) -> Iterator[tuple[str, Sequence[str], Named | None]]:
    for key, node in graph.nodes.items():
        folder = place_of(opened, node) if not node.produces else None
        at = Named(node.name, folder, key) if folder and has_weights(opened.layout, node) else None
        yield key, tuple(item.node for item in node.inputs if _descends(item.role)), at


def _project(model: Named) -> Path | None:
    """Return the project whose artifact a model is."""
    if model.opened:
        return model.opened.workspace.root
    parts = model.folder.resolve().parents
    depth = PLACES["artifacts"] - 1
    return parts[depth] if len(parts) > depth and parts[depth - 1].name == "artifacts" else None


def _descends(role: str) -> bool:
    return role in ("model", "base", "from") or role.isdecimal()


def _depths(key: str, known: Parents) -> dict[str, int]:
    """Return how many steps back each ancestor of a model lies, itself at 0."""
    depths, edge = {key: 0}, [key]
    while edge:
        before = dict.fromkeys(parent for each in edge for parent in known.get(each, ()) if parent not in depths)
        depths |= dict.fromkeys(before, depths[edge[0]] + 1)
        edge = list(before)
    return depths
