"""`ladle compare`. In: models. Out: how far apart their weights are, and whether a merge of them can matter."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click
from ladle.dsl.signature import Fault
from ladle.executor.atomic import in_words, write_file
from ladle.executor.commands.adopt import declaring
from ladle.executor.comparing.figure import page, svg
from ladle.executor.comparing.named import Named, common_ancestor, has_weights, named
from ladle.executor.comparing.program import compare, refused
from ladle.executor.comparing.record import record
from ladle.executor.comparing.result import Result
from ladle.executor.comparing.tables import markdown, text
from ladle.executor.console import from_here, one_line, plain
from ladle.executor.opened import Opened, open_recipe, variant_option

MOST = 16
"""Models at once: every two of them are compared."""


def drawn(context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """Return the file of the figure. Raises BadParameter for one that is neither SVG nor HTML."""
    if path is not None and path.suffix not in (".svg", ".html"):
        raise click.BadParameter("the figure's file ends in `.svg` or `.html`", context, parameter)
    return path


@click.command("compare", short_help="Say how far apart the weights of models are.")
@click.argument("words", nargs=-1, required=True, type=click.Path(), metavar="A B [C...]")
@click.option("--base", "origin", metavar="MODEL", help="The model that changes are taken from.")
@click.option("--no-base", "alone", is_flag=True, help="Take no changes, even where a common ancestor is known.")
@click.option("-r", "--recipe", type=click.Path(path_type=Path), help="The recipe whose models A, B and C are.")
@click.option("--format", "form", type=click.Choice(["text", "json", "md"]), default="text", show_default=True)
@click.option("--figure", type=click.Path(path_type=Path), metavar="FILE", callback=drawn, help="An .svg or .html.")
@variant_option
def COMMAND(  # noqa: N802 - found by this name
    words: tuple[str, ...],
    origin: str | None,
    alone: bool,
    recipe: Path | None,
    form: str,
    figure: Path | None,
    variant: str,
) -> int:
    """Say how far apart the weights of the models A, B and C are, by module and depth, and when a merge cannot matter.

    Each is a model folder, or the name of a model in a recipe of this project. Weights are read, nothing is run.
    """
    if variant and recipe is None:
        raise click.UsageError("`--variant` is of a recipe: say which with `--recipe FILE`")
    if origin and alone:
        raise click.UsageError("`--base` and `--no-base` exclude each other")
    opened = open_recipe(recipe, variant) if recipe else None
    line = " ".join(("ladle compare", *words, *(("--base", origin) if origin else ())))
    models, base = _meant(words, origin, opened, line)
    if not 2 <= len(models) <= MOST:
        raise click.UsageError(f"name two models or more, up to {MOST}; these are {len(models)}")
    ancestor = None if base or alone else common_ancestor(models)
    result = compare(models, base or ancestor, ancestor is not None, line)
    _show(result, form)
    if figure:
        _draw(result, figure)
    return 0


def _meant(
    words: Sequence[str], origin: str | None, opened: Opened | None, line: str
) -> tuple[tuple[Named, ...], Named | None]:
    """Return the models and the base that are meant. Raises RecipeError with every word that means none."""
    found = {
        word: named(word, opened, lambda name: declaring(name, has_weights))
        for word in (*words, *((origin,) if origin else ()))
    }
    if origin and not isinstance(bases := found[origin], Fault) and len(bases) > 1:
        found[origin] = Fault("E640", f"`{origin}` is {len(bases)} models", "name one of them as the base")
    faults = [(word, fault) for word, fault in found.items() if isinstance(fault, Fault)]
    if faults:
        raise refused(faults, line)
    known = {word: each for word, each in found.items() if isinstance(each, tuple)}
    models = tuple(each for word in words for each in known[word])
    return models, known[origin][0] if origin else None


def _show(result: Result, form: str) -> None:
    if form == "json":
        click.echo(json.dumps(record(result), indent=2, ensure_ascii=True))
    elif form == "md":
        click.echo(markdown(result), nl=False)
    else:
        click.echo(plain(text(result)), nl=False)


def _draw(result: Result, figure: Path) -> None:
    with in_words(f"writing `{figure}`"):
        write_file(figure, (svg(result) if figure.suffix == ".svg" else page(result)).encode())
    click.echo(one_line(f"figure: {from_here(figure)}"), err=True)
