"""`ladle compile`. In: a recipe. Out: its DVC pipeline and node files, or what of them is out of date."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click
from ladle.executor.backends.drift import check_drift
from ladle.executor.backends.dvc import pipeline_file
from ladle.executor.console import plain, typed
from ladle.executor.opened import Opened, open_recipe, used_by, variant_option
from ladle.executor.pipeline import is_dvc_project, write_pipeline

_SHOWN = 10
"""How many files `--check` lists."""


@click.command("compile", short_help="Write the DVC pipeline of a recipe.")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where a new compilation would write something else.")
@variant_option
def COMMAND(recipe: Path, check: bool, variant: str) -> int:  # noqa: N802 - found by this name
    """Write the DVC pipeline of RECIPE: one stage and one node file for each step.

    `dvc repro` then makes what `ladle run` makes. So are those of the recipes whose results RECIPE uses.
    """
    opened = open_recipe(recipe, variant)
    opened.refuse_unmade(opened.layout.graph.targets)
    every = (*used_by(opened), opened)
    if check:
        return max(compare(each, each.loaded.path) for each in every)
    written = [place for each in every for place in write_pipeline(each.layout, each.workspace)]
    pipeline = pipeline_file(opened.layout.graph.recipe)
    for place in written:
        there = opened.workspace.path(place).exists()
        click.echo(plain(f"{'wrote' if there else 'removed'} {place}"))
    first = "" if is_dvc_project(opened.workspace) else "this is no DVC project yet: `dvc init` first, then "
    click.echo(plain(f"{pipeline} is current; {first}`dvc repro {pipeline}` runs it"))
    return 0


def compare(opened: Opened, recipe: Path) -> int:
    """Print how the pipeline differs from what the recipe says, and what dvc.lock knows of its stages."""
    drift = check_drift(opened.layout, opened.workspace)
    if pipeline_file(opened.layout.graph.recipe) in drift.missing:
        click.echo(plain(f"error: `{recipe}` was never compiled: `ladle compile {typed(recipe)}` does it"), err=True)
        return 1
    kinds = (("changed", drift.changed), ("missing", drift.missing), ("left over", drift.left_over))
    found = [f"{what}: {place}" for what, places in kinds for place in places]
    for line in [*found[:_SHOWN], *([f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else [])]:
        click.echo(plain(line))
    states = Counter(state.value for state in drift.stages.values())
    click.echo("stages: " + (", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "none"))
    if drift.current:
        return 0
    click.echo(
        plain(f"error: the pipeline is not what the recipe says: `ladle compile {typed(recipe)}` writes it"), err=True
    )
    return 1
