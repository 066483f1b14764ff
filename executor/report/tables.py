"""Reads the scores of a recipe and compares them. In: a task's tables and score folders. Out: a `Report`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from ladle.dsl.graph import Json
from ladle.executor.catalog import kernel
from ladle.executor.report.averages import averages
from ladle.executor.report.choices import read_choice
from ladle.executor.report.content import Against, Benchmark, Cell, Merged, Model, Report, Table
from ladle.executor.report.findings import notes
from ladle.executor.report.origins import origins
from ladle.executor.report.statistics import Interval, difference, holm, mcnemar, mean, pairs, proportion
from ladle.executor.task import StepError, Task


@dataclass(frozen=True, slots=True)
class Score:
    """One score as it lies in its folder: `correct` is empty for a metric other than accuracy."""

    metric: str
    n: int
    value: float
    low: float | None
    high: float | None
    content: tuple[str, ...]
    correct: tuple[bool, ...]
    chance: float | None


Scores = Mapping[tuple[str, str], Score]
"""By (model, benchmark)."""


def read_score(folder: Path) -> Score:
    """Read `items.jsonl` and `metrics.json` of a score. Raises StepError where they are damaged."""
    try:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        lines = (folder / "items.jsonl").read_text(encoding="utf-8").splitlines()
        items = [json.loads(line) for line in lines]
        metric = "accuracy" if "accuracy" in metrics else "loss"
        return Score(
            metric=metric,
            n=metrics["n"],
            value=metrics[metric],
            low=metrics["low"],
            high=metrics["high"],
            content=tuple(item["content"] for item in items),
            correct=tuple(item["correct"] is True for item in items) if metric == "accuracy" else (),
            chance=_chance(items),
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise StepError(f"the score in `{folder.name}` cannot be read: {error}", "run it again") from None


def read_report(task: Task) -> Report:
    """Return the report of a task. Raises StepError for scores of one benchmark that are not over the same items."""
    operators = dict(_pairs(_map(task.options.get("graph")).get("nodes")))
    tables = [_map(table) for table in _list(task.options.get("tables"))]
    # Not the recipe's name: it has no part in the identity of the report, and so none in its bytes.
    name = ", ".join(str(table["name"]) for table in tables)
    return Report(name, tuple(_table(task, table, operators) for table in tables))


def _table(task: Task, table: Mapping[str, Json], operators: Mapping[str, str]) -> Table:
    name, baseline = str(table["name"]), str(table.get("baseline") or "")
    labels = [_label(item) for item in _list(table["models"])]
    benchmarks = [str(item) for item in _list(table["benchmarks"])]
    parents = {label: [str(p) for p in _list(of)] for label, of in _raw_pairs(table.get("parents"))}
    scores = {
        (label, benchmark): read_score(_folder(task, f"score:{name}/{label}/{benchmark}"))
        for label in labels
        for benchmark in benchmarks
    }
    _same_items(scores, labels, benchmarks)
    columns = tuple(_benchmark(benchmark, scores[labels[0], benchmark]) for benchmark in benchmarks)
    counted = tuple(column.name for column in columns if column.metric == "accuracy")
    bare = Table(
        name=name,
        baseline=baseline,
        benchmarks=columns,
        models=tuple(
            Model(label, _group(label, baseline, parents, operators), _overall(label, counted, scores))
            for label in labels
        ),
        cells=tuple(_cell(label, benchmark, scores[label, benchmark]) for label in labels for benchmark in benchmarks),
        against=against_baseline(labels, counted, scores, baseline) if baseline in labels else (),
        merges=_adjusted(
            merged
            for label, of in parents.items()
            if len(of) > 1 and all(model in labels for model in (label, *of))
            for merged in beside_parents(label, of, counted, scores)
        ),
        notes=(),
    )
    groups = [(name, [str(model) for model in _list(of)]) for name, of in _raw_pairs(table.get("groups"))]
    whole = replace(
        bare,
        average=str(table.get("average") or ""),
        averages=averages(groups, bare.cells, bare.models),
        development=table.get("as") == "dev",
        choices=tuple(read_choice(task, *_choice(item)) for item in _list(table.get("choices"))),
    )
    given = origins(task.inputs, name, labels, benchmarks[0])
    whole = replace(whole, adopted=given.adopted, from_adopted=given.from_adopted)
    return replace(whole, notes=(*given.said, *notes(whole)))


def against_baseline(
    labels: Sequence[str], benchmarks: Sequence[str], scores: Scores, baseline: str
) -> tuple[Against, ...]:
    """Compare every model with the baseline on each benchmark and on their mean, item by item."""
    plain: list[tuple[str, str, Interval, float]] = []
    for label in labels:
        if label == baseline:
            continue
        for benchmark in benchmarks:
            table = pairs(scores[label, benchmark].correct, scores[baseline, benchmark].correct)
            plain.append((label, benchmark, difference(table), mcnemar(table)))
    adjusted = holm([p for *_, p in plain])
    each = [Against(*entry, adjusted=p) for entry, p in zip(plain, adjusted, strict=True)]
    found: list[Against] = []
    for label in dict.fromkeys(entry.model for entry in each):
        own = [entry for entry in each if entry.model == label]
        found.append(Against(label, "", mean([entry.difference for entry in own]), None, None))
        found.extend(own)
    return tuple(found)


def beside_parents(label: str, parents: Sequence[str], benchmarks: Sequence[str], scores: Scores) -> tuple[Merged, ...]:
    """Set a merged model beside its parents on the mean over benchmarks and on each of them."""
    if not benchmarks:
        return ()
    found: list[Merged] = []
    for columns in (tuple(benchmarks), *((benchmark,) for benchmark in benchmarks)):
        value, *of = (mean([proportion(scores[m, b].correct) for b in columns]) for m in (label, *parents))
        against = [[pairs(scores[label, b].correct, scores[parent, b].correct) for b in columns] for parent in parents]
        beats = [mean([difference(table) for table in tables]) for tables in against]
        single = len(columns) == 1 and len(benchmarks) > 1
        numbers = [parent.value for parent in of]
        found.append(
            Merged(
                model=label,
                benchmark="" if columns == tuple(benchmarks) else columns[0],
                parents=tuple(zip(parents, numbers, strict=True)),
                expected=sum(numbers) / len(numbers),
                value=value,
                improvement=Interval(value.value - max(numbers), min(b.low for b in beats), min(b.high for b in beats)),
                diversity=max(numbers) - min(numbers),
                p=max(mcnemar(tables[0]) for tables in against) if single else None,
                adjusted=None,
            )
        )
    return tuple(found) if len(benchmarks) > 1 else (found[0],)


def _adjusted(merges: Iterable[Merged]) -> tuple[Merged, ...]:
    found = list(merges)
    tested = [i for i, merged in enumerate(found) if merged.p is not None]
    for i, p in zip(tested, holm([merged.p for merged in found if merged.p is not None]), strict=True):
        found[i] = replace(found[i], adjusted=p)
    return tuple(found)


def _overall(label: str, benchmarks: Sequence[str], scores: Scores) -> Interval | None:
    return mean([proportion(scores[label, b].correct) for b in benchmarks]) if benchmarks else None


def _group(label: str, baseline: str, parents: Mapping[str, Sequence[str]], operators: Mapping[str, str]) -> str:
    if label == baseline:
        return "baseline"
    operator = operators.get(label, "")
    merged = label in parents or operator in ("greedy_soup", "kinship_merge", "regmean") or kernel(operator) is not None
    return "merged" if merged else "unmerged"


def _benchmark(name: str, score: Score) -> Benchmark:
    return Benchmark(name, score.metric, score.n, score.chance)


def _cell(label: str, benchmark: str, score: Score) -> Cell:
    return Cell(label, benchmark, score.metric, score.n, score.value, score.low, score.high)


def _chance(items: Sequence[Mapping[str, Json]]) -> float | None:
    counts = [len(choices) for item in items if isinstance(choices := item.get("log_likelihoods"), list)]
    counts = counts or [count for item in items if isinstance(count := item.get("choices"), int)]
    return sum(1 / count for count in counts) / len(counts) if counts else None


def _same_items(scores: Scores, labels: Sequence[str], benchmarks: Sequence[str]) -> None:
    for benchmark in benchmarks:
        for label in labels[1:]:
            if scores[label, benchmark].content != scores[labels[0], benchmark].content:
                raise StepError(
                    f"`{label}` and `{labels[0]}` were asked different items of `{benchmark}`", "score both again"
                )


def _folder(task: Task, role: str) -> Path:
    found = task.all_given(role)
    if not found or found[0].path is None:
        raise StepError(f"the report has no input `{role}`")
    return found[0].path


def _choice(item: Json) -> tuple[str, str, list[str]]:
    label, benchmark, members = _list(item)
    return str(label), str(benchmark), [str(member) for member in _list(members)]


def _label(item: Json) -> str:
    return str(item[0]) if isinstance(item, list) else str(item)


def _map(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _raw_pairs(value: Json) -> list[tuple[str, Json]]:
    return [(str(pair[0]), pair[1]) for item in _list(value) if (pair := cast(list[Json], item))]


def _pairs(value: Json) -> list[tuple[str, str]]:
    return [(first, str(second)) for first, second in _raw_pairs(value)]
