"""`ladle diff`. In: two recipes, of today or of a revision. Out: what becomes another computation, what survives."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import click
from ladle.dsl.diagnostics import RecipeError
from ladle.dsl.format import laid_out
from ladle.dsl.lex import lex
from ladle.dsl.source import Source
from ladle.dsl.trivia import gaps
from ladle.executor.catalog import vocabulary
from ladle.executor.comparison import Change, Comparison, Setting, compare
from ladle.executor.console import plain
from ladle.executor.examine import Checked
from ladle.executor.layout import layout
from ladle.executor.load import graph_of
from ladle.executor.plan import Action, plan
from ladle.executor.revisions import examine_revision
from ladle.executor.workspace import Workspace

SHOWN = 20
"""Names that a line lists; `--format json` has all."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two recipes, and what the second still finds made."""

    before: str
    after: str
    found: Comparison
    notes: tuple[str, ...]
    """What differs without being part of any identity."""
    survives: tuple[str, ...]
    runs: tuple[str, ...]


@click.command("diff", short_help="Say what differs between two recipes in what they make.")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@click.option("--format", "form", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
@click.option("--exit-code", "judge", is_flag=True, help="Exit with 1 where something becomes another computation.")
def COMMAND(before: str, after: str, form: str, judge: bool) -> int:  # noqa: N802 - found by this name
    """Say what differs between the recipes A and B in what they make: settings, inputs, names, and what would run.

    Each is a file, or `REV:FILE`, the file of a git revision. Data is that of the project today, for both.
    """
    told = difference(before, after)
    if form == "json":
        click.echo(json.dumps(record(told), indent=2, ensure_ascii=False))
    elif form == "markdown":
        click.echo("\n".join(lines(told, "### {}\n", "- ", code_span)))
    else:
        click.echo("\n".join(lines(told, "{}:", "  ", lambda text: f"`{plain(text)}`")))
    return 1 if judge and not told.found.identical else 0


def difference(before: str, after: str) -> Difference:
    """Compare two recipes. Raises RecipeError with every problem of both."""
    sides = [examine_revision(name, other) for name, other in ((before, after), (after, before))]
    if not all(side.sound and side.program for side in sides):
        raise RecipeError(tuple(problem for side in sides for problem in side.diagnostics))
    old, new = (graph_of(side).graph for side in sides)
    found = compare(old, new)
    made = plan(layout(new, vocabulary()), Workspace(sides[1].root))
    steps = [item for item in made.nodes if item.place]
    kept, runs = (
        tuple(item.node.name for item in steps if (item.action is Action.REUSE) is reused) for reused in (True, False)
    )
    return Difference(before, after, found, tuple(_notes(sides[0], sides[1], found)), kept, runs)


def _notes(old: Checked, new: Checked, found: Comparison) -> Iterator[str]:
    """Yield what else differs: nothing of it is part of what is made."""
    texts = old.source.text, new.source.text
    words = [[token.text for token in lex(text)[0] if token.type != "COMMA"] for text in texts]
    if _comments(old.source) != _comments(new.source):
        yield "comments differ"
    if words[0] == words[1]:
        if texts[0] != texts[1] and laid_out(texts[0]) == laid_out(texts[1]):
            yield "the layout differs"
    elif found.identical and not found.tables:
        yield "names, spelling or the order of declarations differ, and nothing that is made"
    if found.tables:
        yield "the tables of `evaluate` differ"
    if old.path.stem != new.path.stem:
        yield "the recipe has another name: artifacts lie in another folder"


def _comments(source: Source) -> list[str]:
    return [each.text for gap in gaps(source.text, lex(source.text)[0]) for each in gap.comments]


def record(told: Difference) -> dict[str, object]:
    """Return a difference as `--format json` shows it."""
    found = told.found
    return {
        "schema": 1,
        "before": told.before,
        "after": told.after,
        "identical": found.identical,
        "changed": [asdict(change) for change in found.changed],
        "added": found.added,
        "removed": found.removed,
        "renamed": [{"before": old, "after": new} for old, new in found.renamed],
        "same": found.same,
        "notes": told.notes,
        "survives": told.survives,
        "runs": told.runs,
    }


# --- text and Markdown: one telling, in which whatever a recipe says is quoted ---

Quote = Callable[[str], str]


def lines(told: Difference, heading: str, bullet: str, quote: Quote) -> Iterator[str]:
    """Yield the lines that tell a difference; `quote` makes the words of a recipe harmless where they are shown."""
    found = told.found
    sections = {
        "settings that change": [*_settings(found, quote)],
        "change because of these": [_named(change, quote) for change in found.changed if not change.settings],
        "new": [*map(quote, found.added)],
        "no longer made": [*map(quote, found.removed)],
        "only renamed": [f"{quote(old)} is now {quote(new)}" for old, new in found.renamed],
        "beside what is made": [*told.notes],
    }
    for title, items in sections.items():
        if items:
            yield heading.format(title[0].upper() + title[1:])
            yield from (f"{bullet}{each}" for each in items)
            yield ""
    if found.identical:
        yield f"Nothing that is made differs: {found.same} computations are the same."
    else:
        yield f"{len(found.changed)} change, {len(found.added)} are new, {len(found.removed)} go, {found.same} stay."
    yield f"{len(told.survives)} results survive{_some(told.survives, quote)}"
    # Where nothing differs, what is not made yet says nothing of the difference.
    yield f"{len(told.runs)} steps would run{_some(() if found.identical else told.runs, quote)}"


def _some(names: tuple[str, ...], quote: Quote) -> str:
    """Return what follows a number: the first of those that it counts."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f": {', '.join(map(quote, names[:SHOWN]))}{more}." if names else "."


def _settings(found: Comparison, quote: Quote) -> Iterator[str]:
    """Yield each change of a setting once, with all that it changes."""
    together: dict[tuple[str, tuple[Setting, ...]], list[Change]] = {}
    for change in found.changed:
        if change.settings:
            together.setdefault((change.operator, change.settings), []).append(change)
    for (_, settings), changes in together.items():
        names = ", ".join(_named(change, quote) for change in changes)
        yield f"{names}: {'; '.join(_setting(setting, quote) for setting in settings)}"


def _named(change: Change, quote: Quote) -> str:
    """Return a name, and the one before; those of prepared rows hold options, which are told anyway."""
    same = change.was == change.name or change.operator == "prepare"
    return quote(change.name) if same else f"{quote(change.name)} (it was {quote(change.was)})"


def _setting(setting: Setting, quote: Quote) -> str:
    name = f" {quote(setting.name)}" if setting.name else ""
    if not setting.before or not setting.after:
        kind = "is new" if setting.after else "is gone"
        return f"{setting.what}{name} {kind}: {quote(setting.after or setting.before)}"
    if setting.before == setting.after:
        return f"{setting.what}{name} changed ({quote(setting.after)})"
    return f"{setting.what}{name} {quote(setting.before)} -> {quote(setting.after)}"


def code_span(text: str) -> str:
    """Return text as Markdown shows it unread: in a span of code, in which no markup, link or mention is one."""
    safe = plain(text).replace("\n", " ")
    fence = "`" * (max((len(run) for run in re.findall("`+", safe)), default=0) + 1)
    return f"{fence} {safe} {fence}" if "`" in safe else f"{fence}{safe or ' '}{fence}"
