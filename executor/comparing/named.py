"""What the words of `ladle compare` mean. In: folders and names, perhaps a recipe. Out: folders, or what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ladle.dsl.graph import Graph, Node
from ladle.dsl.signature import Fault, Role
from ladle.executor.catalog import vocabulary
from ladle.executor.console import from_here, typed
from ladle.executor.layout import Layout, merges
from ladle.executor.lineage import Lineage, read_lineage
from ladle.executor.mergekit.spoken import ROUND
from ladle.executor.opened import Opened
from ladle.executor.places import ADAPTER
from ladle.executor.plan import sought
from ladle.executor.task import StepError
from ladle.executor.workspace import PLACES, Workspace

_SHOWN: Final = 3
"""Ancestors that a note names."""


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
    adapters: tuple[Path, ...] = ()
    """Folders of adapters that are folded into the model in `folder`, the first one first."""

    @property
    def shown(self) -> Path:
        """The folder that it is called by: of an adapter its own, not that of the model it sits on."""
        return self.adapters[-1] if self.adapters else self.folder

    @property
    def lies(self) -> tuple[Path, ...]:
        """Where its weights are, to tell one model from another."""
        return tuple(each.resolve() for each in (self.folder, *self.adapters))


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
        return _no_model(opened, other)
    found = [_node(opened, node, word if len(nodes) == 1 else node.name) for node in nodes]
    faults = [each for each in found if isinstance(each, Fault)]
    return faults[0] if faults else tuple(each for each in found if isinstance(each, Named))


def _folder(path: Path) -> Named:
    lineage = read_lineage(path)
    return Named(path.resolve().name or str(path), path, lineage.fingerprint if isinstance(lineage, Lineage) else "")


_MODELS = (Role.STAGE, Role.MODEL_SOURCE, Role.CHOICE, Role.MERGE)


def has_weights(layout: Layout, node: Node) -> bool:
    """Say whether a node is a model: one that a step makes, or a folder of the project."""
    operator = layout.operator(node)
    return merges(operator) or operator.role in _MODELS


def _no_model(opened: Opened, node: Node) -> Fault:
    if opened.layout.operator(node).role is Role.ADAPTER:
        help = "name the model that it was taken from: an adapter has only its difference from a base"
        return Fault("E640", f"`{node.name}` is an adapter, and not a model", help)
    return Fault("E640", f"`{node.name}` is not a model", "name models: corpora and scores have no weights")


def _node(opened: Opened, node: Node, name: str) -> Named | Fault:
    below = _below(opened, node)
    if below is not None:
        found = _node(opened, below, name)
        return found if isinstance(found, Fault) else _with_adapter(opened, node, below, found)
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


def _below(opened: Opened, node: Node) -> Node | None:
    """Return the model that an adapter of the project sits on, None for a model that is no adapter."""
    if node.produces or not any(Path(path).name == ADAPTER for path in node.files):
        return None
    return next((opened.layout.graph.nodes[used.node] for used in node.inputs if used.role == "from"), None)


def _with_adapter(opened: Opened, node: Node, below: Node, model: Named) -> Named:
    """Return a model with the adapter of `node` folded in."""
    file = next(path for path in node.files if Path(path).name == ADAPTER)
    adapters = (*model.adapters, opened.workspace.root / Path(file).parent)
    told = f"`{model.name}` is an adapter, compared as `{below.name}` with it folded in"
    note = "; ".join(each for each in (told, model.note.replace(f"`{model.name}`", f"`{below.name}`")) if each)
    return replace(model, key=node.fingerprint, note=note, adapters=adapters)


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
    """Return the nearest model that all descend from, one of them perhaps, where that is known and still there.

    Nearest is that which takes the fewest steps back from all of them together. Of several that are as near the first
    counts, in the order in which the first of the models names what it is made from; the others are noted.
    """
    if not all(each.key for each in models):
        return None
    known, places = _known(models)
    depths = [_depths(each.key, known) for each in models]
    shared = [key for key in depths[0] if all(key in each for each in depths)]
    steps = {key: sum(each[key] for each in depths) for key in shared}
    nearest = [key for key in shared if steps[key] == min(steps.values())]
    there = [next((each for each in models if each.key == key), places.get(key)) for key in nearest]
    found = [each for each in there if each is not None]
    return _noted(found[0], found[1:], models[0]) if found else None


def _noted(ancestor: Named, others: Sequence[Named], model: Named) -> Named:
    """Return an ancestor with a note that names those which are as near."""
    if not others:
        return ancestor
    listed = ", ".join(f"`{each.name}`" for each in others[:_SHOWN])
    more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
    told = f"as near a common ancestor as `{ancestor.name}`, which `{model.name}` names first: `--base` takes another"
    verb = "are" if len(others) > 1 else "is"
    return replace(ancestor, note="; ".join(each for each in (ancestor.note, f"{listed}{more} {verb} {told}") if each))


def _known(models: Sequence[Named]) -> tuple[Parents, Mapping[str, Named]]:
    known: dict[str, Sequence[str]] = {}
    operators: dict[str, str] = {}
    places: dict[str, Named] = {}
    for root in {root for each in models if (root := _project(each))}:
        workspace = Workspace(root)
        for place in workspace.published():
            lineage = read_lineage(workspace.artifact(place))
            if isinstance(lineage, Lineage):
                known[lineage.fingerprint] = tuple(key for role, key in lineage.inputs if _descends(role))
                operators[lineage.fingerprint] = lineage.operator
                name = place.rpartition("/")[2]
                places[lineage.fingerprint] = Named(name, workspace.artifact(place), lineage.fingerprint)
    for opened in {id(each.opened): each.opened for each in models if each.opened}.values():
        for key, parents, at in _of_graph(opened, opened.layout.graph):
            known[key] = parents
            operators[key] = opened.layout.graph.nodes[key].operator
            if at:
                places.setdefault(key, at)
    wrapping = {name for name, operator in vocabulary().items() if operator.wraps}
    handed = {key: known[key] for key, name in operators.items() if name in wrapping}
    return known | {key: _of_handed(inner, known, operators) for key, inner in handed.items()}, places


def _of_handed(inner: Sequence[str], known: Parents, operators: Mapping[str, str]) -> tuple[str, ...]:
    """Return what a merge that another engine computes is made from: the same merge by our own is no ancestor."""
    found: dict[str, None] = {}
    edge, seen = list(inner), set[str]()
    while edge:
        key = edge.pop(0)
        if operators.get(key) == ROUND and key not in seen:
            seen.add(key)
            edge = [*known[key], *edge]
        else:
            found |= dict.fromkeys(known.get(key, ()))
    return tuple(found)


def _of_graph(opened: Opened, graph: Graph) -> Iterator[tuple[str, Sequence[str], Named | None]]:
    for key, node in graph.nodes.items():
        found = _node(opened, node, node.name) if not node.produces and has_weights(opened.layout, node) else None
        at = replace(found, note="", opened=None) if isinstance(found, Named) else None
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
