"""`ladle adopt FOLDER as NAME`. In: a model folder and a name. Out: the folder's model as the result of that name."""

from __future__ import annotations

from pathlib import Path

import click
from ladle.executor.adopt import adopt
from ladle.executor.console import plain
from ladle.executor.opened import Opened, open_recipe
from ladle.executor.project import recipes_here
from ladle.executor.task import StepError


@click.command("adopt", short_help="Take a model trained elsewhere as the result of a name.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("word", metavar="as", type=click.Choice(["as"]))
@click.argument("name")
@click.option("--recipe", type=click.Path(path_type=Path), help="The recipe that declares NAME, where several do.")
def COMMAND(folder: Path, word: str, name: str, recipe: Path | None) -> int:  # noqa: N802 - found by this name
    """Take the model in FOLDER, trained elsewhere, as the result of NAME.

    You vouch that it is that result. Its architecture, shape and vocabulary are compared with what the recipe says, and
    its lineage records that it was adopted.
    """
    opened = open_recipe(recipe) if recipe else declaring(name)
    place = adopt(opened.layout, opened.workspace, folder, name)
    click.echo(plain(f"{place}: adopted {word} `{name}` from {folder}"))
    return 0


def _declares(opened: Opened, name: str) -> bool:
    """Say whether a name is of a result of this recipe, and not of one that it uses."""
    graph = opened.layout.graph
    return name in graph.aliases and not graph.nodes[graph.aliases[name]].recipe


def declaring(name: str) -> Opened:
    """Return the one recipe of this project that has `name`. Raises StepError where none or several have."""
    recipes = recipes_here()
    found = [opened for path in recipes if _declares(opened := open_recipe(path), name)]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(str(opened.loaded.path) for opened in found)
    if listed:
        raise StepError(f"several recipes have a `{name}`: {listed}", "say which with `--recipe FILE`")
    raise StepError(f"no recipe below `recipes/` has a model called `{name}`", "name its recipe with `--recipe FILE`")
