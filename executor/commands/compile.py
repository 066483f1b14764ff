"""`ladle compile`. In: a recipe. Out: its DVC pipeline and node files, or what of them is out of date."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click
from ladle.dsl.diagnostics import RecipeError
from ladle.dsl.render import github_error, render_github, render_text
from ladle.executor.backends.drift import Drift, check_drift
from ladle.executor.backends.dvc import pipeline_file
from ladle.executor.console import from_here, one_line, typed
from ladle.executor.forced_engine import NATIVE
from ladle.executor.opened import Opened, engine_option, open_recipe, used_by, variant_option
from ladle.executor.owners import owners, pipelines
from ladle.executor.pipeline import is_dvc_project, write_pipeline
from ladle.executor.project import ProjectError, project_here, recipes_in

_SHOWN = 10
"""How many files `--check` lists."""


@click.command("compile", short_help="Write the DVC pipeline of a recipe.")
@click.argument("recipe", required=False, type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where a new compilation would write something else.")
@click.option("--format", "form", type=click.Choice(["text", "github"]), default="text", help="Of --check.")
@variant_option
@engine_option
def COMMAND(  # noqa: N802 - found by this name
    recipe: Path | None, check: bool, variant: str, engine: str, form: str
) -> int:
    """Write the DVC pipeline of RECIPE: one stage and one node file for each step.

    `dvc repro` then makes what `ladle run` makes. So are those of the recipes whose results RECIPE uses.

    With --check and no RECIPE every pipeline of the project must be what a recipe, or a variant of one, says.
    """
    if form == "github" and not check:
        raise click.UsageError("`--format github` shows what `--check` finds: give both.")
    if recipe is None:
        if not check or variant or engine != NATIVE:
            raise click.UsageError("Missing argument 'RECIPE': only --check can do without, for the whole project.")
        return judge(project_here(), form)
    opened = open_recipe(recipe, variant, engine)
    opened.refuse_unmade(opened.layout.graph.targets)
    every = (*used_by(opened), opened)
    if check:
        return max(compare(each, form) for each in every)
    written = [place for each in every for place in write_pipeline(each.layout, each.workspace)]
    pipeline = pipeline_file(opened.layout.graph.recipe)
    for place in written:
        there = opened.workspace.path(place).exists()
        click.echo(one_line(f"{'wrote' if there else 'removed'} {place}"))
    first = "" if is_dvc_project(opened.workspace) else "this is no DVC project yet: `dvc init` first, then "
    click.echo(one_line(f"{pipeline} is current; {first}`dvc repro {pipeline}` runs it"))
    return 0


def compare(opened: Opened, form: str) -> int:
    """Print how the pipeline differs from what the recipe says, and what dvc.lock knows of its stages."""
    drift = check_drift(opened.layout, opened.workspace)
    pipeline = pipeline_file(opened.layout.graph.recipe)
    place = opened.workspace.path(pipeline)
    if pipeline in drift.missing:
        complain(form, place, f"`{opened.loaded.path}` was never compiled: `{_remedy(opened)}` does it")
        return 1
    differences(drift)
    states = Counter(state.value for state in drift.stages.values())
    click.echo("stages: " + (", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "none"))
    if drift.current:
        return 0
    complain(form, place, f"the pipeline is not what the recipe says: `{_remedy(opened)}` writes it")
    return 1


def judge(root: Path, form: str) -> int:
    """Print of each pipeline of a project which recipe it is made from, and fail where none makes exactly it."""
    recipes = [Path(from_here(path)) for path in recipes_in(root)]
    failed, waiting = False, dict.fromkeys(pipelines(root))
    judged: set[str] = set()
    while left := [place for place in waiting if place not in judged]:
        place = left[0]
        judged.add(place)
        try:
            found = _candidates(place, recipes)
            failed |= not _made(root, place, found, form)
            waiting |= dict.fromkeys(
                pipeline_file(used.layout.graph.recipe) for each in found for used in used_by(each)
            )
        except RecipeError as problem:
            if form == "github":
                click.echo(render_github(problem.diagnostics), nl=False)
            else:
                click.echo(render_text(problem.diagnostics, sys.stderr.isatty()), nl=False, err=True)
            failed = True
    click.echo(f"{len(judged)} compiled pipeline{'' if len(judged) == 1 else 's'}")
    return int(failed)


def _candidates(place: str, recipes: Sequence[Path]) -> list[Opened]:
    """Return the recipes and variants that would compile to `place`. Raises RecipeError for one that has mistakes."""
    found = []
    for recipe, variant, engine in owners(place, recipes):
        try:
            opened = open_recipe(recipe, variant, engine)
        except ProjectError:  # it has no such variant
            continue
        opened.refuse_unmade(opened.layout.graph.targets)
        found.append(opened)
    return found


def _made(root: Path, place: str, candidates: Sequence[Opened], form: str) -> bool:
    """Print which of the candidates makes the pipeline at `place`, or how it differs from the first; say whether."""
    drifts = [check_drift(each.layout, each.workspace) for each in candidates]
    for opened, drift in zip(candidates, drifts, strict=True):
        if drift.current:
            click.echo(f"{one_line(place)}: what {one_line(_said(opened))} says")
            return True
    if not drifts:
        complain(
            form,
            root / place,
            f"no recipe makes this pipeline: `{place}`",
            "delete it, or add the recipe that it comes from",
        )
        return False
    differences(drifts[0])
    complain(
        form,
        root / place,
        f"`{place}` is not what `{_said(candidates[0])}` says",
        f"`{_remedy(candidates[0])}` writes it",
    )
    return False


def _said(opened: Opened) -> str:
    return f"{opened.loaded.path}{opened.overlays}"


def _remedy(opened: Opened) -> str:
    return f"ladle compile {typed(opened.loaded.path)}{opened.overlays}"


def differences(drift: Drift) -> None:
    """Print the files that a compilation would write differently."""
    kinds = (("changed", drift.changed), ("missing", drift.missing), ("left over", drift.left_over))
    found = [f"{what}: {place}" for what, places in kinds for place in places]
    for line in [*found[:_SHOWN], *([f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else [])]:
        click.echo(one_line(line))


def complain(form: str, place: Path, message: str, help: str = "") -> None:
    """Print an error of the pipeline at `place`."""
    if form == "github":
        click.echo(github_error(from_here(place), "drift", message, help), nl=False)
        return
    click.echo(f"error: {one_line(message)}", err=True)
    if help:
        click.echo(f"  help: {one_line(help)}", err=True)
