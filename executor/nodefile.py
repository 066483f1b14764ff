"""Node files as written. In: a node of a graph. Out: its file's bytes, and the data that such a file holds.

A node file holds what identity holds, but no fingerprint of data or inputs: a step derives those from the bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from ladle.dsl.graph import Json, Node
from ladle.dsl.signature import Role
from ladle.executor.layout import Layout

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Made:
    """An input that another step makes: `path` is its place."""

    role: str
    path: str


@dataclass(frozen=True, slots=True)
class Computation:
    """What is computed from what."""

    operator: str
    version: int
    options: Mapping[str, Json]
    engines: Mapping[str, str]
    inputs: tuple[Made | Inline, ...]
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inline:
    """An input that the step works out itself: data that lies ready, or a merge within a merge."""

    role: str
    computation: Computation
    path: str
    """Folder of a model that lies in the project, else ""."""


@dataclass(frozen=True, slots=True)
class NodeFile:
    """One step: what to compute, where it goes, and what people call it."""

    computation: Computation
    output: str
    name: str


def node_file(layout: Layout, node: Node) -> bytes:
    """Return the bytes of a node's file: the same for the same graph, whatever lies on disk."""
    spot = layout.spots[node.fingerprint]
    body = {**_body(layout, node), "output": spot.place, "name": spot.name}
    return encode({"schema": SCHEMA, "node": body})


def encode(value: Json) -> bytes:
    """Return JSON as it is kept in the repository: sorted, indented, a line feed at the end."""
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _body(layout: Layout, node: Node) -> dict[str, Json]:
    body: dict[str, Json] = {
        "operator": node.operator,
        "version": node.version,
        "options": dict(node.options),
        "engines": dict(node.engines),
        "inputs": [_input(layout, node, item.role, layout.graph.nodes[item.node]) for item in node.inputs],
    }
    if node.files:
        body["files"] = list(node.files)
    return body


def _input(layout: Layout, user: Node, role: str, used: Node) -> Json:
    if not layout.inlined(user, used):
        return {"role": role, "path": layout.spots[used.fingerprint].place}
    inline = _body(layout, used)
    if used.files and layout.operator(used).role is Role.MODEL_SOURCE:
        inline["path"] = model_folder(used.files)
    return {"role": role, "inline": inline}


def model_folder(files: tuple[str, ...]) -> str:
    """Return the folder that all files of a model lie in."""
    folders = [PurePosixPath(file).parent for file in files]
    shared = folders[0]
    while not all(folder.is_relative_to(shared) for folder in folders):
        shared = shared.parent
    return shared.as_posix()
