"""`ladle report`. In: a recipe that has run. Out: its tables, and where the page with the figure lies."""

from __future__ import annotations

import json
from pathlib import Path

import click
from ladle.executor.console import from_here, one_line, plain, typed
from ladle.executor.layout import REPORT
from ladle.executor.opened import open_recipe, variant_option
from ladle.executor.plan import Action, plan
from ladle.executor.report.content import load_report, to_json
from ladle.executor.report.markdown import render_markdown, render_text
from ladle.executor.task import StepError


@click.command("report", short_help="Print the tables and the path of the report.")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json"]), default="text", show_default=True)
@variant_option
def COMMAND(recipe: Path, form: str, variant: str) -> int:  # noqa: N802 - found by this name
    """Print the tables of RECIPE and the path of its report.

    It shows what was measured; `ladle run` measures.
    """
    opened = open_recipe(recipe, variant)
    nodes = [node for node in opened.layout.graph.nodes.values() if node.operator == REPORT]
    if not nodes:
        raise StepError("the recipe has no `evaluate`, so there is nothing to report", "declare a table of models")
    made = plan(opened.layout, opened.workspace, (nodes[0].fingerprint,))
    folder = opened.workspace.artifact(opened.layout.spots[nodes[0].fingerprint].place)
    if not (folder / "report.json").is_file():
        message = f"`{recipe.name}` has no report yet: not every step that it needs is done"
        raise StepError(message, f"`ladle run {typed(recipe)}` makes it")
    report = load_report(folder)
    if form == "json":
        click.echo(json.dumps(to_json(report), indent=2, ensure_ascii=False))
        return 0
    click.echo(render_markdown(report) if form == "markdown" else plain(render_text(report)))
    if any(item.action is not Action.REUSE for item in made.nodes):
        click.echo(
            one_line(f"note: the recipe has changed since; `ladle run {typed(recipe)}` brings this up to date"),
            err=True,
        )
    if form == "text":
        click.echo(one_line(f"report: {from_here(folder / 'report.html')}"))
    return 0
