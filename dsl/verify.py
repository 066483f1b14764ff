"""What holds of every graph. In: a Graph. Out: the same Graph; what does not hold is a fault of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ladle.dsl.graph import Graph, Node, fingerprint

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,119}(/[a-z0-9][a-z0-9_-]{0,119})?")


class GraphError(Exception):
    """A graph that lowering must not have made."""


def verify(graph: Graph) -> Graph:
    """Return `graph`. Raises GraphError where it is not what lowering promises."""
    faults = [*_nodes(graph), *_names(graph), *_references(graph)]
    if faults:
        raise GraphError("; ".join(faults[:5]))
    return graph


def _nodes(graph: Graph) -> Iterator[str]:
    seen: set[str] = set()
    for key, node in graph.nodes.items():
        if key != node.fingerprint or key != _identity(node):
            yield f"`{node.name}` has not the fingerprint of its parts"
        if any(used.node not in seen for used in node.inputs):
            yield f"`{node.name}` stands before one of its inputs"
        if not node.produces and not node.content and node.files:
            yield f"`{node.name}` has files without content"
        if len(node.files) != len(node.content):
            yield f"`{node.name}` has {len(node.files)} files and {len(node.content)} digests"
        seen.add(key)


def _identity(node: Node) -> str:
    inputs = tuple((used.role, used.node) for used in node.inputs)
    return fingerprint(node.operator, node.version, dict(node.options), dict(node.engines), inputs, node.content)


def _names(graph: Graph) -> Iterator[str]:
    """Every artifact has a place of its own, and a name that is safe as one."""
    owners: dict[tuple[str, str, str], str] = {}
    for node in graph.nodes.values():
        if not _NAME.fullmatch(node.name):
            yield f"`{node.name}` is not a safe name"
        if (
            node.produces
            and owners.setdefault((node.recipe, node.group, node.name), node.fingerprint) != node.fingerprint
        ):
            yield f"two nodes are named `{node.name}`"


def _references(graph: Graph) -> Iterator[str]:
    known = graph.nodes.keys()
    yield from (f"the name `{name}` is of no node" for name, key in graph.aliases.items() if key not in known)
    yield from (f"the target {key} is no node" for key in graph.targets if key not in known)
    for table in graph.tables:
        keys = [key for _, key in table.models] + [key for _, _, key in table.scores]
        yield from (f"`{table.name}` names {key}, which is no node" for key in keys if key not in known)
