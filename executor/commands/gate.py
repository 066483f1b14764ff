"""`ladle gate`. In: a recipe that was measured. Out: which of its requirements hold; exit status 1 unless all do."""

from __future__ import annotations

import difflib
import json
from pathlib import Path

import click
from ladle.dsl.program import Gate
from ladle.executor import completing
from ladle.executor.console import one_line
from ladle.executor.gates import judge
from ladle.executor.opened import Opened, engine_option, open_recipe, variant_option
from ladle.executor.task import StepError
from ladle.executor.verdicts import gates_json, lines


@click.command("gate", short_help="Say which requirements on scores hold.")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.argument("names", nargs=-1, shell_complete=completing.gates)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@variant_option
@engine_option
def COMMAND(recipe: Path, names: tuple[str, ...], form: str, variant: str, engine: str) -> int:  # noqa: N802 - found by this name
    """Say which requirements of the gates of RECIPE (or only of those called NAMES) hold.

    Measured scores are read; nothing is trained or scored. Exit status 1 where a requirement fails, or where a score
    that it names is not measured, or was measured before the recipe changed.
    """
    opened = open_recipe(recipe, variant, engine, reading=True)
    verdicts = [(gate, judge(gate, opened.layout, opened.workspace)) for gate in chosen(opened, names)]
    opened.workspace.digests.save()
    if form == "json":
        said = {"schema": 1, "recipe": opened.layout.graph.recipe, "gates": gates_json(verdicts)}
        click.echo(json.dumps(said, indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(one_line(line) for gate, found in verdicts for line in lines(gate, found, recipe)))
    return 0 if all(each.holds for _, found in verdicts for each in found) else 1


def chosen(opened: Opened, names: tuple[str, ...]) -> tuple[Gate, ...]:
    """Return the gates called `names`, all where none is given. Raises StepError where there is none."""
    gates = {gate.name: gate for gate in opened.loaded.program.gates}
    if not gates:
        raise StepError(
            "the recipe declares no gate", "such as `gate ship { require merged.silk >= instruct.silk - 1.5pp }`"
        )
    for name in names:
        if name not in gates:
            near = difflib.get_close_matches(name, gates, 1)
            hint = f"did you mean `{near[0]}`?" if near else f"it has {', '.join(f'`{each}`' for each in gates)}"
            raise StepError(f"the recipe has no gate `{name}`", hint)
    return tuple(gates[name] for name in names) if names else tuple(gates.values())
