"""What a report says, as data. In: nothing. Out: frozen records, and the JSON of `report.json` both ways."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from ladle.dsl.graph import Json
from ladle.executor.report.statistics import Interval
from ladle.executor.task import StepError

SCHEMA: Final = 1
LOSS_UNIT: Final = "nats per token, lower is better"
SIGNIFICANT: Final = 0.05
"""An adjusted p below this is called a difference."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A column of a table: `metric` is `accuracy` or `loss`, `chance` the accuracy of guessing where that is known."""

    name: str
    metric: str
    n: int
    chance: float | None

    @property
    def unit(self) -> str:
        """What its numbers are and which are good, where that is not an accuracy in percent."""
        return "" if self.metric == "accuracy" else LOSS_UNIT


@dataclass(frozen=True, slots=True)
class Model:
    """A row of a table: `group` is `baseline`, `unmerged` or `merged`; `overall` the mean over accuracy benchmarks."""

    name: str
    group: str
    overall: Interval | None


@dataclass(frozen=True, slots=True)
class Cell:
    """One score. An interval is None where one item allows none."""

    model: str
    benchmark: str
    metric: str
    n: int
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Against:
    """A model's accuracy minus the baseline's over the same items; `benchmark` is "" for their mean.

    `p` is McNemar's exact p of one benchmark, `adjusted` the same after Holm over all of the table; None for a mean.
    """

    model: str
    benchmark: str
    difference: Interval
    p: float | None
    adjusted: float | None


@dataclass(frozen=True, slots=True)
class Merged:
    """A merged model beside its parents; `benchmark` is "" for the mean over all.

    `expected` is E = mean of the parents, `improvement` Pm - max(parents), `diversity` the parents' distance. Each end
    of `improvement` is the lowest over the differences from each parent. `p` is the largest of McNemar's exact p over
    the parents, `adjusted` the same after Holm over the table's merges and benchmarks; None for a mean.
    """

    model: str
    benchmark: str
    parents: tuple[tuple[str, float], ...]
    expected: float
    value: Interval
    improvement: Interval
    diversity: float
    p: float | None
    adjusted: float | None

    @property
    def synergy(self) -> bool:
        """Whether the merge beats each of its parents: the interval says so, and on one benchmark the test as well."""
        return self.improvement.above_zero and (self.adjusted is None or self.adjusted < SIGNIFICANT)


@dataclass(frozen=True, slots=True)
class Average:
    """A row averaged over an axis: `spread` is the sample standard deviation over `models`, None for one model.

    `benchmark` is "" for the mean over accuracy benchmarks; `low` and `high` are the lowest and highest of the models.
    """

    name: str
    benchmark: str
    metric: str
    models: tuple[str, ...]
    value: float
    spread: float | None
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Chosen:
    """A model that was chosen at run time: by which benchmark, from what, with which scores, and what was taken."""

    model: str
    benchmark: str
    metric: str
    members: tuple[tuple[str, float], ...]
    taken: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One `evaluate` of the recipe."""

    name: str
    baseline: str
    benchmarks: tuple[Benchmark, ...]
    models: tuple[Model, ...]
    cells: tuple[Cell, ...]
    against: tuple[Against, ...]
    merges: tuple[Merged, ...]
    notes: tuple[str, ...]
    """What the numbers show and what they do not, one sentence or two each."""
    average: str = ""
    """The axis that rows are averaged over, "" for none."""
    averages: tuple[Average, ...] = ()
    development: bool = False
    """Whether the table says `as = dev`: a model in it may have been chosen on these very items."""
    choices: tuple[Chosen, ...] = ()
    adopted: tuple[str, ...] = ()
    """Models that no step made: trained elsewhere, and vouched for."""
    from_adopted: tuple[str, ...] = ()
    """Models that steps made from such."""

    @property
    def alone(self) -> tuple[Model, ...]:
        """The models that no averaged row holds."""
        held = {name for each in self.averages for name in each.models}
        return tuple(model for model in self.models if model.name not in held)

    @property
    def averaged(self) -> dict[str, dict[str, Average]]:
        """The averaged rows in order, each by benchmark."""
        found: dict[str, dict[str, Average]] = {}
        for each in self.averages:
            found.setdefault(each.name, {})[each.benchmark] = each
        return found

    def cell(self, model: str, benchmark: str) -> Cell | None:
        """Return the score of a model on a benchmark, if there is one."""
        return next((cell for cell in self.cells if (cell.model, cell.benchmark) == (model, benchmark)), None)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a recipe evaluates."""

    name: str
    tables: tuple[Table, ...]

    @property
    def rows(self) -> tuple[Cell, ...]:
        """Every score once, in the order of the tables."""
        return tuple(dict.fromkeys(cell for table in self.tables for cell in table.cells))


def to_json(report: Report) -> dict[str, Json]:
    """Return the content of `report.json`. A row's `accuracy` is null where its metric is another."""
    rows: list[Json] = [
        {
            "model": cell.model,
            "benchmark": cell.benchmark,
            "n": cell.n,
            "accuracy": cell.value if cell.metric == "accuracy" else None,
            "low": cell.low,
            "high": cell.high,
            "metric": cell.metric,
            "value": cell.value,
        }
        for cell in report.rows
    ]
    tables: list[Json] = [_written(table) for table in report.tables]
    return {"schema": SCHEMA, "name": report.name, "rows": rows, "tables": tables}


_LATE: Final = ("average", "averages", "development", "choices", "adopted", "from_adopted")
"""Keys that a table without them does not write: reports of before keep their bytes."""


def _written(table: Table) -> Json:
    return _rounded({key: value for key, value in asdict(table).items() if value or key not in _LATE})


def load_report(folder: Path) -> Report:
    """Return the report in `folder`. Raises StepError where there is none, or one of another version."""
    path = folder / "report.json"
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        if value["schema"] != SCHEMA:
            raise StepError(f"`{path.name}` has schema {value['schema']}, this version reads {SCHEMA}", "run it again")
        return Report(value["name"], tuple(_table(table) for table in value["tables"]))
    except OSError:
        raise StepError(f"there is no report in `{folder.name}`", "ladle run makes it") from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise StepError(f"`{path.name}` is not a report of Ladle: {error}", "run it again") from None


def _rounded(value: Any) -> Json:
    if isinstance(value, float):
        return round(value, 6) + 0.0
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    assert value is None or isinstance(value, bool | int | str)
    return value


def _table(value: dict[str, Any]) -> Table:
    return Table(
        name=value["name"],
        baseline=value["baseline"],
        benchmarks=tuple(Benchmark(**item) for item in value["benchmarks"]),
        models=tuple(Model(**item | {"overall": _interval(item["overall"])}) for item in value["models"]),
        cells=tuple(Cell(**item) for item in value["cells"]),
        against=tuple(Against(**item | {"difference": Interval(**item["difference"])}) for item in value["against"]),
        merges=tuple(_merged(item) for item in value["merges"]),
        notes=tuple(value["notes"]),
        average=value.get("average", ""),
        averages=tuple(Average(**item | {"models": tuple(item["models"])}) for item in value.get("averages", ())),
        development=value.get("development", False) is True,
        choices=tuple(_chosen(item) for item in value.get("choices", ())),
        adopted=tuple(value.get("adopted", ())),
        from_adopted=tuple(value.get("from_adopted", ())),
    )


def _chosen(value: dict[str, Any]) -> Chosen:
    members = tuple((name, score) for name, score in value["members"])
    return Chosen(**value | {"members": members, "taken": tuple(value["taken"])})


def _interval(value: dict[str, float] | None) -> Interval | None:
    return None if value is None else Interval(**value)


def _merged(value: dict[str, Any]) -> Merged:
    parents = tuple((name, number) for name, number in value["parents"])
    intervals = {key: Interval(**value[key]) for key in ("value", "improvement")}
    return Merged(**value | {"parents": parents} | intervals)
