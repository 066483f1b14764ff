"""What differs between a node and what was made in its place before. In: a node and an older lineage. Out: words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping

from ladle.dsl.graph import Json, Node
from ladle.dsl.signature import Role
from ladle.executor.layout import REPORT, Layout
from ladle.executor.lineage import Lineage
from ladle.executor.record import read_record
from ladle.executor.workspace import Workspace

_SHOWN = 80
AGAIN = "will be made again"
"""How a reason ends that only says that another step runs."""


def changes(
    node: Node, before: Lineage, layout: Layout, workspace: Workspace, remade: Callable[[str], bool]
) -> tuple[str, ...]:
    """Return one line for each difference: the node's own first, then its data and its inputs.

    `remade` says whether a node of the graph will be made again.
    """
    if node.operator != before.operator:
        return (f"`{before.operator}` became `{node.operator}`",)
    if node.operator == REPORT:
        return (*_version(node, before), *_report(node, before, layout))
    own = [*_version(node, before), *_options(node, before), *_engines(node, before)]
    record = read_record(workspace.record(before.fingerprint))
    data = record.data if record else None
    return (*own, *_inputs(node, before, layout, workspace, data, remade))


def _version(node: Node, before: Lineage) -> Iterator[str]:
    if node.version != before.version:
        yield f"`{node.operator}` itself changed: version {before.version} -> {node.version}"


def _options(node: Node, before: Lineage) -> Iterator[str]:
    now = dict(node.options)
    for name in sorted(now.keys() | before.options.keys()):
        if name not in before.options:
            yield f"option `{name}` is new: {_show(now[name])}"
        elif name not in now:
            yield f"option `{name}` is gone: it was {_show(before.options[name])}"
        elif now[name] != before.options[name]:
            old, new = _show(before.options[name]), _show(now[name])
            yield f"option `{name}` changed" + (f": {old} -> {new}" if old != new else "")


def _report(node: Node, before: Lineage, layout: Layout) -> Iterator[str]:
    """A report is made from all scores and models of its tables: they are counted, not listed."""
    now = dict(node.options)
    if now.get("tables") != before.options.get("tables"):
        yield "its tables changed"
    elif now.get("graph") != before.options.get("graph"):
        yield "the graph it draws changed"
    new = {item.node for item in node.inputs} - {key for _, key in before.inputs}
    scores = sum(layout.operator(layout.graph.nodes[key]).role is Role.BENCHMARK for key in new)
    for count, what in ((scores, "score"), (len(new) - scores, "model")):
        if count:
            yield f"{count} {what} is new" if count == 1 else f"{count} {what}s are new"


def _engines(node: Node, before: Lineage) -> Iterator[str]:
    now = dict(node.engines)
    for name in sorted(now.keys() | before.engines.keys()):
        old, new = before.engines.get(name, "none"), now.get(name, "none")
        if old != new:
            yield f"engine {name} {old} -> {new}"


def _inputs(
    node: Node,
    before: Lineage,
    layout: Layout,
    workspace: Workspace,
    data: Mapping[str, str] | None,
    remade: Callable[[str], bool],
) -> Iterator[str]:
    if tuple(node.content) != before.content:
        yield from _files(node, data, "its data")
    old: dict[str, list[str]] = {}
    for role, key in before.inputs:
        old.setdefault(role, []).append(key)
    for item in node.inputs:
        used, was = layout.graph.nodes[item.node], old.get(item.role, [])
        if item.node in was:
            was.remove(item.node)
        elif was:
            yield from _input(item.role, was.pop(0), used, layout, workspace, data, remade)
        else:
            yield f"input `{item.role}` ({used.name}) is new"
    yield from (f"input `{role}` is gone" for role, left in old.items() if left)


def _input(
    role: str,
    old: str,
    used: Node,
    layout: Layout,
    workspace: Workspace,
    data: Mapping[str, str] | None,
    remade: Callable[[str], bool],
) -> Iterator[str]:
    if not used.produces:
        yield from _files(used, data, f"input `{role}`")
        return
    record = read_record(workspace.record(old))
    spot = layout.spots[used.fingerprint]
    name = record.place.split("/", 2)[-1] if record and record.place != spot.place else used.name
    if name != used.name:
        yield f"input `{role}` changed: {name} -> {used.name}"
    elif remade(used.fingerprint):
        yield f"input `{role}` ({used.name}) {AGAIN}"
    else:
        yield f"input `{role}` ({used.name}) was made again"


def _files(used: Node, data: Mapping[str, str] | None, what: str) -> Iterator[str]:
    now = dict(zip(used.files, used.content, strict=True))
    known = {path: data[path] for path in now if data and path in data}
    changed = [path for path, digest in known.items() if digest != now[path]]
    new = [path for path in now if path not in known] if data is not None else []
    yield from (f"`{path}` changed" for path in changed)
    yield from (f"`{path}` is new" for path in new)
    if not changed and not new:
        yield f"{what} changed ({', '.join(f'`{path}`' for path in used.files[:3])})"


def _show(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _SHOWN else "..."
