"""`ladle plan`. In: a recipe. Out: every node, what will happen to it and why, and the disk the whole graph needs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
from ladle.executor import completing
from ladle.executor.absent import absent
from ladle.executor.console import one_line
from ladle.executor.fetchable import fetchable
from ladle.executor.forced_engine import computed_by
from ladle.executor.inherited import inherited
from ladle.executor.opened import engine_option, open_recipe, variant_option
from ladle.executor.plan import Action, Plan, Planned, plan
from ladle.executor.plan_markdown import called, markdown
from ladle.executor.sits_on import strangers
from ladle.executor.sizes import in_units


@click.command("plan", short_help="List what would run, and why.")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.argument("names", nargs=-1, shell_complete=completing.results)
@click.option("--format", "form", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
@click.option("--all", "whole", is_flag=True, help="What is there already too, one line a node.")
@variant_option
@engine_option
def COMMAND(recipe: Path, names: tuple[str, ...], form: str, whole: bool, variant: str, engine: str) -> int:  # noqa: N802 - the name
    """List what will happen to the nodes of RECIPE (run, reuse, resume) and why; what is there is counted.

    With NAMES (models, families, members such as 'trained[cpt | sft]', benchmarks, tables, corpora) only what these
    need. Nothing is changed on disk.
    """
    opened = open_recipe(recipe, variant, engine, names)
    made = plan(opened.layout, opened.workspace, opened.targets(names))
    if known := fetchable(made, opened.workspace):
        click.echo(one_line(f"note: {known}"), err=True)
    if missing := absent(opened.layout.graph, made.targets, opened.workspace.root):
        click.echo(one_line(f"note: not here, so a run would refuse to start: {', '.join(missing)}"), err=True)
    for told in (*inherited(made, opened.workspace), *strangers(made, opened.workspace)):
        click.echo(one_line(f"note: {told}"), err=True)
    if form == "json":
        nodes = [record(made, item) for item in made.nodes]
        click.echo(json.dumps({"schema": 1, "nodes": nodes}, indent=2, ensure_ascii=False))
    elif form == "markdown":
        click.echo(markdown(made, recipe.name), nl=False)
    else:
        click.echo("\n".join(lines(made, whole)))
    return 0


def record(made: Plan, item: Planned) -> dict[str, object]:
    """Return a node as `--format json` shows it; `inputs` are names."""
    graph = made.layout.graph
    return {
        "name": item.node.name,
        "operator": item.node.operator,
        "engine": computed_by(made.layout.operator(item.node)) or None,
        "fingerprint": item.node.fingerprint,
        "inputs": [graph.nodes[used.node].name for used in item.node.inputs],
        "action": item.action.value,
        "reason": item.reason,
    }


def shown(item: Planned) -> str:
    """Return what a table calls a node: what a used recipe keeps is called after it."""
    return f"{item.node.recipe}/{item.node.name}" if item.node.recipe else item.node.name


def distinct(made: Plan) -> Iterator[Planned]:
    """Yield the nodes of a plan, each merge that is handed to mergekit once: as what mergekit makes of it."""
    within = {item.node.inputs[0].node for item in made.nodes if made.layout.operator(item.node).wraps}
    yield from (item for item in made.nodes if item.place or item.node.fingerprint not in within)


def lines(made: Plan, whole: bool) -> Iterator[str]:
    """Yield the table of a plan, what it comes to, and how many nodes are there already: these too where `whole`."""
    rows = tuple(distinct(made))
    listed = [item for item in rows if whole or item.action is not Action.REUSE or item.source]
    names = {item.node.fingerprint: shown(item) for item in listed}
    width = max(map(len, names.values()), default=0)
    operators = {item.node.fingerprint: called(made, item) for item in listed}
    words = max(map(len, operators.values()), default=0)
    for item in listed:
        name, operator = names[item.node.fingerprint], operators[item.node.fingerprint]
        yield one_line(f"{item.action.value:6}  {name:{width}}  {operator:{words}}  {item.reason}")
    if len(listed) < len(rows):
        there = len(rows) - len(listed)
        yield f"reuse   {there} of {len(rows)} nodes, data included, which are there already (`--all` lists them)"
    todo = len(made.work)
    yield ""
    yield f"{todo} of {sum(bool(item.place) for item in made.nodes)} steps to run" if todo else "nothing to do"
    unknown = sum(item.size is None and bool(item.place) for item in made.nodes)
    more = f", and {unknown} artifacts whose size is not known yet" if unknown else ""
    yield f"disk: {in_units(made.size)} for the whole graph, {in_units(made.new)} of it new{more}"
