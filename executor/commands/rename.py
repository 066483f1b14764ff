"""`ladle rename`. In: a recipe and two names. Out: the recipe says the new one, and what was made has moved along."""

from __future__ import annotations

import re
from pathlib import Path

import click
from ladle.dsl.diagnostics import Severity
from ladle.dsl.format import laid_out
from ladle.dsl.parse import parse, read_source
from ladle.dsl.renaming import renamed
from ladle.dsl.source import Source
from ladle.dsl.suggest import did_you_mean, listing, nearest
from ladle.dsl.syntax import UseDecl
from ladle.executor import completing
from ladle.executor.catalog import vocabulary
from ladle.executor.console import from_here, one_line
from ladle.executor.disk import write_file
from ladle.executor.examine import examine_source
from ladle.executor.layout import REPORT, Layout, layout
from ladle.executor.load import graph_of
from ladle.executor.opened import Opened, open_recipe
from ladle.executor.project import recipes_in
from ladle.executor.rename import rename
from ladle.executor.task import StepError

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


@click.command("rename", short_help="Rename a declaration, in the recipe and on disk.")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.argument("old", shell_complete=completing.declarations)
@click.argument("new")
def COMMAND(recipe: Path, old: str, new: str) -> int:  # noqa: N802 - found by this name
    """Call the declaration OLD of RECIPE NEW: in the recipe, on disk and in dvc.lock. Nothing runs again."""
    opened = open_recipe(recipe)
    refuse_used(opened, old)
    text = rewritten(recipe, old, new)
    checked = examine_source(recipe, Source(str(recipe), text))
    if not checked.sound:
        why = next(each for each in checked.diagnostics if each.severity is Severity.ERROR)
        raise StepError(f"`{old}` cannot be called `{new}`: {why.message}", "choose another name")
    after = layout(graph_of(checked).graph, vocabulary())
    if computations(opened.layout) != computations(after):
        raise StepError(
            f"calling `{old}` `{new}` would change what the recipe computes",
            f"a word of an option is spelt `{old}` too: rename it by hand, `ladle run` then reuses what lies ready",
        )
    before = recipe.read_bytes()
    write_file(recipe, text.encode())
    try:
        moved = rename(opened.layout, after, opened.workspace)
    except (StepError, OSError):
        write_file(recipe, before)
        raise
    for source, place in moved:
        click.echo(one_line(f"{source} -> {place}"))
    click.echo(one_line(f"{recipe}: `{old}` is called `{new}`; {len(moved)} moved"))
    return 0


def rewritten(recipe: Path, old: str, new: str) -> str:
    """Return the text of a recipe with `old` called `new`, laid out if it was. Raises StepError for bad names."""
    source, _ = read_source(recipe)
    assert source is not None, "the recipe was read before"
    tree, _ = parse(source)
    names = {name.name for each in tree.declarations if (name := getattr(each, "name", None))}
    uses = [each for each in tree.declarations if isinstance(each, UseDecl)]
    names |= {item.local.name for each in uses for item in each.imports}
    if old not in names:
        help = did_you_mean(nearest(old, sorted(names))) or f"it declares {listing(sorted(names))}"
        raise StepError(f"the recipe declares nothing called `{old}`", help)
    if not _NAME.match(new):
        raise StepError(f"`{new}` is no name", "names are lower-case letters, digits and `_`, beginning with a letter")
    if new in names:
        raise StepError(f"`{new}` is declared already", "choose another name")
    text = renamed(tree, old, new)
    # Another name takes other columns: what was laid out stays so, and what was not is left as it is.
    return laid_out(text) if laid_out(source.text) == source.text else text


def refuse_used(opened: Opened, name: str) -> None:
    """Raise StepError where another recipe of the project uses `name` of this one."""
    root, recipe = opened.loaded.root, opened.loaded.path.resolve()
    for other in recipes_in(root):
        source, _ = read_source(other)
        for each in parse(source)[0].declarations if source else ():
            if not isinstance(each, UseDecl) or (root / each.path.value).resolve() != recipe:
                continue
            if any(item.name.name == name for item in each.imports):
                raise StepError(
                    f"`{from_here(other)}` uses `{name}`",
                    "rename it in both by hand; nothing that is made is made again",
                )


def computations(steps: Layout) -> set[str]:
    """Return what a recipe computes; its report shows names, so that is left out."""
    return {key for key, node in steps.graph.nodes.items() if node.operator != REPORT}
