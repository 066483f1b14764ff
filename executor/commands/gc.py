"""`ladle gc`. In: the recipes of a project. Out: what none of them refers to; removed with --yes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from ladle.executor.catalog import vocabulary
from ladle.executor.collect import RECORD, collect, throw_away
from ladle.executor.console import plain
from ladle.executor.layout import layout
from ladle.executor.load import Loaded, load
from ladle.executor.project import ProjectError, project_root, recipes_here
from ladle.executor.sizes import in_units
from ladle.executor.workspace import Workspace


@click.command("gc", short_help="List, and with --yes remove, what no recipe makes.")
@click.argument("recipes", nargs=-1, type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Remove what is listed. Without it nothing is removed.")
def COMMAND(recipes: tuple[Path, ...], yes: bool) -> int:  # noqa: N802 - found by this name
    """List artifacts, unfinished work and run records that no recipe refers to.

    The recipes are those given, else every `.recipe` of the project's `recipes/`.
    """
    found = recipes or recipes_here()
    if not found:
        raise ProjectError("no recipe was found below `recipes/`: name those whose results are to be kept")
    root = project_root(found[0])
    workspace = Workspace(root)
    unused = collect(workspace, [layout(loaded.graph, vocabulary()) for recipe in found for loaded in every(recipe)])
    records = [item for item in unused if item.what == RECORD]
    for item in unused:
        if item.what == RECORD:
            continue
        click.echo(plain(f"{in_units(item.size):>10}  {item.path.relative_to(root)}  {item.what}"))
    if records:
        folder = records[0].path.parent.relative_to(root)
        size = in_units(sum(item.size for item in records))
        click.echo(plain(f"{size:>10}  {folder}/  {len(records)} records of runs of no recipe"))
    total = in_units(sum(item.size for item in unused))
    if yes:
        throw_away(workspace, unused)
        click.echo(f"removed {len(unused)}, {total}")
    else:
        click.echo(f"{len(unused)} unused, {total}" + ("; `ladle gc --yes` removes them" if unused else ""))
    return 0


def every(recipe: Path) -> Iterator[Loaded]:
    """Yield a recipe and each of its variants."""
    plain_one = load(recipe)
    yield plain_one
    for variant in plain_one.program.variants:
        yield load(recipe, variant)
