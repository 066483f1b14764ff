"""The largest merge that check lets pass is planned at once, and its node file can be read."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from checking import PRELUDE, checked, graph
from ladle.dsl.fused import MAX_INPUTS, MAX_LEVELS
from ladle.executor.catalog import vocabulary
from ladle.executor.layout import layout
from ladle.executor.node_reader import read_node_file
from ladle.executor.nodefile import Inline, node_file
from ladle.executor.plan import plan
from ladle.executor.workspace import Workspace

WAVES = "{self_attn: [0, 0.5, 0.3, 0.7, 1], mlp: [1, 0.5, 0.7, 0.3, 0], else: 0.5}"


def nested(levels: int) -> str:
    return f"model d1 = slerp(base, instruct, t = {WAVES})\n" + "\n".join(
        f"model d{i} = lerp(d{i - 1}, base, t = 0.{i})" for i in range(2, levels + 1)
    )


def doubled(times: int) -> str:
    """Takes 2 ** (times + 1) - 2 + 2 ** times models, written out."""
    return f"model d1 = slerp(base, instruct, t = {WAVES})\n" + "\n".join(
        f"model d{i} = slerp(d{i - 1}, d{i - 1} + 0.{i} * (instruct - base), t = {WAVES})" for i in range(2, times + 1)
    )


@pytest.mark.parametrize(("text", "last"), [(nested(MAX_LEVELS), f"d{MAX_LEVELS}"), (doubled(7), "d7")])
def test_the_largest_merge_is_planned_and_read(text: str, last: str, tmp_path: Path) -> None:
    found = graph(text)
    began = time.process_time()
    steps = layout(found, vocabulary())
    workspace = Workspace(tmp_path)
    plan(steps, workspace, (found.aliases[last],))
    path = tmp_path / "d.json"
    path.write_bytes(node_file(steps, found.nodes[found.aliases[last]]))
    assert time.process_time() - began < 1
    node = read_node_file(path, vocabulary(), workspace)
    assert isinstance(node.computation.inputs[0], Inline)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (nested(MAX_LEVELS + 1), f"{MAX_LEVELS + 1} levels deep"),
        (doubled(8), f"{MAX_INPUTS} is the most"),
    ],
)
def test_one_more_is_refused_where_it_is_written(text: str, said: str) -> None:
    _, (problem,) = checked(f"{text}\n{PRELUDE}")
    assert problem.code == "E305"
    assert said in problem.message
    assert problem.source.position(problem.span.start)[0] == len(text.splitlines())


def test_a_chain_that_takes_each_merge_twice_names_what_it_reads_once() -> None:
    text = "\n".join(f"model d{i} = slerp(d{i - 1}, lerp(d{i - 1}, base, t = 0.5), t = 0.5)" for i in range(1, 8))
    found = graph(f"model d0 = base | sft\n{text}")
    steps = layout(found, vocabulary())
    reads = steps.reads(found.nodes[found.aliases["d7"]])
    assert sorted(used.name for _, used in reads) == ["base", "d0"]
