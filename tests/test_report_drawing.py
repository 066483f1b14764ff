"""Drawings of graphs: where nodes stand, and that no name becomes syntax."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ladle.executor.report.drawing import dot, mermaid, overview, svg
from ladle.executor.report.layout import place

SVG = "{http://www.w3.org/2000/svg}"
NODES = [("web", "jsonl"), ("base", "cpt"), ("tuned", "sft"), ("merged", "slerp"), ("merged-silk", "choice")]
EDGES = [("web", "base"), ("base", "tuned"), ("base", "merged"), ("tuned", "merged"), ("merged", "merged-silk")]
HOSTILE = '"]; <script>alert(1)</script> & \\" -->\u202e\x1b[31m'


def boxes(text: str) -> dict[str, ET.Element]:
    found = {}
    for group in ET.fromstring(text).iter(f"{SVG}g"):
        label = group.find(f"{SVG}title")
        box = group.find(f"{SVG}rect")
        assert label is not None
        assert box is not None
        found[str(label.text).rsplit(": ", 1)[0]] = box
    return found


def test_users_stand_right_of_what_they_use_and_no_boxes_overlap() -> None:
    found = boxes(svg(NODES, EDGES))
    assert list(found) == [name for name, _ in NODES]
    place_of = {name: [float(box.get(key, "")) for key in ("x", "y", "width", "height")] for name, box in found.items()}
    for a, b in EDGES:
        assert place_of[a][0] + place_of[a][2] < place_of[b][0]
    all_places = list(place_of.values())
    for i, (x, y, w, h) in enumerate(all_places):
        for u, v, _, _ in all_places[i + 1 :]:
            assert not (x <= u < x + w and abs(y - v) < h)


def test_an_operator_is_marked_by_what_it_does() -> None:
    groups = {g[0].text: g.get("class") for g in ET.fromstring(svg(NODES, EDGES)).iter(f"{SVG}g")}
    assert groups["base: cpt"] == "stage"
    assert groups["merged: slerp"] == "merge"
    assert groups["merged-silk: choice"] == "score"
    assert groups["web: jsonl"] == "data"


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    count = draw(st.integers(1, 12))
    pairs = [(a, b) for b in range(count) for a in range(b)]
    return count, draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []


@given(graphs())
def test_any_graph_is_laid_out_in_layers_without_overlap(graph: tuple[int, list[tuple[int, int]]]) -> None:
    count, edges = graph
    placed = place(count, edges)
    layer = {point: i for i, column in enumerate(placed.layers) for point in column}
    assert sorted(point[0] for point in layer if point[0] >= 0) == list(range(count))
    for path in placed.paths:
        assert [layer[b] - layer[a] for a, b in pairwise(path)] == [1] * (len(path) - 1)
    assert [(path[0][0], path[-1][0]) for path in placed.paths] == edges
    for column in placed.layers:
        nodes = [placed.heights[point] for point in column if point[0] >= 0]
        assert all(b - a >= 1 - 1e-9 for a, b in pairwise(nodes))


def test_a_cycle_is_no_graph() -> None:
    with pytest.raises(ValueError, match="cycle"):
        place(2, [(0, 1), (1, 0)])


def test_an_empty_graph_is_drawn() -> None:
    assert boxes(svg([], [])) == {}
    assert mermaid([], []) == "flowchart LR\n"


def test_names_never_become_syntax() -> None:
    nodes = [(HOSTILE, "jsonl"), ("b", HOSTILE)]
    edges = [(HOSTILE, "b")]
    drawn = svg(nodes, edges)
    assert "<script" not in drawn
    assert "\x1b" not in drawn
    assert "\u202e" not in drawn
    shown = HOSTILE.replace("\u202e", "\ufffd").replace("\x1b", "\ufffd")
    titles = [title.text for title in ET.fromstring(drawn).iter(f"{SVG}title")]
    assert titles == [f"{shown}: jsonl", f"b: {shown}"]
    chart = mermaid(nodes, edges).splitlines()
    assert len(chart) == 4
    assert re.fullmatch(r'  n0\["[\w #;.<>/-]*"\]', chart[1])
    assert chart[3] == "  n0 --> n1"
    graph = dot(nodes, edges)
    assert re.sub(r'"(\\.|[^"\\])*"', "Q", graph).splitlines()[3:] == [
        "  Q [label=Q];",
        "  Q [label=Q];",
        "  Q -> Q;",
        "}",
    ]


def test_a_long_name_is_cut_and_kept_as_title() -> None:
    name = "bpe-corpora-web-reading-vocab-1536-template-chatml"
    drawn = svg([(name, "bpe")], [])
    assert list(boxes(drawn)) == [name]
    assert drawn.count(name) == 1
    assert f"{name[:27]}\u2026" in drawn


def test_an_overview_leads_from_corpora_to_models() -> None:
    nodes = [*NODES, ("silk", "jsonl"), ("short", "filter"), ("rows", "prepare"), ("words", "bpe"), ("held", "jsonl")]
    edges = [
        ("silk", "short"),
        ("short", "merged-silk"),
        ("words", "rows"),
        ("held", "rows"),
        ("rows", "tuned"),
        ("held", "merged-silk"),
        *EDGES,
    ]
    kept, links = overview(nodes, edges)
    assert kept == [*NODES[:4], ("words", "bpe"), ("held", "jsonl")]
    assert sorted(links) == sorted([*EDGES[:4], ("held", "tuned")])


def test_mermaid_and_dot_name_the_operators() -> None:
    assert mermaid(NODES[:2], EDGES[:1]) == ('flowchart LR\n  n0["web<br/>jsonl"]\n  n1["base<br/>cpt"]\n  n0 --> n1\n')
    assert '"base" [label="base\\ncpt"];' in dot(NODES[:2], EDGES[:1])
