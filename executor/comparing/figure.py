"""Draws the angle between models as a heat map. In: a result. Out: an SVG, or a page of its own, light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from math import acos, degrees
from typing import Final

from ladle.executor.comparing.grouped import grouped
from ladle.executor.comparing.hints import hints
from ladle.executor.comparing.modules import OUTSIDE
from ladle.executor.comparing.result import Result
from ladle.executor.comparing.sums import COLLINEAR, View
from ladle.executor.report.markup import SVG, Markup, canvas, coded, document, join, shortened, tag, text_at
from ladle.executor.report.page import STYLE as PAGE_STYLE

STYLE: Final = """
.heat{font:12px system-ui,sans-serif}
.heat text{fill:var(--ink,#20242a)}
.heat .muted{fill:var(--muted,#6a6f78)}
.heat .head{font-weight:650;font-size:13px}
.heat .cell{fill:var(--copper,#c8652b);stroke:var(--edge,#b9b4aa);stroke-width:.5}
.heat .none{fill:none;stroke:var(--line,#e6e1d8);stroke-dasharray:2 2}
.heat .lerp{fill:var(--ink,#20242a)}
.heat .line{stroke:var(--muted,#6a6f78);stroke-width:1}
"""
_ALONE: Final = """
svg{--ink:#20242a;--muted:#6a6f78;--line:#e6e1d8;--edge:#b9b4aa;--copper:#c8652b}
@media (prefers-color-scheme:dark){svg{--ink:#e9e6e0;--muted:#9aa0a9;--line:#30343b;--edge:#4a4f57;--copper:#ea8d4e}}
"""
LERP: Final = degrees(acos(COLLINEAR))
"""The angle below which slerp of two tensors is a lerp."""
FAINTEST: Final = 0.04
"""Opacity of a cell at the angle 0, so that it is seen to be one."""

_LABELS: Final = 190.0
_CELL: Final = 18.0
_TOP: Final = 44.0
_GAP: Final = 34.0
_WIDE: Final = 1000.0
_LONGEST: Final = 27
_NARROW: Final = 6.0
"""Width of a cell at least."""
_SCALE: Final = 160.0

Cells = dict[tuple[str, int], View]


def svg(result: Result) -> str:
    """Return the figure as a file of its own."""
    marks, width, height = _drawn(result)
    style = tag("style", Markup(STYLE + _ALONE))
    return str(_svg((style, *marks), width, height, result, xmlns=SVG)) + "\n"


def page(result: Result) -> str:
    """Return a page with the figure and the hints. It loads nothing and runs nothing."""
    marks, width, height = _drawn(result)
    style = PAGE_STYLE + STYLE + ".card>svg.heat{min-width:640px;max-width:100%;height:auto}\n"
    names = ", ".join(each.name for each in result.models[: result.compared])
    said = [tag("li", coded(each.line(lambda name: f"`{name}`"))) for each in grouped(hints(result))]
    return document(
        f"{names}: compared",
        style,
        tag("p", "Ladle compare", class_="brand"),
        tag("h1", names),
        tag("p", _lead(result), class_="lead"),
        tag("div", _svg(marks, width, height, result), class_="card"),
        *([tag("h2", "When a merge cannot matter"), tag("ul", *said, class_="notes")] if said else []),
    )


def _lead(result: Result) -> str:
    sums = result.total.sums
    return f"The angle between the weights of every two models: {sums.elements:,} weights in {sums.tensors} tensors."


def _svg(marks: Sequence[Markup], width: float, height: float, result: Result, xmlns: str | None = None) -> Markup:
    names = " and ".join(each.name for each in result.models[: result.compared])
    label = f"angle between {names}, by module and layer"
    return canvas(marks, (width, height), "heat", label, width=width, height=height, xmlns=xmlns)


def _drawn(result: Result) -> tuple[list[Markup], float, float]:
    """Return the marks, width and height: a map for each pair below the other, and the scale that all share."""
    cells = dict(result.cells())
    angles = [found for a, b in result.pairs for view in cells.values() if (found := view.angle(a, b)) is not None]
    most = max(angles, default=0.0)
    kinds = list(dict.fromkeys(name for name, _ in cells))
    layers = sorted({layer for _, layer in cells if layer != OUTSIDE})
    wide = min(_CELL, max(_NARROW, _WIDE / (len(layers) + 2)))
    width = max(_LABELS + wide * (len(layers) + 2) + 20, _LABELS + _SCALE + 250)
    marks, top = [_scale(most)], _TOP
    for a, b in result.pairs:
        title = f"{result.models[a].name} and {result.models[b].name}"
        marks += [text_at(title, 4, top + 14, "head"), *_axis(layers, wide, top + 32)]
        top += 38
        for kind in kinds:
            marks += _row(kind, cells, layers, (a, b), most, wide, top)
            top += _CELL
        top += _GAP
    return marks, width, top - _GAP + 8


def _row(
    kind: str, cells: Cells, layers: Sequence[int], pair: tuple[int, int], most: float, wide: float, top: float
) -> list[Markup]:
    marks = [text_at(shortened(kind, _LONGEST), _LABELS - 8, top + 13, "", "end")]
    for place, layer in enumerate((OUTSIDE, *layers)):
        x = _LABELS + place * wide + (wide if place else 0)
        if (kind, layer) in cells:
            marks.append(_cell(kind, layer, cells[kind, layer], pair, most, (x, top, wide)))
    return marks


def _cell(
    kind: str, layer: int, view: View, pair: tuple[int, int], most: float, at: tuple[float, float, float]
) -> Markup:
    angle, (x, y, wide) = view.angle(*pair), at
    where = kind if layer == OUTSIDE else f"{kind}, layer {layer}"
    box = {"x": x, "y": y, "width": wide - 1, "height": _CELL - 1}
    if angle is None:
        return tag("rect", tag("title", f"{where}: no direction, since one is zero"), **box, class_="none")
    near = view.collinear(*pair) == view.sums.tensors
    said = f"{where}: {angle:.3g} degrees{', slerp is a lerp' if near else ''}"
    part = FAINTEST + (1 - FAINTEST) * angle / most if most else FAINTEST
    drawn = tag("rect", tag("title", said), **box, class_="cell", fill_opacity=f"{part:.3f}")
    dot = tag("circle", cx=x + (wide - 1) / 2, cy=y + (_CELL - 1) / 2, r=1.4, class_="lerp")
    return join([drawn, dot]) if near else drawn


def _axis(layers: Sequence[int], wide: float, y: float) -> list[Markup]:
    """Number the layers, as many of them as there is room for."""
    every = max(1, -(-16 // round(wide)))
    shown = [(place, layer) for place, layer in enumerate(layers) if place % every == 0]
    return [text_at(str(layer), _LABELS + (place + 2.5) * wide - 0.5, y, "muted", "middle") for place, layer in shown]


def _scale(most: float) -> Markup:
    """Draw what the colours mean, and where slerp begins to be another thing than a lerp."""
    steps = 16
    width = _SCALE / steps
    boxes = [
        tag("rect", x=_LABELS + i * width, y=6, width=width, height=10, class_="cell",
            fill_opacity=f"{FAINTEST + (1 - FAINTEST) * i / (steps - 1):.3f}")
        for i in range(steps)
    ]  # fmt: skip
    ends = [
        text_at("angle", _LABELS - 8, 15, "muted", "end"),
        text_at("0\u00b0", _LABELS, 30, "muted", "middle"),
        text_at(f"{most:.3g}\u00b0", _LABELS + _SCALE, 30, "muted", "middle"),
        tag("circle", cx=_LABELS + _SCALE + 22, cy=11, r=1.8, class_="lerp"),
        text_at(f"slerp is a lerp (below {LERP:.2f}\u00b0)", _LABELS + _SCALE + 30, 15, "muted"),
    ]
    return tag("g", *boxes, *ends)
