"""Writes a report as Markdown and as plain text. In: a report. Out: text in which every name is escaped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ladle.executor.report.content import LOSS_UNIT, Average, Benchmark, Cell, Model, Report, Table
from ladle.executor.report.markup import visible

_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>|~$&])")


def render_markdown(report: Report) -> str:
    """Return the tables and notes of a report in Markdown (GitHub's tables), ending with a line end."""
    parts = [f"# {escaped(report.name)}"]
    for table in report.tables:
        parts.extend([f"## {escaped(table.name)}"] if len(report.tables) > 1 else [])
        parts.append(pipes(_grid(table)))
        parts.append(coded(_legend(table)))
        if said := _said(table):
            parts.append(coded(said))
        if merges := _merges(table):
            parts.append(pipes(merges))
        parts.append("\n".join(f"* {coded(note)}" for note in table.notes))
    return "\n\n".join(parts) + "\n"


def render_text(report: Report) -> str:
    """Return the tables and notes of a report as plain columns for a terminal, without control characters."""
    parts: list[str] = []
    for table in report.tables:
        parts.append(f"{visible(table.name)}: {_title(table)}")
        parts.append(columns(_grid(table)))
        if said := _said(table):
            parts.append(said.replace("`", ""))
        parts.append("\n".join(f"- {visible(note).replace('`', '')}" for note in table.notes))
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """Return `text` so that Markdown shows it as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", visible(text).replace("\n", " "))


def _title(table: Table) -> str:
    """What the numbers of a table are, on one line."""
    losses = [visible(benchmark.name) for benchmark in table.benchmarks if benchmark.unit]
    if len(losses) == len(table.benchmarks):
        return f"{LOSS_UNIT}; with 95 % intervals"
    told = f"; {', '.join(losses)} in {LOSS_UNIT}" if losses else ""
    return f"accuracy in percent, with 95 % intervals{told}"


def _legend(table: Table) -> str:
    """What the numbers of a table are, in sentences."""
    losses = [f"`{visible(benchmark.name)}`" for benchmark in table.benchmarks if benchmark.unit]
    said = []
    if len(losses) < len(table.benchmarks):
        said.append("Accuracy in percent with its 95 % interval; `mean` counts every benchmark the same.")
    if losses:
        said.append(f"{', '.join(losses)} in {LOSS_UNIT}, with 95 % intervals.")
    return " ".join(said)


def _headed(benchmark: Benchmark) -> str:
    return f"{benchmark.name} (n={benchmark.n}{', nats' if benchmark.unit else ''})"


def _grid(table: Table) -> list[list[str]]:
    names = [benchmark.name for benchmark in table.benchmarks]
    mean = any(model.overall for model in table.models)
    head = ["model", *(["mean"] if mean else []), *map(_headed, table.benchmarks)]
    rows = []
    for name, row in table.averaged.items():
        own = row.values() if mean or "" not in row else [each for each in row.values() if each.benchmark]
        first = [] if not mean or "" in row else [""]
        rows.append([f"{name} ({len(next(iter(row.values())).models)})", *first, *map(_average, own)])
    for model in table.alone:
        cells = [table.cell(model.name, name) for name in names]
        rows.append([model.name, *([_overall(model)] if mean else []), *(_cell(cell) for cell in cells)])
    return [head, *rows]


def _merges(table: Table) -> list[list[str]]:
    overall = [merged for merged in table.merges if not merged.benchmark]
    if not overall:
        return []
    rows = [
        [
            merged.model,
            ", ".join(f"{name} {100 * value:.1f}" for name, value in merged.parents),
            f"{100 * merged.expected:.1f}",
            f"{100 * merged.value.value:.1f}",
            _signed(merged.improvement.value, merged.improvement.low, merged.improvement.high),
            "yes" if merged.synergy else "no",
        ]
        for merged in overall
    ]
    return [["merge", "parents", "their mean", "merged", "over the better parent (points)", "beats each"], *rows]


def _average(average: Average) -> str:
    scale, digits = (100, 1) if average.metric == "accuracy" else (1, 3)
    shown = f"{scale * average.value:.{digits}f}"
    return shown if average.spread is None else f"{shown} \u00b1 {scale * average.spread:.{digits}f}"


def _said(table: Table) -> str:
    """What the rows are, where they are not plainly models."""
    said = []
    if table.average:
        said.append(f"Rows with a count are means over `{table.average}`, \u00b1 the standard deviation between runs.")
    if table.development:
        said.append("Development numbers: models of this table may have been chosen on these very items.")
    return " ".join(said)


def _overall(model: Model) -> str:
    return _range(model.overall.value, model.overall.low, model.overall.high, 100, 1) if model.overall else ""


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return ""
    return _range(cell.value, cell.low, cell.high, *((100, 1) if cell.metric == "accuracy" else (1, 3)))


def _range(value: float, low: float | None, high: float | None, scale: int, digits: int) -> str:
    shown = f"{scale * value:.{digits}f}"
    return shown if low is None or high is None else f"{shown} ({scale * low:.{digits}f} to {scale * high:.{digits}f})"


def _signed(value: float, low: float, high: float) -> str:
    return f"{100 * value:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"


def pipes(rows: Sequence[Sequence[str]]) -> str:
    """Return rows, the first of them the head, as a table of GitHub's Markdown; every cell is escaped."""
    head, *rest = [[escaped(cell) for cell in row] for row in rows]
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rest))


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as plain columns, the first to the left and the others to the right."""
    shown = [[visible(cell).replace("\n", " ") for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in shown) for i in range(len(shown[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in shown
    ]
    return "\n".join(line.rstrip() for line in lines)


def coded(note: str) -> str:
    """Return a note with its `backquoted` names as code, everything else as it is."""
    pieces = note.split("`")
    if len(pieces) % 2 == 0:
        return escaped(note)
    return "".join(f"`{visible(piece)}`" if i % 2 else escaped(piece) for i, piece in enumerate(pieces))
