"""`ladle import`. In: YAML of other tools. Out: a recipe, and every key that could not be carried, by file and line."""

from __future__ import annotations

import json
from pathlib import Path

import click
from ladle.dsl.diagnostics import RecipeError
from ladle.dsl.suggest import listing
from ladle.executor.catalog import vocabulary
from ladle.executor.console import one_line, typed
from ladle.executor.importing.convert import Imported, convert
from ladle.executor.importing.draft import Request
from ladle.executor.importing.ledger import Ledger, Sort
from ladle.executor.importing.settings import kind
from ladle.executor.importing.tools import importers
from ladle.executor.new_file import write_new
from ladle.executor.project import project_root, recipe_name
from ladle.executor.task import StepError

ORDER = (Sort.WRONG, Sort.LOST, Sort.MISSING, Sort.ASSUMED, Sort.MACHINE, Sort.SAME)


@click.command("import", short_help="Turn the YAML of another tool into a recipe.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The recipe to write; without it, it is printed.")
@click.option("--from", "tool", type=click.Choice(sorted(importers())), help="The tool; without it, as the keys show.")
@click.option("--stage", default="", help="The kind of stage that a training is, where its file does not say.")
@click.option("--devices", type=click.IntRange(1, 100_000), default=1, show_default=True, help="Devices of a training.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def COMMAND(  # noqa: N802 - found by this name
    files: tuple[Path, ...], output: Path | None, tool: str | None, stage: str, devices: int, form: str
) -> int:
    """Turn YAML of Axolotl, LLaMA-Factory, TRL, alignment-handbook, mergekit or mergekit-moe into a recipe.

    Every key that the recipe cannot say is named, with file and line, here and in the recipe.
    """
    if stage and kind(stage) is None:
        stages = listing(sorted(name for name in vocabulary() if kind(name)))
        message = f"`{one_line(stage)}` is no stage; there are {stages}"
        raise click.BadParameter(message, param_hint="--stage")
    place = output or Path("recipes") / "imported.recipe"
    recipe_name(place)
    if place.suffix != ".recipe":
        raise StepError(f"`{place}` is no name of a recipe", f"write `-o {place.with_suffix('.recipe')}`")
    if output is not None and output.exists():
        raise StepError(f"`{output}` exists already", "choose another name: nothing is overwritten")
    ledger = Ledger(root=project_root(place), devices=devices)
    try:
        found = convert(files, ledger, tool or "", Request(stage), place)
    except RecipeError:
        for line in so_far(ledger):
            click.echo(one_line(line), err=True)
        raise
    if output is not None:
        write_new(output, found.text)
    if form == "json":
        click.echo(json.dumps(record(found, output), indent=2, ensure_ascii=False))
        return int(unsound(found) > 0)
    if output is None:
        click.echo(found.text, nl=False)
    for line in report(found, output):
        click.echo(one_line(line), err=output is None)
    return int(unsound(found) > 0)


def unsound(found: Imported) -> int:
    """Return how many mistakes a check finds in the recipe as it is."""
    return sum(note.sort is Sort.WRONG for note in found.notes)


def so_far(ledger: Ledger) -> list[str]:
    """Return what was found out of the files before they were refused."""
    told = [note.text for note in ledger.notes if note.sort in (Sort.ASSUMED, Sort.LOST)]
    return [f"detected: {each}" for each in ledger.detected] + told


def report(found: Imported, output: Path | None) -> list[str]:
    """Return what a person should know, in lines."""
    lines = [f"detected: {told}" for told in found.detected]
    lines += [note.text for sort in ORDER for note in found.notes if note.sort is sort]
    if found.profile:
        lines += ["suggested: a profile for the machine, `profiles/NAME.toml`:"]
        lines += [f"    {key} = {json.dumps(value)}" for key, value in sorted(found.profile.items())]
    lost = sum(note.sort is Sort.LOST for note in found.notes)
    end = f"{lost} keys could not be carried" if lost != 1 else "1 key could not be carried"
    if wrong := unsound(found):
        end += f"; {wrong} mistake{'s' if wrong > 1 else ''} to mend before it checks"
    if output is None:
        return [*lines, f"written to standard output: a recipe; {end}"]
    return [*lines, f"{end}; wrote {output}, next: ladle check {typed(output)}"]


def record(found: Imported, output: Path | None) -> dict[str, object]:
    """Return an import as `--format json` shows it."""
    notes = [
        {"sort": note.sort.value, "file": note.file, "line": note.line, "key": note.key, "reason": note.reason}
        for note in found.notes
    ]
    return {
        "schema": 1,
        "recipe": found.text,
        "path": str(output) if output else None,
        "detected": list(found.detected),
        "notes": notes,
        "profile": found.profile,
    }
