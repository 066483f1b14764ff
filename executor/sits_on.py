"""Whether adapters sit on the model that they name. In: a plan, the project. Out: notes for the user.

An adapter's own configuration names the model that it was trained on, by a repository or a path of another machine. It
is never followed; where it reads otherwise than the model that the recipe says, only the user can know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from ladle.dsl.graph import Graph, Node
from ladle.executor.model_folder import BadFolder, json_object
from ladle.executor.places import ADAPTER
from ladle.executor.plan import Plan
from ladle.executor.quoting import short
from ladle.executor.workspace import Workspace

NAMED: Final = "base_model_name_or_path"
_CACHED: Final = re.compile(r"models--.+?--([^/]+)")
"""A repository as the hub's cache calls its folder."""


def is_adapter(node: Node) -> bool:
    """Say whether a node is an adapter of the project."""
    return not node.produces and any(PurePosixPath(file).name == ADAPTER for file in node.files)


def strangers(made: Plan, workspace: Workspace) -> Iterator[str]:
    """Yield a note for each adapter that names another model than the one it is said to sit on."""
    graph = made.layout.graph
    for node in (item.node for item in made.nodes if is_adapter(item.node)):
        below = next((graph.nodes[used.node] for used in node.inputs if used.role == "from"), None)
        said = _said(workspace.root, node)
        if below is None or not said or _plain(said) in _names(made, graph, below):
            continue
        yield (
            f"`{node.name}` says that it was trained on `{short(said)}`, and sits on `{below.name}` here: "
            "what is made of it is right only if these are one model"
        )


def _said(root: Path, node: Node) -> str:
    file = root / next(file for file in node.files if PurePosixPath(file).name == ADAPTER)
    try:
        found = json_object(file, node.name).get(NAMED)
    except (BadFolder, OSError):
        return ""
    return found if isinstance(found, str) else ""


def _names(made: Plan, graph: Graph, model: Node) -> frozenset[str]:
    """Return what a model may be called by others: its repository, its folder, its name."""
    names = [model.name, str(dict(model.options).get("name", ""))]
    names += [str(PurePosixPath(file).parent) for file in model.files[:1]]
    names += [made.layout.spots[model.fingerprint].place] if model.fingerprint in made.layout.spots else []
    # An adapter on an adapter names the model below both, as peft writes it.
    below = [graph.nodes[used.node] for used in model.inputs if used.role == "from" and is_adapter(model)]
    return frozenset(_plain(name) for name in names if name).union(*(_names(made, graph, each) for each in below))


def _plain(name: str) -> str:
    """Return the last part of a path or repository, as far as names of one model agree."""
    cached = _CACHED.search(name)
    last = cached[1] if cached else PurePosixPath(name).name
    return re.sub(r"[^a-z0-9]", "", last.lower())
