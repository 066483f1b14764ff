"""`ladle adopt FOLDER as NAME`. In: a model folder and a name. Out: the folder's model as the result of that name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
from ladle.dsl.diagnostics import RecipeError
from ladle.dsl.graph import Node
from ladle.executor.adopt import adopt, is_model
from ladle.executor.console import from_here, one_line
from ladle.executor.layout import Layout
from ladle.executor.opened import Opened, open_recipe
from ladle.executor.plan import sought
from ladle.executor.project import ProjectError, project_here, recipes_in
from ladle.executor.task import StepError


def joining(context: click.Context, parameter: click.Parameter, word: str) -> str:
    """Return the word between folder and name. Raises UsageError for any other than `as`."""
    if word != "as":
        raise click.UsageError("write `ladle adopt FOLDER as NAME`", context)
    return word


@click.command("adopt", short_help="Take a model trained elsewhere as the result of a name.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("word", metavar="as", callback=joining)
@click.argument("name")
@click.option("--recipe", type=click.Path(path_type=Path), help="The recipe that declares NAME, where several do.")
def COMMAND(folder: Path, word: str, name: str, recipe: Path | None) -> int:  # noqa: N802 - found by this name
    """Take the model in FOLDER, trained elsewhere, as the result of NAME.

    You vouch that it is that result. Its architecture, shape and vocabulary are compared with what the recipe says, and
    its lineage records that it was adopted.
    """
    opened = open_recipe(recipe) if recipe else declaring(name)
    place = adopt(opened.layout, opened.workspace, folder, name)
    click.echo(one_line(f"{place}: adopted {word} `{name}` from {folder}"))
    return 0


Wanted = Callable[[Layout, Node], bool]
"""Says whether a node is what a name should mean."""


def _declares(opened: Opened, name: str, wanted: Wanted) -> bool:
    """Say whether a name means models of this recipe, and not of one that it uses."""
    try:
        nodes = [opened.layout.graph.nodes[key] for key in sought(opened.layout, name)]
    except StepError:
        return False
    return all(wanted(opened.layout, node) and not node.recipe for node in nodes)


def declaring(name: str, wanted: Wanted = is_model) -> Opened:
    """Return the one recipe of this project that has a model `name`. Raises StepError where none or several have."""
    found: list[Opened] = []
    unread: list[Path] = []
    for path in recipes_in(project_here()):
        try:
            opened = open_recipe(path)
        except (RecipeError, ProjectError):
            unread.append(path)
        else:
            found += [opened] if _declares(opened, name, wanted) else []
    if len(found) == 1:
        return found[0]
    listed = ", ".join(f"`{from_here(opened.loaded.path)}`" for opened in found)
    if listed:
        raise StepError(f"several recipes have a model called `{name}`: {listed}", "say which with `--recipe FILE`")
    wrong = ", ".join(f"`{from_here(path)}`" for path in unread[:3])
    why = f"; {wrong} could not be read: `ladle check` says why" if wrong else ""
    raise StepError(f"no recipe of this project has a model called `{name}`", f"`ladle plan RECIPE` lists names{why}")
