"""The DVC pipeline of a recipe. In: the steps of a graph. Out: the bytes of dvc.yaml and of every node file.

One flat stage per step, with a constant command. A stage's dependencies are its node file, whole (so that a removed
option is a change too), the data files it reads, and the artifacts of other stages. DVC is not imported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from ladle.dsl.graph import Node
from ladle.dsl.signature import Role
from ladle.executor.layout import REPORT, Layout
from ladle.executor.nodefile import node_file
from ladle.executor.task import StepError

ROOT_RECIPE = "quickstart"
"""The recipe whose pipeline is the `dvc.yaml` at the root; another has its own under `pipelines/`."""

_PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./-]*\Z")
_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}


def pipeline_file(recipe: str) -> str:
    """Return the path of a recipe's dvc.yaml."""
    return "dvc.yaml" if recipe == ROOT_RECIPE else f"pipelines/{recipe}/dvc.yaml"


def compile_pipeline(layout: Layout) -> dict[str, bytes]:
    """Return every file of a recipe's pipeline by path: the same bytes on any machine.

    What a used recipe asks for itself is a stage of that recipe's pipeline, since DVC lets one file alone have it; its
    node file is written all the same, for `ladle run`.
    """
    steps = layout.steps(layout.graph.targets)
    own = layout.own_steps()
    files = {layout.spots[node.fingerprint].node_file: node_file(layout, node) for node in steps}
    text = "\n".join(_pipeline(layout, own)) + "\n"
    return {pipeline_file(layout.graph.recipe): text.encode(), **files}


def _pipeline(layout: Layout, steps: tuple[Node, ...]) -> Iterator[str]:
    """The lines of a dvc.yaml. Paths of stages are relative to `wdir`, those of the lists at its end to the file."""
    recipe = layout.graph.recipe
    up = "" if recipe == ROOT_RECIPE else "../../"
    yield f"# Compiled from the recipe `{recipe}` by `ladle compile`. Edit the recipe, not this file."
    yield "stages:" if steps else "stages: {}"
    earlier = layout.earlier_states(steps)
    for node in steps:
        yield from _stage(layout, node, up, earlier.get(node.fingerprint))
    reports = [layout.spots[node.fingerprint].place for node in steps if node.operator == REPORT]
    if reports:
        yield "metrics:"
        yield from (f"- {_text(f'{up}{place}/metrics.json')}" for place in reports)
    trained = [node for node in steps if layout.operator(node).role is Role.STAGE]
    if trained:
        yield "plots:"
        for node in trained:
            yield from _plot(f"{up}{layout.spots[node.fingerprint].place}/losses.csv", f"loss of {node.name}")
    if steps:
        yield "params:"
        yield from (f"- {_text(up + layout.spots[node.fingerprint].node_file)}" for node in steps)


def _stage(layout: Layout, node: Node, up: str, earlier: Node | None) -> Iterator[str]:
    """The lines of a stage; a state of a training depends on the one before, so that DVC trains once."""
    spot = layout.spots[node.fingerprint]
    read = [used for _, used in layout.reads(node)] + ([earlier] if earlier else [])
    inputs = {layout.spots[used.fingerprint].place for used in read}
    yield f"  {_text(spot.name)}:"
    if up:
        yield f"    wdir: {up.rstrip('/')}"
    yield f"    cmd: {command(spot.node_file)}"
    yield "    deps:"
    yield from (f"    - {_text(path)}" for path in sorted({spot.node_file, *layout.data(node), *inputs}))
    yield "    outs:"
    yield f"    - {_text(spot.place)}"


def command(node_file: str) -> str:
    """Return the command of a stage: constant, with nothing to quote: names are letters, digits, `-`, `_`."""
    return f"exec ladle step {node_file}"


def _plot(path: str, title: str) -> Iterator[str]:
    yield f"- {_text(path)}:"
    yield "    x: step"
    yield "    y: loss"
    yield f"    title: {_text(title)}"


def _text(value: str) -> str:
    """Return a YAML string. Raises StepError for one that DVC would take apart."""
    if "${" in value:
        raise StepError(f"`{value}` holds `${{`, which DVC reads as a variable", "rename the file")
    return value if _PLAIN.match(value) and value.lower() not in _WORDS else json.dumps(value)
