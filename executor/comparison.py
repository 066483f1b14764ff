"""Two recipes, by what they make. In: two graphs. Out: what is another computation, and what only has another name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ladle.dsl.graph import Graph, Json, Node
from ladle.executor.layout import REPORT

_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that a computation itself has otherwise: an option, an engine, its data, its operator, an input."""

    what: str
    """`option`, `engine`, `data`, `operator`, `version`, `input`."""
    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Change:
    """A computation that became another one."""

    name: str
    was: str
    """Its name before."""
    operator: str
    settings: tuple[Setting, ...]
    """Empty: it changed only because what it is made from did."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between two recipes in what is asked for. Reports, which show names, are left out."""

    changed: tuple[Change, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]
    same: int
    """How many computations are the same."""
    tables: bool
    """Whether what an `evaluate` shows differs: its rows, columns or baseline."""

    @property
    def identical(self) -> bool:
        """Whether both make the same."""
        return not (self.changed or self.added or self.removed)


def compare(before: Graph, after: Graph) -> Comparison:
    """Return what becomes of each computation that `before` or `after` is asked for."""
    return _Comparer(before, after).compare()


class _Comparer:
    """Two graphs, and which computation of the second stands in the place of which of the first."""

    def __init__(self, before: Graph, after: Graph) -> None:
        self.before, self.after = before.nodes, after.nodes
        self.old = {node.fingerprint: node for node in before.walk(before.targets) if node.operator != REPORT}
        self.new = {node.fingerprint: node for node in after.walk(after.targets) if node.operator != REPORT}
        self.tables = _tables(before) != _tables(after)
        self.pairs = self._named()
        self._in_role()
        self._alike()

    def compare(self) -> Comparison:
        old, new, pairs = self.old, self.new, self.pairs
        both = [key for key in new if key in old]
        taken = {was.fingerprint for was in pairs.values()}
        return Comparison(
            tuple(self._change(pairs[key], node) for key, node in new.items() if key in pairs),
            tuple(node.name for key, node in new.items() if key not in old and key not in pairs),
            tuple(node.name for key, node in old.items() if key not in new and key not in taken),
            tuple((old[key].name, new[key].name) for key in both if old[key].name != new[key].name),
            len(both),
            self.tables,
        )

    def _named(self) -> dict[str, Node]:
        """Return, by the fingerprint of what is new, what had its name."""
        gone = {(node.group, node.name): node for key, node in self.old.items() if key not in self.new}
        there = {key: gone.get((node.group, node.name)) for key, node in self.new.items() if key not in self.old}
        return {key: was for key, was in there.items() if was}

    def _in_role(self) -> None:
        """Pair what pairs are made from, by role: names made from expressions hold options, so they differ."""
        taken = {was.fingerprint for was in self.pairs.values()}
        for key in reversed(list(self.new)):
            if key not in self.pairs:
                continue
            before = _by_role(self.pairs[key])
            for role, now in _by_role(self.new[key]).items():
                was = self.old.get(before.get(role, ""))
                if not was or was.fingerprint in self.new or was.fingerprint in taken:
                    continue
                if now not in self.pairs and now not in self.old and was.operator == self.after[now].operator:
                    self.pairs[now] = was
                    taken.add(was.fingerprint)

    def _alike(self) -> None:
        """Pair what is the same operator with the same options, made from pairs: it has got another name."""
        taken = {was.fingerprint for was in self.pairs.values()}
        left = [node for key, node in self.old.items() if key not in self.new and key not in taken]
        made = {_made(node, tuple(item.node for item in node.inputs)): node for node in left}
        for key, node in self.new.items():
            if key in self.old or key in self.pairs:
                continue
            inputs = tuple(self._stands_for(item.node) for item in node.inputs)
            if was := made.pop(_made(node, inputs), None):
                self.pairs[key] = was

    def _stands_for(self, key: str) -> str:
        return self.pairs[key].fingerprint if key in self.pairs else key

    def _change(self, old: Node, new: Node) -> Change:
        return Change(new.name, old.name, new.operator, tuple(self._settings(old, new)))

    def _settings(self, old: Node, new: Node) -> Iterator[Setting]:
        if old.operator != new.operator:
            yield Setting("operator", "", old.operator, new.operator)
            return
        yield from _versions(old, new)
        yield from _differences("option", dict(old.options), dict(new.options))
        yield from _differences("engine", dict(old.engines), dict(new.engines))
        if old.content != new.content:
            yield Setting("data", "", _files(old), _files(new))
        yield from self._inputs(old, new)

    def _inputs(self, old: Node, new: Node) -> Iterator[Setting]:
        """Yield the inputs that are other computations, not the same ones changed."""
        for role in dict.fromkeys(item.role for item in (*old.inputs, *new.inputs)):
            was = [item.node for item in old.inputs if item.role == role]
            now = [item.node for item in new.inputs if item.role == role]
            if [self._stands_for(key) for key in now] != was:
                names = [", ".join(nodes[key].name for key in keys) for nodes, keys in self._sides(was, now)]
                yield Setting("input", role, *names)

    def _sides(self, was: list[str], now: list[str]) -> Iterator[tuple[Mapping[str, Node], list[str]]]:
        yield self.before, was
        yield self.after, now


def _tables(graph: Graph) -> list[Json]:
    return [
        [table.name, [label for label, _ in table.models], list(table.benchmarks), table.baseline]
        for table in graph.tables
    ]


def _made(node: Node, inputs: tuple[str, ...]) -> tuple[str, str, tuple[str, ...], tuple[str, ...]]:
    return node.operator, json.dumps(node.options), node.content, inputs


def _by_role(node: Node) -> dict[str, str]:
    """Return the one input of each role that has one."""
    roles = [item.role for item in node.inputs]
    return {item.role: item.node for item in node.inputs if roles.count(item.role) == 1}


def _versions(old: Node, new: Node) -> Iterator[Setting]:
    if old.version != new.version:
        yield Setting("version", "", str(old.version), str(new.version))


def _differences(what: str, old: Mapping[str, Json], new: Mapping[str, Json]) -> Iterator[Setting]:
    for name in sorted(old.keys() | new.keys()):
        if name not in old or name not in new or old[name] != new[name]:
            sides = [shown(side[name]) if name in side else "" for side in (old, new)]
            yield Setting(what, name, *sides)


def _files(node: Node) -> str:
    more = f" and {len(node.files) - 3} more" if len(node.files) > 3 else ""
    return ", ".join(node.files[:3]) + more


def shown(value: Json) -> str:
    """Return the value of an option as a person reads it."""
    if isinstance(value, dict) and value.keys() == {"share"} and isinstance(value["share"], int | float):
        return f"{value['share'] * 100:g}%"
    if value is None or isinstance(value, str):
        return value or "none"
    if isinstance(value, float):
        return _as_written(value)
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _as_written(value: float) -> str:
    """Return a number as recipes write it: `1e-4`, not `0.0001` and not `1e-04`."""
    text = repr(value)
    if 0 < abs(value) < 0.001 and "e" not in text:
        digits = text.lstrip("-").removeprefix("0.")
        figures = digits.lstrip("0")
        point = f".{figures[1:]}" if figures[1:] else ""
        return f"{'-' if value < 0 else ''}{figures[0]}{point}e-{len(digits) - len(figures) + 1}"
    mantissa, e, power = text.partition("e")
    return f"{mantissa}e{int(power)}" if e else text
