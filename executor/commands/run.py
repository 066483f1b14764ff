"""`ladle run`. In: a recipe. Out: its artifacts, scores and report; dvc.lock says so too."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import click
from ladle.executor import completing
from ladle.executor.console import from_here, one_line, typed
from ladle.executor.execute import Ran, execute
from ladle.executor.layout import REPORT
from ladle.executor.opened import Opened, engine_option, open_recipe, used_by, variant_option
from ladle.executor.profile import read_profile
from ladle.executor.sits_on import strangers
from rich.console import Console


@click.command("run", short_help="Make what a recipe asks for.")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.argument("names", nargs=-1, shell_complete=completing.results)
@click.option("--workers", type=click.IntRange(1), help="Processes side by side. The bytes do not depend on it.")
@click.option("--profile", "name", help="A machine of `profiles/NAME.toml`. Without one: what this machine has.")
@variant_option
@engine_option
def COMMAND(  # noqa: N802
    recipe: Path, names: tuple[str, ...], workers: int | None, name: str | None, variant: str, engine: str
) -> int:
    """Make what RECIPE asks for, or only NAMES and what they need.

    What is made already is reused; what was interrupted resumes from its last checkpoint. The artifacts are those that
    `dvc repro` makes, and dvc.lock is brought up to date.
    """
    opened = open_recipe(recipe, variant, engine, names)
    profile = read_profile(opened.workspace.root, name)
    targets = opened.targets(names)
    opened.refuse_unmade(targets)
    used = tuple(each.layout for each in used_by(opened))
    ran = execute(opened.layout, opened.workspace, targets, profile, Console(), workers or 0, used=used)
    conclude(ran, recipe, opened)
    return ran.result.status


def conclude(ran: Ran, recipe: Path, opened: Opened) -> None:
    """Say what came of a run: what failed and why, what is there, what to do next."""
    result = ran.result
    for failure in result.failures:
        click.echo(one_line(f"error: {failure.job.name}: {failure.message}"), err=True)
        if failure.help:
            click.echo(one_line(f"  help: {failure.help}"), err=True)
        click.echo(one_line(f"  log: {failure.log}"), err=True)
    if result.skipped:
        click.echo(one_line(f"not begun: {', '.join(job.name for job in result.skipped)}"), err=True)
    for told in strangers(ran.plan, opened.workspace) if result.made else ():
        click.echo(one_line(f"note: {told}"), err=True)
    if ran.note:
        click.echo(one_line(f"note: {ran.note}"), err=True)
    if result.stopped:
        click.echo(
            one_line(f"stopped; `ladle run {typed(recipe)}{opened.overlays}` goes on from the last checkpoints"),
            err=True,
        )
    elif not result.status:
        made = f"{len(result.made)} made" if result.made else "nothing to do"
        steps = [item for item in ran.plan.nodes if item.place]
        places = [item.place for item in steps if item.node.operator == REPORT]
        shown = "".join(f"; report: {from_here(opened.workspace.artifact(each) / 'report.html')}" for each in places)
        name = opened.layout.graph.recipe
        if not shown and steps:
            shown = f"; in {from_here(opened.workspace.root / common(item.place for item in steps))}"
        click.echo(one_line(f"{name}: {made}, {len(steps) - len(result.made)} reused{shown}"))


def common(places: Iterable[str]) -> str:
    """Return the folder that holds all of some places: the place itself where there is one."""
    return os.path.commonpath(sorted(places))
