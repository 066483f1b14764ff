"""`ladle check`. In: recipes. Out: every mistake of each, with its place and what to do; exit status 1 then."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from ladle.dsl.render import render_github, render_json, render_text
from ladle.executor.console import plain
from ladle.executor.load import Checked, examine

RENDER = {"json": render_json, "github": render_github}


@click.command("check")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--format", "form", type=click.Choice(["text", "json", "github"]), default="text", show_default=True)
def COMMAND(files: tuple[Path, ...], form: str) -> int:  # noqa: N802 - the one name by which a command module is found
    """Find every mistake in each FILE, without GPU, weights or network.

    Exit status 0: sound; 1: mistakes, each with its place, the reason and what to do.
    """
    checked = [examine(file) for file in files]
    problems = tuple(problem for one in checked for problem in one.diagnostics)
    if form in RENDER:
        click.echo(RENDER[form](problems), nl=False)
    else:
        click.echo(render_text(problems, sys.stdout.isatty()), nl=False)
        for one in checked:
            summarise(one)
    return 0 if all(one.sound for one in checked) else 1


def summarise(checked: Checked) -> None:
    """Say in a line how a recipe fared, and which checks could not be made."""
    name = plain(str(checked.path))
    if checked.program is not None:
        for span, text in checked.program.skipped:
            source = span.within(checked.source)
            line, column = source.position(span.start)
            click.echo(f"skipped: {plain(source.path)}:{line}:{column}: {plain(text)}")
        if checked.unlocked:
            names = ", ".join(checked.unlocked[:4]) + (", ..." if len(checked.unlocked) > 4 else "")
            click.echo(plain(f"note: {name}: `ladle lock` would make known what is said of {names}"))
    errors = sum(problem.severity == "error" for problem in checked.diagnostics)
    click.echo(f"{name}: {'ok' if not errors else '1 mistake' if errors == 1 else f'{errors} mistakes'}")
