"""`ladle adopt`. In: a recipe, a model folder, a name. Out: the folder's model as the result of that name."""

from __future__ import annotations

from pathlib import Path

import click
from ladle.executor.adopt import adopt
from ladle.executor.console import plain
from ladle.executor.opened import open_recipe


@click.command("adopt")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("name")
def COMMAND(recipe: Path, folder: Path, name: str) -> int:  # noqa: N802 - found by this name
    """Take the model in FOLDER, trained elsewhere, as the result of NAME in RECIPE.

    You vouch that it is that result. Its architecture, shape and vocabulary are compared with what the recipe says, and
    its lineage records that it was adopted.
    """
    opened = open_recipe(recipe)
    place = adopt(opened.layout, opened.workspace, folder, name)
    click.echo(plain(f"{place}: adopted from {folder}"))
    return 0
