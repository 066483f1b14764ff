"""Draws loss curves. In: `losses.csv` of trained models. Out: one small SVG per model."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ladle.executor.report.figure import ticks
from ladle.executor.report.markup import Markup, canvas, number, shortened, tag

STYLE: Final = """
.curve{font:11px system-ui,sans-serif;display:block}
.curve text{fill:var(--ink)}
.curve .muted{fill:var(--muted)}
.curve .name{font-weight:600;font-size:12px}
.curve .grid{stroke:var(--line)}
.curve .raw{fill:none;stroke:var(--blue);stroke-width:1;opacity:.35}
.curve .smooth{fill:none;stroke:var(--blue);stroke-width:1.8}
"""

_POINTS: Final = 240
_WIDTH: Final = 260.0
_HEIGHT: Final = 150.0
_LEFT: Final = 42.0
_LONGEST: Final = 28


@dataclass(frozen=True, slots=True)
class Curve:
    """The training loss of one model: (step, loss), in order."""

    model: str
    operator: str
    points: tuple[tuple[int, float], ...]


def read_curve(model: str, operator: str, folder: Path) -> Curve | None:
    """Return the curve of a model folder, or None for a model that no training made."""
    path = folder / "losses.csv"
    if not path.is_file():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(int(row["step"]), float(row["loss"])) for row in csv.DictReader(file)]
    points = tuple((step, loss) for step, loss in rows if math.isfinite(loss))
    return Curve(model, operator, points) if len(points) > 1 else None


def draw(curve: Curve) -> Markup:
    """Return the curve: every step thin, a running mean thick. Each has an axis of its own: losses differ in kind."""
    points = thinned(curve.points)
    smooth = running_mean(points)
    low, high = min(loss for _, loss in points), max(loss for _, loss in points)
    room = max(0.05 * (high - low), 1e-6)
    low, high = low - room, high + room
    first, last = points[0][0], points[-1][0]

    def x(step: float) -> float:
        return _LEFT + (step - first) / (last - first) * (_WIDTH - 8 - _LEFT)

    def y(loss: float) -> float:
        return _HEIGHT - 20 - (loss - low) / (high - low) * (_HEIGHT - 58)

    def path(of: Sequence[tuple[float, float]]) -> str:
        return "M" + "L".join(f"{number(x(step))} {number(y(loss))}" for step, loss in of)

    marks = [
        tag("text", tag("title", curve.model), shortened(curve.model, _LONGEST), x=0, y=13, class_="name"),
        tag("text", curve.operator, x=0, y=27, class_="muted"),
        tag("text", f"{smooth[-1][1]:.2f}", x=_WIDTH - 2, y=13, text_anchor="end", class_="name"),
        tag("text", f"step {curve.points[-1][0]}", x=_WIDTH - 2, y=_HEIGHT - 5, text_anchor="end", class_="muted"),
    ]
    for tick in ticks(low, high, 4):
        marks.append(tag("line", x1=_LEFT, x2=_WIDTH - 8, y1=y(tick), y2=y(tick), class_="grid"))
        marks.append(tag("text", f"{tick:g}", x=_LEFT - 6, y=y(tick) + 4, text_anchor="end", class_="muted"))
    marks.append(tag("path", d=path(points), class_="raw"))
    marks.append(tag("path", d=path(smooth), class_="smooth"))
    return canvas(marks, (_WIDTH, _HEIGHT), "curve", f"training loss of {curve.model}")


def thinned(points: Sequence[tuple[int, float]], most: int = _POINTS) -> tuple[tuple[float, float], ...]:
    """Return at most `most` points: means over runs of equal length, so that a long run stays a small drawing."""
    run = math.ceil(len(points) / most)
    parts = [points[i : i + run] for i in range(0, len(points), run)]
    return tuple(
        (sum(step for step, _ in part) / len(part), sum(loss for _, loss in part) / len(part)) for part in parts
    )


def running_mean(points: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Return the mean over a window of a twentieth of the run to either side of each point."""
    half = max(1, len(points) // 20)
    found = []
    for i, (step, _) in enumerate(points):
        near = points[max(0, i - half) : i + half + 1]
        found.append((step, sum(loss for _, loss in near) / len(near)))
    return tuple(found)
