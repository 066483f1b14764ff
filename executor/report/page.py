"""Writes `report.html`: one file that needs nothing else. In: a report, curves, a graph. Out: HTML without a script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ladle.executor.report import curves, drawing, figure
from ladle.executor.report.content import Against, Average, Benchmark, Merged, Report, Table
from ladle.executor.report.curves import Curve
from ladle.executor.report.markup import Markup, coded, document, join, tag

STYLE: Final = (
    """
:root{color-scheme:light dark;--page:#faf8f4;--card:#fff;--ink:#20242a;--muted:#6a6f78;--line:#e6e1d8;--track:#f1eee7;
--edge:#b9b4aa;--grey:#868c95;--blue:#3f6fb0;--copper:#c8652b;--green:#3c7d4d}
@media (prefers-color-scheme:dark){:root{--page:#14161a;--card:#1b1e23;--ink:#e9e6e0;--muted:#9aa0a9;--line:#30343b;
--track:#262a30;--edge:#4a4f57;--grey:#9299a3;--blue:#6f9fdc;--copper:#ea8d4e;--green:#82c192}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.55 system-ui,sans-serif}
main{max-width:1180px;margin:0 auto;padding:36px 24px 64px}
h1{font:600 34px/1.15 ui-serif,Georgia,serif;margin:0;letter-spacing:-.01em}
.brand{color:var(--copper);font-size:12px;font-weight:650;letter-spacing:.09em;text-transform:uppercase;margin:0 0 6px}
h2{font:600 22px/1.25 ui-serif,Georgia,serif;margin:44px 0 4px}
h3{font-size:15px;margin:0 0 10px}
p{margin:.4em 0}
code{font:.92em ui-monospace,monospace;background:var(--track);padding:.08em .34em;border-radius:4px}
.lead{color:var(--muted);margin:8px 0 0}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:20px;margin-top:16px}
.card{overflow-x:auto}
.card>svg.figure{min-width:480px}
.card.wide>svg.figure{min-width:960px}
.card svg.graph{max-width:100%;height:auto}
.card svg.graph.wide{min-width:900px}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(480px,100%),1fr));gap:16px}
.many{display:grid;grid-template-columns:repeat(auto-fill,minmax(230px,1fr));gap:22px 26px}
.key{display:flex;flex-wrap:wrap;gap:4px 20px;color:var(--muted);font-size:13px;margin-top:12px}
.key svg.figure{display:inline-block;width:18px;height:12px;margin-right:7px;vertical-align:-1px}
.key svg.figure{overflow:visible}
.notes{margin:12px 0 0;padding-left:1.2em;max-width:86ch}
.notes li{margin:.5em 0}
table{border-collapse:collapse;width:100%;font-size:13.5px;font-variant-numeric:tabular-nums}
th,td{padding:5px 14px 5px 0;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
th:first-child,td:first-child{text-align:left}
thead th{font-weight:600;color:var(--muted);vertical-align:bottom}
td small,th small{display:block;color:var(--muted);font-size:11.5px}
td.best{font-weight:700}
td.best small{font-weight:400}
td.yes{color:var(--green);font-weight:650}
details{margin-top:16px}
summary{cursor:pointer;color:var(--muted)}
footer{color:var(--muted);font-size:13px;margin-top:48px;border-top:1px solid var(--line);padding-top:14px}
@media print{main{max-width:none}.card{break-inside:avoid}}
"""
    + figure.STYLE
    + curves.STYLE
    + drawing.STYLE
)


def page(report: Report, curves: Sequence[Curve], nodes: drawing.Nodes, edges: drawing.Edges) -> str:
    """Return the whole page."""
    body = [_header(report), *(section for table in report.tables for section in _table(table, len(report.tables)))]
    if curves:
        body.append(_curves(curves))
    if nodes:
        body.append(_graph(nodes, edges))
    return document(f"{report.name}: report", STYLE, *body, _footer())


def _header(report: Report) -> Markup:
    models = {model.name for table in report.tables for model in table.models}
    benchmarks = {benchmark.name: benchmark.n for table in report.tables for benchmark in table.benchmarks}
    lead = (
        f"{_plural(len(models), 'model')} on {_plural(len(benchmarks), 'benchmark')} with "
        f"{sum(benchmarks.values()):,} items. Every interval is for 95 %."
    )
    return tag(
        "header", tag("p", "Ladle report", class_="brand"), tag("h1", report.name), tag("p", lead, class_="lead")
    )


def _table(table: Table, tables: int) -> list[Markup]:
    found = [tag("h2", table.name)] if tables > 1 else []
    drawn = figure.panels(table)
    if drawn:
        found.append(tag("div", *drawn, _key(table), class_="card wide"))
    pair = [_figure(title, drawn) for title, drawn in _pair(table) if drawn]
    if pair:
        found.append(tag("div", *pair, class_="two"))
    found.append(tag("h2", "What the numbers show, and what they do not"))
    found.append(tag("ul", *(tag("li", coded(note)) for note in table.notes), class_="notes"))
    found.append(tag("h2", "Scores"))
    if table.development:
        said = "Development numbers: models of this table may have been chosen on these very items."
        found.append(tag("p", said, class_="lead"))
    if table.averages:
        said = f"Means over {table.average}, with the standard deviation between runs and the lowest and highest run."
        found += [tag("p", said, class_="lead"), tag("div", _averages(table), class_="card")]
    found.append(tag("div", _scores(table), class_="card"))
    if table.merges:
        found.append(_more("Every merge beside its parents, by benchmark", _merges(table)))
    if table.against:
        found.append(_more(f"Every model against {table.baseline}, item by item", _against(table)))
    return found


def _pair(table: Table) -> tuple[tuple[str, Markup | None], ...]:
    return (
        (f"Improvement over {table.baseline}", figure.improvements(table)),
        ("Merged, beside the parents", _with_key(figure.parents(table))),
    )


def _figure(title: str, drawn: Markup) -> Markup:
    return tag("div", tag("h3", title), drawn, class_="card")


def _with_key(drawn: Markup | None) -> Markup | None:
    if drawn is None:
        return None
    entries = (
        (tag("circle", cx=9, cy=6, r=4.5, class_="parent"), "a parent"),
        (tag("line", x1=9, x2=9, y1=-1, y2=13, class_="expected"), "mean of the parents"),
        (tag("path", d="M9 0l6 6-6 6-6-6z", class_="point"), "the merge, with its interval"),
    )
    said = tag("span", "right: the merge minus its better parent, in points; green: better than each parent")
    return join([drawn, tag("div", *(_entry(mark, text) for mark, text in entries), said, class_="key")])


def _key(table: Table) -> Markup:
    groups = {model.group for model in table.models}
    named = {"baseline": f"baseline, {table.baseline}", "unmerged": "not merged", "merged": "merged"}
    entries = [
        _entry(tag("rect", x=0, y=1, width=18, height=10, rx=2, class_=f"bar {group}"), text)
        for group, text in named.items()
        if group in groups
    ]
    entries.append(_entry(tag("path", d="M1 3v6M1 6H17M17 3v6", class_="interval"), "95 % interval"))
    if "baseline" in groups:
        entries.append(_entry(tag("line", x1=9, x2=9, y1=-1, y2=13, class_="base"), "the baseline's score"))
    if any(benchmark.chance for benchmark in table.benchmarks):
        entries.append(_entry(tag("line", x1=9, x2=9, y1=-1, y2=13, class_="chance"), "guessing"))
    return tag("div", *entries, tag("span", "accuracy in percent; the best of each column in bold"), class_="key")


def _entry(mark: Markup, text: str) -> Markup:
    return tag("span", tag("svg", mark, viewBox="0 0 18 12", class_="figure", aria_hidden="true"), text)


def _scores(table: Table) -> Markup:
    names = [benchmark.name for benchmark in table.benchmarks]
    mean = any(model.overall for model in table.models)
    head = ["model", *(["mean"] if mean else []), *map(_headed, table.benchmarks)]
    best = {name: _best(table, name) for name in names}
    highest = max((model.overall.value for model in table.models if model.overall), default=0.0)
    rows = []
    for model in table.models:
        cells = [tag("td", model.name)]
        if model.overall:
            o = model.overall
            cells.append(_number(o.value, o.low, o.high, "accuracy", o.value == highest))
        for name in names:
            cell = table.cell(model.name, name)
            assert cell is not None
            cells.append(_number(cell.value, cell.low, cell.high, cell.metric, cell.value == best[name]))
        rows.append(tag("tr", *cells))
    return _grid(head, rows)


def _headed(benchmark: Benchmark) -> Markup:
    return join([benchmark.name, *([tag("small", benchmark.unit)] if benchmark.unit else [])])


def _averages(table: Table) -> Markup:
    rows = table.averaged
    mean = any("" in row for row in rows.values())
    columns = [*([""] if mean else []), *(benchmark.name for benchmark in table.benchmarks)]
    head = ["row", "runs", *(["mean"] if mean else []), *map(_headed, table.benchmarks)]
    shown = [
        tag(
            "tr",
            tag("td", name),
            tag("td", str(len(next(iter(row.values())).models))),
            *(_mean(row[c]) for c in columns),
        )
        for name, row in rows.items()
    ]
    return _grid(head, shown)


def _mean(average: Average) -> Markup:
    scale, digits = (100, 1) if average.metric == "accuracy" else (1, 3)
    spread = "" if average.spread is None else f" \u00b1 {scale * average.spread:.{digits}f}"
    ends = f"{scale * average.low:.{digits}f}\u2013{scale * average.high:.{digits}f}"
    return tag("td", f"{scale * average.value:.{digits}f}{spread}", tag("small", ends))


def _number(value: float, low: float | None, high: float | None, metric: str, best: bool) -> Markup:
    shown = f"{100 * value:.1f}" if metric == "accuracy" else f"{value:.3f}"
    scale, digits = (100, 1) if metric == "accuracy" else (1, 3)
    ends = "" if low is None or high is None else f"{scale * low:.{digits}f}\u2013{scale * high:.{digits}f}"
    return tag("td", shown, tag("small", ends), class_="best" if best else None)


def _best(table: Table, benchmark: str) -> float:
    cells = [cell for cell in table.cells if cell.benchmark == benchmark]
    pick = max if cells[0].metric == "accuracy" else min
    return pick(cell.value for cell in cells)


def _merges(table: Table) -> Markup:
    head = [
        "merge",
        "benchmark",
        "parents",
        "their mean",
        "merged",
        "over the better parent",
        "diversity",
        "p, Holm",
        "beats each",
    ]
    rows = [tag("tr", *_merge_cells(merged)) for merged in table.merges]
    return _grid(head, rows)


def _merge_cells(merged: Merged) -> list[Markup]:
    texts = (
        merged.model,
        merged.benchmark or "mean",
        ", ".join(f"{name} {100 * value:.1f}" for name, value in merged.parents),
        f"{100 * merged.expected:.1f}",
        f"{100 * merged.value.value:.1f}",
        _points(merged.improvement.value, merged.improvement.low, merged.improvement.high),
        f"{100 * merged.diversity:.1f}",
        _p(merged.adjusted),
    )
    claim = tag("td", "yes", class_="yes") if merged.synergy else tag("td", "no")
    return [*(tag("td", text) for text in texts), claim]


def _against(table: Table) -> Markup:
    head = ["model", "benchmark", "difference in points", "McNemar p", "after Holm"]
    return _grid(head, [tag("tr", *_against_cells(entry)) for entry in table.against])


def _against_cells(entry: Against) -> list[Markup]:
    d = entry.difference
    ends = _points(d.value, d.low, d.high)
    return [tag("td", text) for text in (entry.model, entry.benchmark or "mean", ends, _p(entry.p), _p(entry.adjusted))]


def _p(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if value >= 0.0001 else "< 0.0001"


def _points(value: float, low: float, high: float) -> str:
    return f"{100 * value:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})".replace("-", "\u2212")


def _grid(head: Sequence[str], rows: Sequence[Markup]) -> Markup:
    return tag("table", tag("thead", tag("tr", *(tag("th", text) for text in head))), tag("tbody", *rows))


def _more(title: str, inner: Markup) -> Markup:
    return tag("details", tag("summary", title), tag("div", inner, class_="card"))


def _curves(drawn: Sequence[Curve]) -> Markup:
    note = (
        "Loss of each optimizer step, and its running mean. Kinds of training measure different losses. Shown are the "
        "models of the tables that a training here ended in: one that was adopted, or that only lies on the way to "
        "another, has no curve."
    )
    return join(
        [
            tag("h2", "Training"),
            tag("p", note, class_="lead"),
            tag("div", tag("div", *(curves.draw(curve) for curve in drawn), class_="many"), class_="card"),
        ]
    )


def _graph(nodes: drawing.Nodes, edges: drawing.Edges) -> Markup:
    note = (
        "Every corpus and model once, with the operator that makes it; a line runs from what is used to what uses it."
    )
    return join(
        [
            tag("h2", "What was made from what"),
            tag("p", note, class_="lead"),
            tag("div", drawing.drawing(nodes, edges), class_="card"),
        ]
    )


def _footer() -> Markup:
    return tag(
        "footer",
        "Accuracies have Wilson intervals; their mean counts every benchmark the same. Differences are taken over the "
        "same items (Newcombe's method 10) and tested with McNemar's exact test. The same scores give the same page, "
        "byte for byte.",
    )


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
