"""Makes the report of a recipe. In: a task with its scores and models. Out: the files of a report."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ladle.dsl.graph import Json
from ladle.executor.report.content import Report, load_report, to_json
from ladle.executor.report.curves import Curve, read_curve
from ladle.executor.report.drawing import overview
from ladle.executor.report.markdown import render_markdown, render_text
from ladle.executor.report.page import page
from ladle.executor.report.tables import read_report
from ladle.executor.task import Progress, Task

__all__ = ["load_report", "render_markdown", "render_text", "run"]

_MODEL = "model:"


def run(task: Task) -> None:
    """Write the report into `task.output`. Raises StepError for scores that are missing, damaged or of other items."""
    report = read_report(task)
    nodes, edges = _graph(task.options)
    drawn = _curves(task, dict(nodes))
    _write(task, "report.json", _dumped(to_json(report)))
    _write(task, "metrics.json", _dumped(metrics(report)))
    _write(task, "report.md", render_markdown(report))
    _write(task, "report.html", page(report, drawn, *overview(nodes, edges)))
    task.report(Progress(1, 1, "report"))


def metrics(report: Report) -> Json:
    """Return the headline of every score by table, model and benchmark, for `dvc metrics diff`."""
    return {
        table.name: {
            model.name: {cell.benchmark: cell.value for cell in table.cells if cell.model == model.name}
            for model in table.models
        }
        for table in report.tables
    }


def _curves(task: Task, operators: Mapping[str, str]) -> list[Curve]:
    found: list[Curve] = []
    for given in task.inputs:
        if given.role.startswith(_MODEL) and given.path is not None:
            name = given.role.removeprefix(_MODEL)
            curve = read_curve(name, operators.get(name, given.operator), given.path)
            found.extend([curve] if curve else [])
    return found


def _graph(options: Mapping[str, Json]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    graph = options.get("graph")
    if not isinstance(graph, dict):
        return [], []
    return _pairs(graph.get("nodes")), _pairs(graph.get("edges"))


def _pairs(value: Json) -> list[tuple[str, str]]:
    items = value if isinstance(value, list) else []
    return [(str(item[0]), str(item[1])) for item in items if isinstance(item, list) and len(item) == 2]


def _dumped(value: Json) -> str:
    return json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _write(task: Task, name: str, text: str) -> None:
    (task.output / name).write_text(text, encoding="utf-8")
