"""`ladle check`. In: recipes. Out: every mistake of each, with its place and what to do; exit status 1 then."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

import click
from ladle.dsl.graph import Json
from ladle.executor.answers import Answer, remember
from ladle.executor.console import one_line
from ladle.executor.examine import Checked, examine
from ladle.executor.form import FORMS, Report, render
from ladle.executor.recipe_files import recipe_files


@click.command("check", short_help="Find every mistake in recipes, without running anything.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE|FOLDER...")
@click.option("--lint", "linting", is_flag=True, help="What `ladle lint` finds too.")
@click.option("--format", "form", type=click.Choice(FORMS), default="text", show_default=True)
@click.pass_obj
def COMMAND(  # noqa: N802 - the one name by which a command module is found
    arguments: tuple[str, ...], files: tuple[Path, ...], linting: bool, form: str
) -> int:
    """Find every mistake in each FILE and every recipe below each FOLDER, without GPU, weights or network.

    Exit status 0: sound; 1: mistakes, each with its place, the reason and what to do.
    """
    if linting:
        # Rules, settings and TOML are loaded for those who ask: a check alone answers sooner.
        status = import_module("ladle.executor.commands.lint").checked(arguments, files, form)
        assert isinstance(status, int)
        return status
    found = [examine(file) for file in recipe_files(files)]
    answer = Answer(0 if all(one.sound for one in found) else 1, told(found, form))
    click.echo(answer.text, nl=False)
    if all(file.is_file() for file in files):
        remember(arguments, answer, (asked for one in found for asked in one.asked))
    return answer.status


def told(found: Sequence[Checked], form: str, strict: frozenset[str] = frozenset()) -> str:
    """Return recipes and what is wrong with them in one of the forms; a warning of a `strict` file is a failure."""
    # A mistake in a recipe that several use is one mistake.
    every = (problem for one in found for problem in one.diagnostics)
    problems = tuple({(p.source.path, p.span.start, p.span.end, p.code, p.message): p for p in every}.values())
    more: dict[str, Json] = {
        "skipped": [each for one in found for each in skipped(one)],
        "absent": [*dict.fromkeys(path for one in found for path in one.absent)],
    }
    report = Report(tuple(one.source.path for one in found), problems, strict, more)
    summary = [line for one in found for line in summarised(one)] if form == "text" else []
    return render(form, report, sys.stdout.isatty()) + "".join(f"{line}\n" for line in summary)


def summarised(checked: Checked) -> Iterator[str]:
    """Yield in lines which checks of a recipe could not be made, and how it fared."""
    name = one_line(checked.path)
    for each in skipped(checked):
        yield one_line(f"skipped: {each['file']}:{each['line']}:{each['column']}: {each['message']}")
    if checked.program is not None and checked.unlocked:
        names = ", ".join(checked.unlocked[:4]) + (", ..." if len(checked.unlocked) > 4 else "")
        yield one_line(f"note: {name}: `ladle lock` would make known what is said of {names}")
    if checked.absent:
        names = ", ".join(checked.absent[:4]) + (", ..." if len(checked.absent) > 4 else "")
        yield one_line(f"note: {name}: not here, judged by what `ladle.lock` says: {names}")
    counts = [
        _counted(sum(problem.severity == severity for problem in checked.diagnostics), noun)
        for severity, noun in (("error", "mistake"), ("warning", "warning"), ("info", "note"))
    ]
    said = ", ".join(each for each in ("" if counts[0] else "ok", *counts) if each)
    safe = sum(problem.fix is not None and problem.fix.safe for problem in checked.diagnostics)
    yield f"{name}: {said}{f' ({safe} with a safe fix: `ladle lint --fix`)' if safe else ''}"


def skipped(checked: Checked) -> Iterator[dict[str, Json]]:
    """Yield each check of a recipe that could not be made, as JSON shows it."""
    for span, text in checked.program.skipped if checked.program else ():
        source = span.within(checked.source)
        line, column = source.position(span.start)
        yield {"file": source.path, "line": line, "column": column, "message": text}


def _counted(count: int, noun: str) -> str:
    return "" if not count else f"1 {noun}" if count == 1 else f"{count} {noun}s"
