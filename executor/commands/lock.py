"""`ladle lock`. In: recipes. Out: `ladle.lock` with the commits and facts of what they use, and what changed."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

import click
from ladle.dsl.diagnostics import RecipeError
from ladle.dsl.graph import Json
from ladle.dsl.render import render_github, render_json, render_text
from ladle.dsl.types import Unknown
from ladle.executor.console import from_here, one_line
from ladle.executor.endpoint import hub_endpoint
from ladle.executor.lock.entries import LOCK, READ, written
from ladle.executor.lock.read import read_lock
from ladle.executor.lock.standing import standing, unused
from ladle.executor.lock.update import Updated, update
from ladle.executor.lock.wanted import Wanted, wanted
from ladle.executor.locks import Holder
from ladle.executor.profile import read_profile
from ladle.executor.project import project_here, project_root
from ladle.executor.task import StepError


@click.command("lock", short_help="Write `ladle.lock`: commits and facts of models and data.")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE...]")
@click.option("--check", "only", is_flag=True, help="Ask nobody and change nothing: is the lock good for the recipes?")
@click.option("--update", "names", multiple=True, metavar="NAME", help="Ask again about a repository, or `all`.")
@click.option("--profile", "name", help="The machine whose hub and key are used: `profiles/NAME.toml`.")
@click.option("--format", "form", type=click.Choice(["text", "json", "github"]), default="text", show_default=True)
def COMMAND(files: tuple[Path, ...], only: bool, names: tuple[str, ...], name: str | None, form: str) -> int:  # noqa: N802
    """Write `ladle.lock`: commits and facts of the hub models, data sets and corpora of FILEs, or of every recipe.

    What is locked already stays as it is; --update asks again and shows what changed. With --check, exit status 1 says
    that something is missing or stale.
    """
    if only and names:
        raise click.UsageError("--check changes nothing, --update does: give one of them.")
    if form == "github" and not only:
        raise click.UsageError("`--format github` shows what `--check` finds: give both.")
    recipes = files or tuple(Path(from_here(path)) for path in sorted((project_here() / "recipes").rglob("*.recipe")))
    if not recipes:
        raise StepError("there is no recipe below `recipes/`", "name the recipes to lock, or write one: `ladle new`")
    projects = {root: list(files) for root, files in groupby(sorted(recipes, key=project_root), project_root)}
    wished = {root: wanted(root, files) for root, files in projects.items()}
    if only:
        asking = f"{'this recipe does' if len(files) == 1 else 'these recipes do'} not ask for"
        return check(wished, form, asking if files else "no recipe asks for")
    root, *others = wished
    if others:
        few = f"`{projects[others[0]][0]}` belongs to another project than `{projects[root][0]}`"
        raise StepError(few, "lock each project alone")
    done = update(root, wished[root], names, hub_endpoint(read_profile(root, name)), _waits())
    report(done, form)
    return 1 if done.failures else 0


def check(projects: Mapping[Path, Wanted], form: str, whose: str) -> int:
    """Say what the lock of each project lacks and what is stale; return the exit status.

    `whose` says of entries who does not ask for them.
    """
    read = {root: read_lock(root / LOCK) for root in projects}
    wrong = [problem for each in read.values() for problem in each.problems]
    if wrong and form == "text":
        raise RecipeError(tuple(wrong))
    problems = wrong or [each for root, wished in projects.items() for each in standing(read[root].lock, wished, root)]
    if form == "json":
        click.echo(render_json(problems), nl=False)
        return 1 if problems else 0
    if form == "github":
        click.echo(render_github(problems), nl=False)
        return 1 if problems else 0
    click.echo(render_text(problems, sys.stdout.isatty()), nl=False)
    if left := [each for root, wished in projects.items() for each in unused(read[root].lock, wished)]:
        count = "1 entry" if len(left) == 1 else f"{len(left)} entries"
        click.echo(one_line(f"note: {count} that {whose}: {_few(left)}"))
    click.echo(f"{LOCK}: {'ok' if not problems else f'{len(problems)} missing or stale'}")
    return 1 if problems else 0


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def report(done: Updated, form: str) -> None:
    """Say what changed and what failed."""
    if form == "json":
        click.echo(json.dumps(record(done), indent=2, ensure_ascii=True))
        return
    for name, lines in done.changes.items():
        click.echo(one_line(f"{name}: {lines[0]}" if lines == ("new",) else f"{name}:"))
        for line in lines if lines != ("new",) else ():
            click.echo("  " + one_line(line))
    for name, error in done.failures.items():
        click.echo(one_line(f"error: {name}: {error.message}"), err=True)
        click.echo(one_line(f"  help: {error.help}"), err=True)
    lock = done.lock
    if older := [written(p) for p, e in lock.models.items() if e.basis == READ and isinstance(e.settings, Unknown)]:
        told = f"{_few(older)} locked by an earlier version, without settings: `--update` asks again"
        click.echo(one_line(f"note: {told}"))
    known = len(lock.models) + len(lock.data) + len(lock.corpora) + len(lock.folders)
    fate = "written" if done.written else "unchanged"
    failed = f", {len(done.failures)} failed" if done.failures else ""
    click.echo(f"{LOCK}: {fate}, {known} entries{failed}")


def record(done: Updated) -> Json:
    """Return what changed and what failed as `--format json` shows it."""
    failures: Json = [{"name": n, "message": e.message, "help": e.help} for n, e in done.failures.items()]
    changes: Json = {name: list(lines) for name, lines in done.changes.items()}
    return {"schema": 1, "written": done.written, "changes": changes, "failures": failures}


class _waits:  # noqa: N801 - a callable that remembers for whom it was said to wait
    """Says once for whom a lock waits."""

    def __init__(self) -> None:
        self.told = False

    def __call__(self, holder: Holder) -> None:
        if not self.told:
            self.told = True
            click.echo(one_line(f"waiting: another `ladle lock` works here, {holder}"), err=True)
