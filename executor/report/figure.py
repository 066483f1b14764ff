"""Draws a table's scores. In: a table. Out: SVG figures whose colours are those of the page that carries `STYLE`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from ladle.executor.report.content import Cell, Merged, Model, Table
from ladle.executor.report.markup import Markup, canvas, join, number, shortened, tag, text_at
from ladle.executor.report.statistics import Interval

STYLE: Final = """
.figure{font:12px system-ui,sans-serif;display:block}
.figure text{fill:var(--ink)}
.figure .muted{fill:var(--muted)}
.figure .head{font-weight:650;font-size:13px}
.figure .small{font-size:10.5px}
.figure .value{font-variant-numeric:tabular-nums}
.figure .best{font-weight:700}
.figure .track{fill:var(--track)}
.figure .bar.baseline{fill:var(--grey)}
.figure .bar.unmerged{fill:var(--blue)}
.figure .bar.merged{fill:var(--copper)}
.figure .interval{stroke:var(--ink);stroke-width:1.3;fill:none}
.figure .grid{stroke:var(--line);stroke-width:1}
.figure .zero{stroke:var(--muted);stroke-width:1}
.figure .base{stroke:var(--grey);stroke-width:1.2;stroke-dasharray:4 3}
.figure .chance{stroke:var(--muted);stroke-width:1;stroke-dasharray:1.5 3}
.figure .link{stroke:var(--line);stroke-width:5;stroke-linecap:round}
.figure .parent{fill:var(--card);stroke:var(--blue);stroke-width:2}
.figure .expected{stroke:var(--ink);stroke-width:2}
.figure .point{fill:var(--copper)}
.figure .claim{fill:var(--green);font-weight:650}
"""

WIDTH: Final = 1100.0
_LABELS: Final = 186.0
_ROW: Final = 25.0
_TOP: Final = 52.0
_BAR: Final = 11.0
_GROUP_GAP: Final = 12.0
_LONGEST: Final = 27
_MOST_COLUMNS: Final = 6
"""Panels side by side; more benchmarks continue in a figure below."""


def panels(table: Table) -> tuple[Markup, ...]:
    """Return the table's figures: a panel for the mean and one per accuracy benchmark, a bar and interval per model."""
    names = [benchmark.name for benchmark in table.benchmarks if benchmark.metric == "accuracy"]
    columns = ([""] if len(names) > 1 else []) + names
    parts = [columns[i : i + _MOST_COLUMNS] for i in range(0, len(columns), _MOST_COLUMNS)]
    return tuple(_panel_row(table, part) for part in parts)


def improvements(table: Table) -> Markup | None:
    """Return the relative improvement over the baseline in the mean over benchmarks, or None without a baseline."""
    base = next((m.overall for m in table.models if m.name == table.baseline), None)
    shown = {entry.model: entry.difference for entry in table.against if not entry.benchmark}
    if base is None or not base.value or not shown:
        return None
    relative = [(m, shown[m.name].over(base.value)) for m in table.models if m.name in shown]
    axis = _Axis(*_span([v for _, i in relative for v in (i.low, i.high, 0.0)]), _LABELS, 450.0)
    rows = _rows([model for model, _ in relative])
    height = rows[-1] + _ROW + 26
    zero = axis.at(0)
    marks = [_axis(axis, 26, height - 24, 100, " %"), _line(zero, 26, zero, height - 24, "zero")]
    for (model, interval), y in zip(relative, rows, strict=True):
        marks.append(_label(model.name, y))
        marks.append(_bar(axis, 0, interval.value, y, model.group, _said(model.name, interval, "over the baseline")))
        marks.append(_interval(axis, interval, y))
        marks.append(text_at(f"{_signed(100 * interval.value)} %", 524, y + 16, "value", anchor="end"))
    head = text_at(f"relative to {table.baseline}, mean over benchmarks", _LABELS, 14, "small muted")
    return _figure([head, *marks], 530, height, f"relative improvement over {table.baseline}")


def parents(table: Table) -> Markup | None:
    """Return each merge beside its parents and their mean, over all benchmarks, or None where nothing is merged."""
    merges = [merged for merged in table.merges if not merged.benchmark]
    if not merges:
        return None
    values = [v for m in merges for v in (m.value.low, m.value.high, *(value for _, value in m.parents))]
    axis = _Axis(*_span(values), _LABELS, 420.0)
    height = 30 + 38.0 * len(merges) + 26
    marks = [_axis(axis, 26, height - 24, 100, "")]
    for i, merged in enumerate(merges):
        marks.extend(_beside(axis, merged, 30 + 38.0 * i))
    head = text_at("mean accuracy over benchmarks, %", _LABELS, 14, "small muted")
    return _figure([head, *marks], 530, height, "merged models beside their parents")


class _Axis:
    """A horizontal scale from values to coordinates."""

    def __init__(self, low: float, high: float, left: float, right: float) -> None:
        self.low, self.high, self.left, self.right = low, high, left, right

    def at(self, value: float) -> float:
        """Return the coordinate of a value, cut off at the ends."""
        part = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.left + part * (self.right - self.left)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return round numbers from `low` to `high`: at most `most`, in steps of 1, 2, 2.5 or 5 times a power of ten."""
    scale = 10.0 ** round(_exponent(high - low) - 2)
    for step in (
        scale * factor for power in (1, 10, 100, 1000) for factor in (power, 2 * power, 2.5 * power, 5 * power)
    ):
        first = -(-low // step)
        count = int(high / step - first + 1 + 1e-9)
        if count <= most:
            return [(first + i) * step for i in range(count)]
    return [low, high]


def _exponent(value: float) -> int:
    return int(f"{value:e}".split("e")[1])


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = max(0.04 * (high - low), 0.005)
    return low - room, high + room


def _panel_row(table: Table, columns: Sequence[str]) -> Markup:
    rows = _rows(table.models, _TOP)
    bottom = rows[-1] + _ROW
    wide = (WIDTH - _LABELS) / len(columns)
    marks = [_label(model.name, y) for model, y in zip(table.models, rows, strict=True)]
    for i, name in enumerate(columns):
        axis = _Axis(0, 1, _LABELS + i * wide + 8, _LABELS + (i + 1) * wide - 40)
        marks.extend(_panel(table, name, axis, rows, bottom))
    return _figure(
        marks, WIDTH, bottom + 24, f"accuracy of {len(table.models)} models, {', '.join(columns).strip(', ')}"
    )


def _panel(table: Table, name: str, axis: _Axis, rows: Sequence[float], bottom: float) -> list[Markup]:
    benchmark = next((b for b in table.benchmarks if b.name == name), None)
    scores = [_score(table, model, name) for model in table.models]
    best = max(score.value for score in scores)
    size = f"n = {benchmark.n}" if benchmark else "of the benchmarks"
    marks = [
        text_at(shortened(name or "mean", 17), axis.left, 18, "head", title=name or "mean over benchmarks"),
        text_at(size, axis.left, 34, "small muted"),
    ]
    for model, score, y in zip(table.models, scores, rows, strict=True):
        marks.append(tag("rect", x=axis.left, y=y + 7, width=axis.right - axis.left, height=_BAR, rx=2, class_="track"))
        marks.append(_bar(axis, 0, score.value, y, model.group, _said(model.name, score, f"on {name}" if name else "")))
        marks.append(_interval(axis, score, y))
        heavy = "value best" if score.value == best else "value"
        marks.append(text_at(f"{100 * score.value:.0f}", axis.right + 30, y + 16, heavy, anchor="end"))
    for value, kind in (
        (_value(table, table.baseline, name), "base"),
        (benchmark.chance if benchmark else None, "chance"),
    ):
        if value is not None:
            marks.append(_line(axis.at(value), _TOP - 6, axis.at(value), bottom + 4, kind))
    for tick in (0, 0.5, 1):
        marks.append(text_at(f"{100 * tick:.0f}", axis.at(tick), bottom + 18, "small muted", anchor="middle"))
    return marks


def _beside(axis: _Axis, merged: Merged, y: float) -> list[Markup]:
    middle = y + 14
    values = [value for _, value in merged.parents]
    marks = [_label(merged.model, y + 2), _line(axis.at(min(values)), middle, axis.at(max(values)), middle, "link")]
    for name, value in merged.parents:
        title = tag("title", f"parent {name}: {100 * value:.1f} %")
        marks.append(tag("circle", title, cx=axis.at(value), cy=middle, r=4.5, class_="parent"))
    expected = axis.at(merged.expected)
    marks.append(_line(expected, middle - 8, expected, middle + 8, "expected"))
    marks.append(_interval(axis, merged.value, middle - 12.5))
    x = axis.at(merged.value.value)
    title = tag("title", _said(merged.model, merged.value, ""))
    marks.append(tag("path", title, d=f"M{number(x)} {number(middle - 7)}l7 7-7 7-7-7z", class_="point"))
    gain = f"{_signed(100 * merged.improvement.value)} pt"
    marks.append(text_at(gain, 524, middle + 1, "claim value" if merged.synergy else "value", anchor="end"))
    ends = f"{_signed(100 * merged.improvement.low)} to {_signed(100 * merged.improvement.high)}"
    marks.append(text_at(ends, 524, middle + 14, "small muted value", anchor="end"))
    return marks


def _score(table: Table, model: Model, benchmark: str) -> Interval:
    if not benchmark:
        assert model.overall is not None
        return model.overall
    return _of(table.cell(model.name, benchmark))


def _of(cell: Cell | None) -> Interval:
    assert cell is not None
    return Interval(
        cell.value, cell.value if cell.low is None else cell.low, cell.value if cell.high is None else cell.high
    )


def _value(table: Table, name: str, benchmark: str) -> float | None:
    model = next((m for m in table.models if m.name == name), None)
    return _score(table, model, benchmark).value if model else None


def _rows(models: Sequence[Model], top: float = 26.0) -> list[float]:
    """Return the top of each model's row; a little room stands between groups."""
    tops = [top]
    for one, two in pairwise(models):
        tops.append(tops[-1] + _ROW + (_GROUP_GAP if one.group != two.group else 0))
    return tops


def _axis(axis: _Axis, top: float, bottom: float, scale: float, unit: str) -> Markup:
    marks = []
    for tick in ticks(scale * axis.low, scale * axis.high):
        x = axis.at(tick / scale)
        marks.append(_line(x, top, x, bottom, "grid"))
        marks.append(text_at(f"{tick:g}{unit}".replace("-", "\u2212"), x, bottom + 16, "small muted", anchor="middle"))
    return join(marks)


def _bar(axis: _Axis, start: float, end: float, y: float, group: str, title: str) -> Markup:
    left, right = sorted((axis.at(start), axis.at(end)))
    shape = {"x": left, "y": y + 7, "width": max(right - left, 0.5), "height": _BAR}
    return tag("rect", tag("title", title), **shape, rx=2, class_=f"bar {group}")


def _interval(axis: _Axis, interval: Interval, y: float) -> Markup:
    low, high, middle = axis.at(interval.low), axis.at(interval.high), y + 7 + _BAR / 2
    path = f"M{number(low)} {number(middle - 3)}v6M{number(low)} {number(middle)}H{number(high)}M{number(high)} "
    return tag("path", d=f"{path}{number(middle - 3)}v6", class_="interval")


def _label(name: str, y: float) -> Markup:
    return text_at(shortened(name, _LONGEST), _LABELS - 12, y + 16, "", anchor="end", title=name)


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=kind)


def _figure(marks: Sequence[Markup], width: float, height: float, label: str) -> Markup:
    return canvas(marks, (width, height), "figure", label, width="100%")


def _said(name: str, interval: Interval, where: str) -> str:
    low, high = 100 * interval.low, 100 * interval.high
    return f"{name} {where}: {100 * interval.value:.1f} % ({low:.1f} to {high:.1f})".replace(" :", ":")


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "\u2212")
