"""`ladle lint`. In: recipes. Out: their mistakes and what is likely not meant; exit status 1 for mistakes alone."""

from __future__ import annotations

from pathlib import Path

import click
from ladle.executor.answers import Answer, remember
from ladle.executor.baseline import write_baseline
from ladle.executor.commands.check import told
from ladle.executor.console import one_line
from ladle.executor.form import FORMS
from ladle.executor.lint_settings import FILE, Wanted
from ladle.executor.linting import Linted, lint_recipes
from ladle.executor.places import Asked
from ladle.executor.recipe_files import recipe_files


@click.command("lint", short_help="Find what checks and is likely not meant.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE|FOLDER...")
@click.option("--select", multiple=True, metavar="CODES", help="Only rules with these codes or prefixes.")
@click.option("--ignore", multiple=True, metavar="CODES", help="No rule with these codes or prefixes.")
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings too.")
@click.option("--fix", "fix", is_flag=True, help="Write safe fixes into the recipes first.")
@click.option("--unsafe-fixes", is_flag=True, help="With --fix: those too that may not be meant.")
@click.option("--baseline", type=click.Path(path_type=Path), help="A file of findings that are known already.")
@click.option("--write-baseline", "write", is_flag=True, help="Write every finding into the baseline.")
@click.option("--format", "form", type=click.Choice(FORMS), default="text", show_default=True)
@click.pass_obj
def COMMAND(  # noqa: N802 - the one name by which a command module is found
    arguments: tuple[str, ...],
    files: tuple[Path, ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    strict: bool,
    fix: bool,
    unsafe_fixes: bool,
    baseline: Path | None,
    write: bool,
    form: str,
) -> int:
    """Find what checks and is likely not meant, in each FILE and every recipe below each FOLDER.

    Exit status 0: sound, perhaps with warnings; 1: mistakes, or with --strict warnings.
    """
    if unsafe_fixes and not fix:
        raise click.UsageError("`--unsafe-fixes` says which fixes `--fix` writes: give both")
    if fix and write:
        raise click.UsageError("`--fix` and `--write-baseline` are two commands: fix first")
    wanted = Wanted(select or None, ignore or None, strict, baseline)
    paths = recipe_files(files)
    mend = ("unsafe" if unsafe_fixes else "safe") if fix else ""
    linted = lint_recipes(paths, wanted, mend, fresh=write)
    if write:
        return _write(linted)
    for path, fixed in linted.fixed.items():
        for done in fixed.done:
            click.echo(one_line(f"fixed: {path}: {done}"), err=True)
    return show(linted, form, () if fix else arguments, files)


def checked(arguments: tuple[str, ...], files: tuple[Path, ...], form: str) -> int:
    """Lint as `ladle check --lint` does: by the project's settings alone."""
    return show(lint_recipes(recipe_files(files), Wanted()), form, arguments, files)


def show(linted: Linted, form: str, arguments: tuple[str, ...] = (), files: tuple[Path, ...] = ()) -> int:
    """Print recipes and what is found in them, and remember it as the answer to `arguments`; return the exit status."""
    answer = Answer(1 if linted.failed else 0, told(linted.recipes, form, linted.strict))
    click.echo(answer.text, nl=False)
    if all(file.is_file() for file in files):
        settings = (Asked("file", str(one.root / FILE)) for one in linted.recipes)
        baselines = (Asked("file", str(Path.cwd() / place)) for place in linted.baselines.values())
        recipes = (asked for one in linted.recipes for asked in one.asked)
        remember(arguments, answer, (*recipes, *settings, *baselines))
    return answer.status


def _write(linted: Linted) -> int:
    if not linted.baselines:
        raise click.UsageError("`--write-baseline` needs `--baseline FILE`, or `baseline` in [tool.ladle.lint]")
    if any(not one.sound for one in linted.recipes):
        show(linted, "text")
        return 1
    for root, place in linted.baselines.items():
        found = {one.path: one.diagnostics for one in linted.recipes if one.root == root}
        count = write_baseline(place, root, found)
        click.echo(one_line(f"{place}: {count} finding{'' if count == 1 else 's'}"))
    return 0
