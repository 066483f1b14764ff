"""`ladle graph`. In: a recipe. Out: what is made from what, as a drawing or as data."""

from __future__ import annotations

import json
from pathlib import Path

import click
from ladle.executor import completing
from ladle.executor.opened import Opened, engine_option, open_recipe, variant_option
from ladle.executor.report.drawing import dot, mermaid, svg

DRAW = {"mermaid": mermaid, "dot": dot, "svg": svg}


@click.command("graph", short_help="Draw what is made from what.")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.argument("names", nargs=-1, shell_complete=completing.results)
@click.option(
    "--format", "form", type=click.Choice(["mermaid", "dot", "svg", "json"]), default="mermaid", show_default=True
)
@variant_option
@engine_option
def COMMAND(recipe: Path, names: tuple[str, ...], form: str, variant: str, engine: str) -> int:  # noqa: N802 - found by this name
    """Draw the graph of RECIPE: each distinct computation once."""
    opened = open_recipe(recipe, variant, engine, names)
    nodes = tuple(opened.layout.graph.walk(opened.targets(names)))
    if form == "json":
        click.echo(json.dumps({"schema": 1, "nodes": records(opened, names)}, indent=2, ensure_ascii=False))
        return 0
    shown = tuple((node.name, node.operator) for node in nodes)
    by_key = {node.fingerprint: node.name for node in nodes}
    edges = tuple((by_key[used.node], node.name) for node in nodes for used in node.inputs)
    click.echo(DRAW[form](shown, edges))
    return 0


def records(opened: Opened, names: tuple[str, ...]) -> list[dict[str, object]]:
    """Return every node with its options, as `--format json` shows it."""
    graph = opened.layout.graph
    return [
        {
            "name": node.name,
            "operator": node.operator,
            "fingerprint": node.fingerprint,
            "options": dict(node.options),
            "engines": dict(node.engines),
            "inputs": [{"role": used.role, "name": graph.nodes[used.node].name} for used in node.inputs],
            "files": list(node.files),
        }
        for node in graph.walk(opened.targets(names))
    ]
