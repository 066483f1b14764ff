"""`ladle export`. In: a recipe and a model. Out: mergekit YAML of a merge, TRL or Axolotl YAML of a stage."""

from __future__ import annotations

import re
from pathlib import Path

import click
from ladle.dsl.diagnostics import RecipeError
from ladle.dsl.program import Program
from ladle.dsl.syntax import ModelDecl
from ladle.executor import completing
from ladle.executor.console import one_line
from ladle.executor.exporting.subject import Subject
from ladle.executor.exporting.tools import exporters
from ladle.executor.new_file import write_new
from ladle.executor.opened import open_recipe
from ladle.executor.plan import find
from ladle.executor.task import StepError


@click.command("export", short_help="Write a model of a recipe for another tool.")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.argument("name", shell_complete=completing.results)
@click.option("--to", "tool", type=click.Choice(sorted(exporters())), required=True, help="The tool to write for.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The file to write; without it, it is printed.")
def COMMAND(recipe: Path, name: str, tool: str, output: Path | None) -> int:  # noqa: N802 - found by this name
    """Write the model NAME of RECIPE for another tool: a merge for mergekit, a stage for TRL or Axolotl.

    What the tool cannot say is refused by name. Paths are relative to the project's root: run the tool there.
    """
    if output is not None and output.exists():
        raise StepError(f"`{output}` exists already", "choose another name: nothing is overwritten")
    opened = open_recipe(recipe)
    refuse_stage(opened.loaded.program, name)
    node = opened.layout.graph.nodes[find(opened.layout, name)]
    subject = Subject(opened.layout, opened.loaded.program.source, node, tool)
    text = exporters()[tool].export(subject)
    if subject.problems:
        raise RecipeError(tuple(subject.problems))
    if output is None:
        click.echo(text, nl=False)
        return 0
    write_new(output, text)
    click.echo(one_line(f"wrote {output}"))
    return 0


def refuse_stage(program: Program, name: str) -> None:
    """Raise StepError where a name is a stage's: what is written is a model that it makes."""
    if name not in program.stages or name in program.models or name in program.families:
        return
    text, word = program.source.text, re.compile(rf"\b{re.escape(name)}\b")
    models = [each for each in program.recipe.declarations if isinstance(each, ModelDecl)]
    made = [f"`{each.name.name}`" for each in models if word.search(text[each.span.start : each.span.end])]
    help = f"name a model that it makes: {', '.join(made[:3])}" if made else "name a model that a stage makes"
    raise StepError(f"`{one_line(name)}` is a stage", help)
