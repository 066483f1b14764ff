"""`ladle why`. In: a recipe and a name. Out: which option, input or engine changed since it was last made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from ladle.executor import completing
from ladle.executor.console import plain
from ladle.executor.opened import engine_option, open_recipe, variant_option
from ladle.executor.plan import Why, own_parts, why


@click.command("why", short_help="Say why a result will or will not be made.")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.argument("name", shell_complete=completing.results)
@variant_option
@engine_option
def COMMAND(recipe: Path, name: str, variant: str, engine: str) -> int:  # noqa: N802 - found by this name
    """Say why NAME of RECIPE will or will not be made: what changed since the last run.

    A family, a benchmark or an `evaluate` is each of its members or scores.
    """
    opened = open_recipe(recipe, variant, engine, (name,))
    for answer in why(opened.layout, opened.workspace, name):
        click.echo(plain("\n".join(lines(answer))))
    return 0


def lines(answer: Why) -> Iterator[str]:
    """Yield what is said of one node: the root cause first, and what is made only since others are in one line."""
    planned, roots = answer.planned, answer.roots
    first = planned.reason
    if roots and not own_parts(first):
        reasons = dict.fromkeys(part for each in roots for part in own_parts(each.reason))
        first = f"{'; '.join(reasons)} ({', '.join(each.node.name for each in roots)})"
        roots = ()
    yield f"{planned.node.name}: {planned.action.value}: {first}"
    for cause in roots:
        yield f"  it needs {cause.node.name}: {cause.action.value}: {cause.reason}"
    between = [each.node.name for each in reversed(answer.causes) if not own_parts(each.reason)]
    if between:
        yield f"  made again before it: {', '.join(between)}"
