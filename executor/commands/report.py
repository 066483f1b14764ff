"""`ladle report`. In: a recipe that has run. Out: its tables, and where the page with the figure lies."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click
from ladle.dsl.graph import Json
from ladle.dsl.program import Gate
from ladle.executor.console import from_here, one_line, plain, typed
from ladle.executor.gates import judge
from ladle.executor.layout import REPORT
from ladle.executor.opened import engine_option, open_recipe, variant_option
from ladle.executor.plan import Action, plan
from ladle.executor.report.content import Report, load_report, to_json
from ladle.executor.report.markdown import render_markdown, render_text
from ladle.executor.task import StepError
from ladle.executor.verdicts import Verdicts, gates_json, lines, markdown


@click.command("report", short_help="Print the tables and the path of the report.")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json"]), default="text", show_default=True)
@variant_option
@engine_option
def COMMAND(recipe: Path, form: str, variant: str, engine: str) -> int:  # noqa: N802 - found by this name
    """Print the tables of RECIPE and the path of its report.

    It shows what was measured, and which requirements of gates hold; `ladle run` measures.
    """
    opened = open_recipe(recipe, variant, engine)
    nodes = [node for node in opened.layout.graph.nodes.values() if node.operator == REPORT]
    if not nodes:
        help = "declare a benchmark and a table of models: `evaluate scores { models = [NAME]  on = [BENCHMARK] }`"
        raise StepError("the recipe has no `evaluate`, so there is nothing to report", help)
    made = plan(opened.layout, opened.workspace, (nodes[0].fingerprint,))
    folder = opened.workspace.artifact(opened.layout.spots[nodes[0].fingerprint].place)
    if not (folder / "report.json").is_file():
        message = f"`{recipe.name}` has no report yet: not every step that it needs is done"
        raise StepError(message, f"`ladle run {typed(recipe)}` makes it")
    report = load_report(folder)
    gates = [(gate, judge(gate, opened.layout, opened.workspace)) for gate in opened.loaded.program.gates]
    if form == "json":
        more: dict[str, Json] = {"gates": gates_json(gates)} if gates else {}
        click.echo(json.dumps(to_json(report) | more, indent=2, ensure_ascii=False))
        return 0
    click.echo(shown(report, gates, recipe, form))
    if any(item.action is not Action.REUSE for item in made.nodes):
        click.echo(
            one_line(f"note: the recipe has changed since; `ladle run {typed(recipe)}` brings this up to date"),
            err=True,
        )
    if form == "text":
        click.echo(one_line(f"report: {from_here(folder / 'report.html')}"))
    return 0


def shown(report: Report, gates: Sequence[tuple[Gate, Verdicts]], recipe: Path, form: str) -> str:
    """Return a report as text or Markdown, and below it what its recipe's gates found."""
    if form == "markdown":
        return "\n".join([render_markdown(report), *(f"{markdown(*each, recipe)}\n" for each in gates)])
    told = [one_line(line) for each in gates for line in lines(*each, recipe)]
    return "\n".join([plain(render_text(report)), *told, *([""] if told else [])])
