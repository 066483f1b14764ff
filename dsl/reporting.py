"""Tables of a graph and the report of a recipe. In: evaluations, fingerprints. Out: tables, and the report's node."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from ladle.dsl.graph import Graph, Input, Json, Node, Table, fingerprint
from ladle.dsl.program import Evaluation, Program, Term
from ladle.dsl.signature import Role, Sort, Vocabulary

REPORT = "report"
"""The internal operator that draws the tables of a recipe."""

Score = Callable[[Term, Term], str]
"""Enters the score of (benchmark, model) and returns its fingerprint."""


def tables(program: Program, made: Mapping[Term, str], score: Score) -> tuple[Table, ...]:
    """Return each `evaluate` with the fingerprints of its models and scores."""
    return tuple(_table(evaluation, made, score) for evaluation in program.evaluations)


def _table(evaluation: Evaluation, made: Mapping[Term, str], score: Score) -> Table:
    labels = {model.term: model.label for model in evaluation.models}
    return Table(
        name=evaluation.name,
        models=tuple((model.label, made[model.term]) for model in evaluation.models),
        benchmarks=tuple(benchmark.label for benchmark in evaluation.benchmarks),
        scores=tuple(
            (model.label, benchmark.label, score(benchmark.term, model.term))
            for model in evaluation.models
            for benchmark in evaluation.benchmarks
        ),
        baseline=evaluation.baseline,
        parents=tuple(
            (label, found)
            for term, label in labels.items()
            if (found := tuple(_parents(term, labels))) and _merged(term)
        ),
        average=evaluation.average,
        groups=evaluation.groups,
        development=evaluation.development,
    )


def scores(found: tuple[Table, ...], targets: tuple[str, ...]) -> dict[str, list[str]]:
    """Return what each benchmark and each table asks for: its scores. The only table has the report too."""
    asked: dict[str, list[str]] = {}
    for table in found:
        asked[table.name] = [key for _, _, key in table.scores]
        for _, benchmark, key in table.scores:
            asked.setdefault(benchmark, []).append(key)
    if len(found) == 1:
        # The report is the last target. With several tables it would need the scores of the others too.
        asked[found[0].name].append(targets[-1])
    return asked


def _merged(model: Term) -> bool:
    return model.operator.role in (Role.MERGE, Role.INTERNAL)


def _parents(model: Term, labels: Mapping[Term, str]) -> Iterator[str]:
    """The operands of a merge that stand in the table, also through merges that do not."""
    seen: set[Term] = set()
    stack = list(reversed(model.operands)) if _merged(model) else []
    while stack:
        term = stack.pop()
        if term in seen or term.sort is not Sort.MODEL:
            continue
        seen.add(term)
        if term in labels:
            yield labels[term]
        elif _merged(term):
            stack += reversed(term.operands)


def report_node(recipe: str, vocabulary: Vocabulary, nodes: Mapping[str, Node], found: tuple[Table, ...]) -> Node:
    """Return the node that draws `found`: its inputs are their scores and, for loss curves, their trained models."""
    operator = vocabulary[REPORT]
    inputs = tuple(_inputs(vocabulary, nodes, found))
    labels = {key: label for table in reversed(found) for label, key in table.models}
    options: dict[str, Json] = {
        "tables": [_plain(table) for table in found],
        "graph": _drawing(recipe, nodes, labels, {each.node for each in inputs}),
    }
    pairs = tuple((each.role, each.node) for each in inputs)
    return Node(
        fingerprint=fingerprint(operator.name, operator.version, options, {}, pairs, ()),
        operator=operator.name,
        version=operator.version,
        options=tuple(sorted(options.items())),
        engines=(),
        inputs=inputs,
        files=(),
        content=(),
        produces=True,
        name=REPORT,
        group="reports",
        type=None,
    )


def _inputs(vocabulary: Vocabulary, nodes: Mapping[str, Node], found: tuple[Table, ...]) -> Iterator[Input]:
    trained: dict[str, str] = {}
    for table in found:
        for label, benchmark, key in table.scores:
            yield Input(f"score:{table.name}/{label}/{benchmark}", key)
        for label, key in table.models:
            if vocabulary[nodes[key].operator].role is Role.STAGE:
                trained.setdefault(key, label)
    yield from (Input(f"model:{label}", key) for key, label in trained.items())


def _plain(table: Table) -> Json:
    """A table without fingerprints: the roles of the inputs say which score belongs where."""
    plain: dict[str, Json] = {
        "name": table.name,
        "models": [label for label, _ in table.models],
        "benchmarks": list(table.benchmarks),
        "baseline": table.baseline,
        "parents": [[label, list(parents)] for label, parents in table.parents],
    }
    if table.average:
        plain["average"] = table.average
        plain["groups"] = [[label, list(models)] for label, models in table.groups]
    if table.development:
        plain["as"] = "dev"
    return plain


def _drawing(recipe: str, nodes: Mapping[str, Node], labels: Mapping[str, str], roots: Iterable[str]) -> Json:
    """What the tables are made from, by names, in the order of names: the order of declarations has no part in it."""
    shown = {node.fingerprint: node for node in Graph(recipe, nodes, {}, (), ()).walk(tuple(roots))}
    names = {key: labels.get(key, node.name) for key, node in shown.items()}
    edges = {(names[used.node], names[key]) for key, node in shown.items() for used in node.inputs}
    return {
        "nodes": [[name, operator] for name, operator in sorted((names[k], n.operator) for k, n in shown.items())],
        "edges": [[source, target] for source, target in sorted(edges)],
    }
