"""`ladle gc`. In: the recipes of a project. Out: what none of them refers to; removed with --yes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
from ladle.dsl.diagnostics import RecipeError
from ladle.executor.catalog import vocabulary
from ladle.executor.collect import RECORD, Kept, Unused, collect, has_made, kept, throw_away
from ladle.executor.console import from_here, one_line
from ladle.executor.forced_engine import MERGEKIT, SUFFIX
from ladle.executor.layout import Layout, layout
from ladle.executor.load import Loaded, load
from ladle.executor.opened import open_recipe, taken
from ladle.executor.project import ProjectError, project_here, project_root, recipes_in
from ladle.executor.sizes import in_units
from ladle.executor.workspace import PLACES, Workspace


@click.command("gc", short_help="List, and with --yes remove, what no recipe makes.")
@click.argument("recipes", nargs=-1, type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Remove what is listed. Without it nothing is removed.")
def COMMAND(recipes: tuple[Path, ...], yes: bool) -> int:  # noqa: N802 - found by this name
    """List artifacts, pipelines, unfinished work and run records that no recipe of the project refers to.

    With RECIPES only what they no longer refer to, in their own folders.
    """
    workspace = Workspace(root_of(recipes))
    only = frozenset(steps.graph.recipe for recipe in recipes for steps in every(recipe)) if recipes else None
    unused = collect(workspace, referred(workspace, recipes), only)
    for line in shown(workspace, unused):
        click.echo(one_line(line))
    total = amounts(unused)
    if yes:
        throw_away(workspace, unused)
        click.echo(f"removed {len(unused)}, {total}")
    else:
        click.echo(f"{len(unused)} unused, {total}" + ("; with `--yes` they are removed" if unused else ""))
    return 0


def root_of(recipes: Iterable[Path]) -> Path:
    """Return the root of the one project that recipes lie in; of that of the working folder, where none is given."""
    roots = dict.fromkeys(project_root(recipe) for recipe in recipes) or {project_here(): None}
    if len(roots) > 1:
        listed = ", ".join(f"`{from_here(root)}`" for root in roots)
        raise ProjectError(f"these recipes lie in several projects: {listed}", "name those of one project")
    return next(iter(roots))


def referred(workspace: Workspace, given: Iterable[Path]) -> Kept:
    """Return what the recipes of a project, and those given, refer to; say which of them cannot be read."""
    found = {os.path.realpath(path): path for path in (*recipes_in(workspace.root), *given)}
    if not found:
        help = "go to the folder of a project, or name a recipe of it: `ladle gc recipes/first.recipe`"
        raise ProjectError(f"no recipe lies in `{workspace.root}`: nothing is known to be nobody's", help)
    layouts: list[Layout] = []
    wrong: list[Path] = []
    for path in found.values():
        try:
            layouts += every(path)
        except (RecipeError, ProjectError):
            wrong.append(path)
    made = [path for path in wrong if has_made(workspace, path.stem)]
    for path in made:
        what = "what it made and all unfinished work are kept"
        click.echo(one_line(f"note: `{from_here(path)}` has mistakes: {what}"), err=True)
    if wrong and not made and any((workspace.private / "work").glob("*")):
        more = f" and {len(wrong) - 1} more have" if len(wrong) > 1 else " has"
        told = f"`{from_here(wrong[0])}`{more} mistakes: unfinished work is kept, since it does not say whose it is"
        click.echo(one_line(f"note: {told}"), err=True)
    return kept(layouts, (path.stem for path in made), bool(wrong))


def every(recipe: Path) -> Iterator[Layout]:
    """Yield the steps of a recipe and of each of its variants, and those of each with the other engine."""
    plain_one = load(recipe)
    for variant in ("", *plain_one.program.variants):
        loaded = load(recipe, variant) if variant else plain_one
        yield layout(loaded.graph, vocabulary())
        yield from forced(recipe, variant, loaded)


def forced(recipe: Path, variant: str, loaded: Loaded) -> Iterator[Layout]:
    """Yield the steps of `--engine mergekit`, where a recipe was ever run or compiled with it.

    Its results lie under a name of their own. Where another recipe has that name they are that one's.
    """
    name = f"{loaded.graph.recipe}{SUFFIX}"
    made = any((loaded.root / top / name).is_dir() for top in ("pipelines", *PLACES))
    if made and not taken(recipe, loaded):
        yield open_recipe(recipe, variant, MERGEKIT, reading=True).layout


def amounts(unused: Iterable[Unused]) -> str:
    """Return the bytes of what may go, and what that frees where it is less: results may have several names."""
    sizes = [(item.size, item.frees) for item in unused]
    size, frees = sum(size for size, _ in sizes), sum(frees for _, frees in sizes)
    return in_units(size) if frees == size else f"{in_units(size)}, {in_units(frees)} of it freed"


def shown(workspace: Workspace, unused: Iterable[Unused]) -> Iterator[str]:
    """Yield a line for each thing that may go; records are one line."""
    records = [item for item in unused if item.what == RECORD]
    for item in unused:
        if item.what != RECORD:
            other = "" if item.frees == item.size else f" ({in_units(item.frees)} of it freed: files have other names)"
            yield f"{in_units(item.size):>10}  {item.path.relative_to(workspace.root)}  {item.what}{other}"
    if records:
        folder = records[0].path.parent.relative_to(workspace.root)
        size = in_units(sum(item.size for item in records))
        what = "1 record of a run" if len(records) == 1 else f"{len(records)} records of runs"
        yield f"{size:>10}  {folder}/  {what} of no recipe"
