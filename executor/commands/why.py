"""`ladle why`. In: a recipe and a name. Out: which option, input or engine changed since it was last made."""

from __future__ import annotations

from pathlib import Path

import click
from ladle.executor import completing
from ladle.executor.console import plain
from ladle.executor.opened import open_recipe, variant_option
from ladle.executor.plan import why


@click.command("why", short_help="Say why a result will or will not be made.")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.argument("name", shell_complete=completing.results)
@variant_option
def COMMAND(recipe: Path, name: str, variant: str) -> int:  # noqa: N802 - found by this name
    """Say why NAME of RECIPE will or will not be made: what changed since the last run.

    A family, a benchmark or an `evaluate` is each of its members or scores.
    """
    opened = open_recipe(recipe, variant)
    for answer in why(opened.layout, opened.workspace, name):
        click.echo(plain(f"{answer.planned.node.name}: {answer.planned.action.value}: {answer.planned.reason}"))
        for cause in answer.causes:
            click.echo(plain(f"  it needs {cause.node.name}: {cause.action.value}: {cause.reason}"))
    return 0
