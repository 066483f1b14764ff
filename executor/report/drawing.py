"""Draws a graph of computations. In: (name, operator) nodes and (from, to) edges. Out: SVG, Mermaid or DOT text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ladle.dsl.signature import Role
from ladle.executor.catalog import vocabulary
from ladle.executor.report.layout import Placed, Point, place
from ladle.executor.report.markup import SVG, Markup, canvas, join, number, shortened, tag, visible

Nodes = Sequence[tuple[str, str]]
Edges = Sequence[tuple[str, str]]

STYLE: Final = """
.graph{font:12px system-ui,sans-serif}
.graph path{fill:none;stroke:var(--edge,#b9b4aa);stroke-width:1.2}
.graph rect.box{fill:var(--card,#fff);stroke:var(--edge,#b9b4aa)}
.graph .name{fill:var(--ink,#1f2328);font-weight:600}
.graph .operator{fill:var(--muted,#6b6f76);font-size:10.5px}
.graph .mark{fill:var(--muted,#8a8f98)}
.graph .stage .mark{fill:var(--blue,#3f6fb0)}
.graph .merge .mark{fill:var(--copper,#c4622d)}
.graph .score .mark{fill:var(--green,#4d8a5b)}
"""
_DARK: Final = """
@media (prefers-color-scheme:dark){svg{--edge:#4a4f57;--card:#1c1f23;--ink:#e8e6e1;--muted:#9a9ea6;--blue:#7fb0ea;
--copper:#f0955a;--green:#86c294}}
"""

_ROW: Final = 46.0
_BOX: Final = 34.0
_GAP: Final = 40.0
_CHARACTER: Final = 7.3
"""Width of one character of a name, which no browser is at hand to measure."""
_PAGE: Final = 1100.0
"""A wider drawing is scaled down to its page, though not to nothing."""
_LONGEST: Final = 28
"""Characters of a name that are shown; the whole of it is the box's title."""


def svg(nodes: Nodes, edges: Edges) -> str:
    """Return a drawing as a file of its own, for light and dark pages. Raises ValueError for a cycle."""
    inner, width, height = _draw(nodes, edges)
    style = tag("style", Markup(STYLE + _DARK))
    return str(canvas((style, inner), (width, height), "graph", width=width, height=height, xmlns=SVG))


def drawing(nodes: Nodes, edges: Edges) -> Markup:
    """Return a drawing for a page that carries `STYLE`. Raises ValueError for a cycle."""
    inner, width, height = _draw(nodes, edges)
    label = f"graph of {len(nodes)} computations"
    wide = " wide" if width > _PAGE else ""
    return canvas((inner,), (width, height), f"graph{wide}", label, width=width, height=height)


def mermaid(nodes: Nodes, edges: Edges) -> str:
    """Return a Mermaid flowchart; names are text there, never syntax."""
    ids = {name: f"n{i}" for i, (name, _) in enumerate(nodes)}
    lines = [f'  {ids[name]}["{_mermaid(name)}<br/>{_mermaid(operator)}"]' for name, operator in nodes]
    return "\n".join(["flowchart LR", *lines, *(f"  {ids[a]} --> {ids[b]}" for a, b in edges)]) + "\n"


def dot(nodes: Nodes, edges: Edges) -> str:
    """Return a graph in the DOT language of Graphviz; names are quoted."""
    lines = [f"  {_quoted(name)} [label={_quoted(name, operator)}];" for name, operator in nodes]
    arrows = [f"  {_quoted(a)} -> {_quoted(b)};" for a, b in edges]
    return "\n".join(["digraph {", "  rankdir=LR;", "  node [shape=box];", *lines, *arrows, "}"]) + "\n"


def overview(nodes: Nodes, edges: Edges) -> tuple[Nodes, Edges]:
    """Return the graph as a reader thinks of it: corpora, models, and what leads from one to the other.

    Scores are left out with the corpora that only they read, and the preparation of rows: a corpus then leads straight
    to the stage that trains on it.
    """
    operators = dict(nodes)
    links = list(edges)
    for name in (name for name, operator in nodes if operator == "prepare"):
        sources = [a for a, b in links if b == name and _role(operators[a]) is not Role.TOKENIZER]
        users = [b for a, b in links if a == name]
        links = [(a, b) for a, b in links if name not in (a, b)] + [(a, b) for a in sources for b in users]
    hidden = {name for name, operator in nodes if operator == "prepare" or _role(operator) is Role.BENCHMARK}
    data = {name for name, operator in nodes if _role(operator) in (Role.CORPUS_SOURCE, Role.TRANSFORM)}
    while idle := data - hidden - {a for a, b in links if b not in hidden}:
        hidden |= idle
    kept = [node for node in nodes if node[0] not in hidden]
    return kept, [(a, b) for a, b in dict.fromkeys(links) if a not in hidden and b not in hidden]


def _draw(nodes: Nodes, edges: Edges) -> tuple[Markup, float, float]:
    numbers = {name: i for i, (name, _) in enumerate(nodes)}
    links = sorted({(numbers[a], numbers[b]) for a, b in edges})
    placed = place(len(nodes), links)
    lefts, widths = _columns(nodes, placed)
    column_of = {point: i for i, column in enumerate(placed.layers) for point in column}

    def at(point: Point) -> tuple[float, float]:
        return lefts[column_of[point]], placed.heights[point] * _ROW + _BOX / 2 + 4

    paths = [_path([(*at(p), widths[column_of[p]]) for p in path]) for path in placed.paths]
    boxes = [_box(name, operator, *at((i, 0)), widths[column_of[i, 0]]) for i, (name, operator) in enumerate(nodes)]
    height = max(placed.heights.values(), default=0.0) * _ROW + _BOX + 8
    width = (lefts[-1] + widths[-1] + 4) if widths else 8.0
    return join([*paths, *boxes]), width, height


def _columns(nodes: Nodes, placed: Placed) -> tuple[list[float], list[float]]:
    widths = [
        max(
            (max(min(len(text), _LONGEST) for text in nodes[p[0]]) * _CHARACTER + 26 for p in column if p[0] >= 0),
            default=20.0,
        )
        for column in placed.layers
    ]
    lefts = [4.0]
    for width in widths[:-1]:
        lefts.append(lefts[-1] + width + _GAP)
    return lefts, widths


def _path(points: Sequence[tuple[float, float, float]]) -> Markup:
    x, y, width = points[0]
    written = [f"M{number(x + width)} {number(y)}"]
    x += width
    for left, next_y, width in points[1:]:
        bend = (left - x) / 2
        written.append(
            f"C{number(x + bend)} {number(y)} {number(left - bend)} {number(next_y)} {number(left)} {number(next_y)}"
        )
        x, y = left, next_y
        if (left, next_y, width) != points[-1]:
            x = left + width
            written.append(f"H{number(x)}")
    return tag("path", d="".join(written))


def _box(name: str, operator: str, x: float, y: float, width: float) -> Markup:
    top = y - _BOX / 2
    return tag(
        "g",
        tag("title", f"{name}: {operator}"),
        tag("rect", x=x, y=top, width=width, height=_BOX, rx=5, class_="box"),
        tag("rect", x=x, y=top, width=4, height=_BOX, rx=2, class_="mark"),
        tag("text", shortened(name, _LONGEST), x=x + 13, y=y - 2, class_="name"),
        tag("text", shortened(operator, _LONGEST), x=x + 13, y=y + 12, class_="operator"),
        class_=_kind(operator),
    )


def _kind(operator: str) -> str:
    match _role(operator):
        case Role.STAGE:
            return "stage"
        case Role.MERGE | Role.CHOICE:
            return "merge"
        case Role.BENCHMARK:
            return "score"
        case _:
            return "merge" if operator == "affine" else "data"


def _role(operator: str) -> Role | None:
    known = vocabulary().get(operator)
    return known.role if known else None


def _mermaid(text: str) -> str:
    return "".join(char if char.isalnum() or char in " -_./" else f"#{ord(char)};" for char in visible(text))


def _quoted(*lines: str) -> str:
    escaped = (visible(line).replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") for line in lines)
    return '"' + "\\n".join(escaped) + '"'
