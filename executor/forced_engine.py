"""Every merge of a recipe handed to mergekit: `--engine mergekit`. In: a graph. Out: the graph of other computations.

An overlay like a variant: a merge is wrapped in `mergekit`, and whatever is made from it is another computation too.
Merges within merges stay inside the expression around them. What no merge reaches keeps its fingerprint and its result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ladle.dsl.frozen import replace
from ladle.dsl.graph import Graph, Input, Node, Table, fingerprint
from ladle.dsl.signature import Operator, Role, Vocabulary
from ladle.dsl.spelling import joined
from ladle.executor.layout import fuses, merges

MERGEKIT: Final = "mergekit"
NATIVE: Final = "native"
ENGINES: Final = (NATIVE, MERGEKIT)
SUFFIX: Final = f"-{MERGEKIT}"
"""Ends the name under which the results of such a graph lie."""
_PROGRAMS: Final = "ladle.executor.mergekit."
_INNER: Final = "expression"
"""Ends the name of a merge that is computed within mergekit's step."""


def computed_by(operator: Operator) -> str:
    """Return the engine of a merge, "" for anything else: native but for what calls a program of mergekit."""
    if operator.program.startswith(_PROGRAMS):
        return MERGEKIT
    return NATIVE if merges(operator) or operator.role is Role.MERGE else ""


def forced(graph: Graph, vocabulary: Vocabulary, engine: Callable[[str], str]) -> Graph:
    """Return the graph with every merge computed by mergekit; `engine` says the version of a distribution."""
    own = frozenset(node.name for node in graph.nodes.values() if not node.recipe)
    made = _Forcing(vocabulary, engine, own)
    for node in graph.nodes.values():
        made.add(node)
    result = made.result
    return Graph(
        graph.recipe + SUFFIX,
        made.nodes,
        {name: result(key) for name, key in graph.aliases.items()},
        tuple(result(key) for key in graph.targets),
        tuple(_table(table, result) for table in graph.tables),
        {name: tuple(result(key) for key in keys) for name, keys in graph.groups.items()},
        {pair: result(key) for pair, key in graph.measures.items()},
    )


def _table(table: Table, result: Callable[[str], str]) -> Table:
    models = tuple((label, result(key)) for label, key in table.models)
    scores = tuple((label, benchmark, result(key)) for label, benchmark, key in table.scores)
    return replace(table, models=models, scores=scores)


@dataclass(slots=True)
class _Forcing:
    vocabulary: Vocabulary
    engine: Callable[[str], str]
    taken: frozenset[str]
    """Names of the recipe's own results."""
    names: dict[str, str] = field(default_factory=dict)
    """What the result of a node is called."""
    nodes: dict[str, Node] = field(default_factory=dict)
    plain: dict[str, str] = field(default_factory=dict)
    """The node of each old one; of a merge the one that stands within expressions."""
    wrapped: dict[str, str] = field(default_factory=dict)
    """Of a merge the result of mergekit."""

    def add(self, node: Node) -> None:
        operator = self.vocabulary[node.operator]
        inputs = tuple(Input(used.role, self.given(node, used.node)) for used in node.inputs)
        fused = merges(operator)
        changed = inputs != node.inputs or fused
        pairs = tuple((used.role, used.node) for used in inputs)
        key = fingerprint(node.operator, node.version, dict(node.options), dict(node.engines), pairs, node.content)
        name, recipe = (self.called(node), "") if changed else (node.name, node.recipe)
        self.plain[node.fingerprint] = key
        self.names.setdefault(key, name)
        name = joined((name, _INNER)) if fused else name
        self.nodes.setdefault(key, replace(node, fingerprint=key, inputs=inputs, name=name, recipe=recipe))

    def called(self, node: Node) -> str:
        """Return the name of a result that becomes this recipe's: after the used recipe it was of, if it was."""
        name = joined((node.recipe, node.name))
        while node.recipe and name in self.taken:
            name = joined((name, "used"))
        return name

    def given(self, user: Node, used: str) -> str:
        """Return what stands for an input: within an expression the merge itself, else mergekit's result."""
        operator = self.vocabulary[self.nodes[self.plain[used]].operator]
        return self.plain[used] if fuses(self.vocabulary[user.operator], operator) else self.result(used)

    def result(self, key: str) -> str:
        """Return the node whose artifact has the result of an old one; mergekit's, for a merge."""
        merge = self.nodes[self.plain[key]]
        operator = self.vocabulary[merge.operator]
        if not merges(operator):
            return self.plain[key]
        if key not in self.wrapped:
            self.wrapped[key] = self._wrap(merge)
        return self.wrapped[key]

    def _wrap(self, merge: Node) -> str:
        operator = self.vocabulary[MERGEKIT]
        engines = {each: self.engine(each) for each in sorted(operator.engines)}
        key = fingerprint(operator.name, operator.version, {}, engines, (("0", merge.fingerprint),), ())
        made = replace(
            merge,
            fingerprint=key,
            operator=operator.name,
            version=operator.version,
            options=(),
            engines=tuple(engines.items()),
            inputs=(Input("0", merge.fingerprint),),
            name=self.names[merge.fingerprint],
        )
        self.nodes.setdefault(key, made)
        return key
