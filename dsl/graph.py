"""The graph of distinct computations. In: operators, options, inputs. Out: nodes and their fingerprints."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from ladle.dsl.frozen import frozen
from ladle.dsl.source import Span
from ladle.dsl.types import ModelType, Schedule, Share, Value

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

UNTIL = "until"
"""The option that says where a state lies within its training: `{"epoch": 3}` or `{"step": 40}`."""


def canonical(value: Value) -> Json:
    """Return the one JSON form of `value`: the form of node files, lineage and fingerprints.

    Raises ValueError for a number that is not finite: it cannot be hashed canonically.
    """
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            if not math.isfinite(value):
                raise ValueError(f"{value} is not a finite number")
            return value
        case Share(fraction):
            return {"share": fraction}
        case Schedule(modules, default):
            entries: dict[str, Json] = {name: list(v) if isinstance(v, tuple) else v for name, v in modules}
            return {"schedule": entries, "else": default}
        case tuple():
            return [canonical(item) for item in value]
        case Mapping():
            return {key: canonical(value[key]) for key in sorted(value)}


def digest(value: Json) -> str:
    """Return the SHA-256 (hex) of the canonical bytes of `value`: sorted keys, no spaces, UTF-8."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def fingerprint(
    operator: str,
    version: int,
    options: Json,
    engines: Mapping[str, str],
    inputs: tuple[tuple[str, str], ...],
    content: tuple[str, ...],
) -> str:
    """Return the identity of a computation.

    `inputs` are (role, fingerprint) in order; `content` the SHA-256 of its data files, in order of their paths. Names,
    paths and machines have no part in it.
    """
    parts: Json = {
        "operator": operator,
        "version": version,
        "options": options,
        "engines": dict(engines),
        "inputs": [list(pair) for pair in inputs],
        "content": list(content),
    }
    return digest(parts)


@frozen
class Input:
    """One input of a node: its role (`model`, `rows`, `corpus`, `0`, `base`) and the fingerprint of the node it is."""

    role: str
    node: str


@frozen
class Node:
    """One distinct computation."""

    fingerprint: str
    operator: str
    version: int
    options: tuple[tuple[str, Json], ...]
    """Sorted by name, defaults explicit, canonical."""
    engines: tuple[tuple[str, str], ...]
    inputs: tuple[Input, ...]
    files: tuple[str, ...]
    """Paths of the data files it reads directly, sorted; located by path, identified by content."""
    content: tuple[str, ...]
    """SHA-256 of each of `files`."""
    produces: bool
    """Whether a step makes it. Data nodes (jsonl, local) lie where they are."""
    name: str
    """Name of the artifact: a declared name, a family member, or made from the expression."""
    group: str
    """Where it lies: `artifacts`, `scores` or `reports`."""
    type: ModelType | None
    """The model's type, where the node is a model."""
    span: Span | None = None
    """Where the recipe writes it first; no part of its identity."""
    recipe: str = ""
    """The used recipe under whose name it lies; "" for that of the graph. No part of its identity."""


def whole(node: Node) -> str:
    """Return the fingerprint of the whole training that a node is a state of, else its own."""
    options = dict(node.options)
    if UNTIL not in options:
        return node.fingerprint
    del options[UNTIL]
    inputs = tuple((used.role, used.node) for used in node.inputs)
    return fingerprint(node.operator, node.version, options, dict(node.engines), inputs, node.content)


@frozen
class Table:
    """One `evaluate`: rows are models, columns benchmarks; `scores[(model, benchmark)]` is a node's fingerprint."""

    name: str
    models: tuple[tuple[str, str], ...]
    """(label, fingerprint) in order."""
    benchmarks: tuple[str, ...]
    scores: tuple[tuple[str, str, str], ...]
    """(model label, benchmark, fingerprint of the score node)."""
    baseline: str
    """Label of the baseline model, or "" where none is named."""
    parents: tuple[tuple[str, tuple[str, ...]], ...]
    """(label of a merged model, labels of its parents that stand in the same table)."""
    average: str = ""
    """The axis that rows are averaged over."""
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(label of an averaged row, labels of its models)."""
    development: bool = False
    """Whether the table says `as = dev`."""
    choices: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    """(label of a model chosen at run time, the benchmark that decides, names of what it is chosen from)."""


@frozen
class Graph:
    """Every distinct computation of a recipe, inputs before users."""

    recipe: str
    """The name under which its results lie: the stem of the recipe's file name, and the variant's name."""
    nodes: Mapping[str, Node]
    """By fingerprint, in topological order."""
    aliases: Mapping[str, str]
    """Every declared or member name to the fingerprint of its node."""
    targets: tuple[str, ...]
    """Fingerprints of what is asked for."""
    tables: tuple[Table, ...]
    groups: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    """What several nodes are called together: a family is its members, a benchmark and an `evaluate` their scores."""
    measures: Mapping[tuple[str, str], str] = MappingProxyType({})
    """What gates compare: the fingerprint of a score, by the keys of its model's and its benchmark's terms."""

    def walk(self, targets: tuple[str, ...]) -> Iterator[Node]:
        """Yield the nodes that `targets` need, inputs first, each once."""
        needed: set[str] = set()
        stack = list(targets)
        while stack:
            key = stack.pop()
            if key not in needed:
                needed.add(key)
                stack.extend(i.node for i in self.nodes[key].inputs)
        yield from (node for key, node in self.nodes.items() if key in needed)
