"""`ladle fmt`. In: recipes. Out: the same recipes, laid out in the one way; or which would change, and how."""

from __future__ import annotations

import difflib
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

import click
from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.format import format_source
from ladle.dsl.read import LARGEST, decode_source, read_source
from ladle.dsl.render import github_error, render_github, render_text
from ladle.dsl.source import Source
from ladle.executor.atomic import in_words, rewrite
from ladle.executor.console import one_line, typed
from ladle.executor.recipe_files import recipe_files
from ladle.executor.task import StepError

STDIN = Path("-")


@dataclass(frozen=True, slots=True)
class Formatted:
    """A recipe as it is and as it should look. `problems`: why it is left alone."""

    path: Path
    before: bytes
    text: str
    problems: tuple[Diagnostic, ...]

    @property
    def differs(self) -> bool:
        """Whether its bytes would change."""
        return not self.problems and self.before != self.text.encode()


@click.command("fmt", short_help="Lay recipes out in the one way.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE|FOLDER...")
@click.option("--check", "only_check", is_flag=True, help="Write nothing; name the files that would change.")
@click.option("--diff", "show", is_flag=True, help="Write nothing; show what would change.")
@click.option("--format", "form", type=click.Choice(["text", "github"]), default="text", show_default=True)
def COMMAND(  # noqa: N802 - found by this name
    files: tuple[Path, ...], only_check: bool, show: bool, form: str
) -> int:
    """Lay out each FILE, and every recipe below each FOLDER, in the one way that recipes are written.

    What a recipe says does not change, comments stay, and there is nothing to configure. `-` reads a recipe from
    standard input and writes it to standard output. A recipe with mistakes in its text is left alone.

    Exit status 0: done, or nothing to do; 1: mistakes, or with --check or --diff, something would change.
    """
    if STDIN in files and len(files) > 1:
        raise click.UsageError("`-` stands alone")
    if form == "github" and not (only_check or show):
        raise click.UsageError("`--format github` shows what would change: with `--check` or `--diff`")
    results = [_from_stdin()] if files == (STDIN,) else [_from_file(path) for path in recipe_files(files)]
    problems = [problem for each in results for problem in each.problems]
    if form == "github":
        click.echo(render_github(problems) + "".join(annotated(each, show) for each in results), nl=False)
        return 1 if problems or any(each.differs for each in results) else 0
    click.echo(render_text(problems, sys.stderr.isatty()), nl=False, err=True)
    for each in results:
        if show:
            click.echo(difference(each), nl=False)
        elif only_check:
            click.echo(f"would change: {one_line(each.path)}\n" if each.differs else "", nl=False)
        elif each.path == STDIN:
            click.echo("" if each.problems else each.text.encode(), nl=False)
        elif each.differs:
            write(each)
            click.echo(f"changed: {one_line(each.path)}")
    return 1 if problems or ((show or only_check) and any(each.differs for each in results)) else 0


def _from_file(path: Path) -> Formatted:
    source, problems = read_source(path)
    before = b"" if source is None else _bytes(path)
    if source is not None and decode_source("", before)[0] != Source("", source.text):
        raise StepError(f"`{path}` changed while it was read", "save it and format it again")
    return _formatted(path, source, before, problems)


def _from_stdin() -> Formatted:
    before = sys.stdin.buffer.read(LARGEST + 1)
    source, problems = decode_source("<stdin>", before)
    return _formatted(STDIN, source, before, problems)


def _formatted(path: Path, source: Source | None, before: bytes, problems: tuple[Diagnostic, ...]) -> Formatted:
    if source is None:
        return Formatted(path, before, "", problems)
    text, found = format_source(source)
    return Formatted(path, before, text, found)


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST + 1)


def write(formatted: Formatted) -> None:
    """Replace a recipe by its new text, whole or not at all; it keeps its mode, and a link stays one.

    Raises StepError where it cannot be written, or somebody else just wrote it.
    """
    with in_words(f"writing `{formatted.path}`"):
        if _bytes(formatted.path) != formatted.before:
            raise StepError(f"`{formatted.path}` changed while it was formatted", "save it and format it again")
        rewrite(formatted.path, formatted.text.encode())


def difference(formatted: Formatted) -> str:
    """Return a unified difference that a terminal may show, "" for none."""
    if not formatted.differs:
        return ""
    before = formatted.before.decode().splitlines(keepends=True)
    after = formatted.text.splitlines(keepends=True)
    name = str(formatted.path)
    lines = difflib.unified_diff(before, after, f"{name} (as it is)", f"{name} (formatted)")
    return "".join(f"{one_line(line.rstrip(chr(10)))}\n" for line in lines)


def annotated(formatted: Formatted, show: bool) -> str:
    """Return what GitHub shows of a recipe that would change: the command of an error, before it the difference.

    No line of a difference is a command there, whatever a recipe says.
    """
    if not formatted.differs:
        return ""
    token = secrets.token_hex(16)
    shown = f"::stop-commands::{token}\n{difference(formatted)}::{token}::\n" if show else ""
    before, after = formatted.before.decode().split("\n"), formatted.text.split("\n")
    same = next((number for number, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), 0)
    help = f"run `ladle fmt {typed(formatted.path)}`"
    return shown + github_error(str(formatted.path), "format", "this recipe is not laid out", help, same + 1)
