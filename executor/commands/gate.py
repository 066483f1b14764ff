"""`ladle gate`. In: a recipe that was measured. Out: which of its requirements hold; exit status 1 unless all do."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import click
from ladle.dsl.graph import Json
from ladle.dsl.program import Gate
from ladle.dsl.types import Dimension
from ladle.executor import completing
from ladle.executor.console import one_line, typed
from ladle.executor.gates import Found, State, Verdict, judge
from ladle.executor.opened import Opened, open_recipe, variant_option
from ladle.executor.report.statistics import Interval
from ladle.executor.task import StepError

WORDS = {True: "holds", False: "FAILS", None: "unknown"}


@click.command("gate", short_help="Say which requirements on scores hold.")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.argument("names", nargs=-1, shell_complete=completing.gates)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@variant_option
def COMMAND(recipe: Path, names: tuple[str, ...], form: str, variant: str) -> int:  # noqa: N802 - found by this name
    """Say which requirements of the gates of RECIPE (or only of those called NAMES) hold.

    Measured scores are read; nothing is trained or scored. Exit status 1 where a requirement fails, or where a score
    that it names is not measured, or was measured before the recipe changed.
    """
    opened = open_recipe(recipe, variant)
    verdicts = [(gate, judge(gate, opened.layout, opened.workspace)) for gate in chosen(opened, names)]
    opened.workspace.digests.save()
    if form == "json":
        click.echo(json.dumps(record(opened, verdicts), indent=2, ensure_ascii=False))
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


# --- text -----------------------------------------------------------------------------------------------------------


def lines(gate: Gate, verdicts: tuple[Verdict, ...], recipe: Path) -> Iterator[str]:
    """Yield what a gate found: each requirement, and beneath it what was measured."""
    yield f"gate {gate.name}: {sum(v.holds is True for v in verdicts)} of {len(verdicts)} hold"
    for verdict in verdicts:
        reason = f" ({verdict.demand.reason})" if verdict.demand.reason and not verdict.holds else ""
        yield f"  {WORDS[verdict.holds]:7}  {verdict.demand.text}{reason}"
        if verdict.problem:
            yield f"           {verdict.problem}: {advice(verdict, recipe)}"
        for found in verdict.found:
            if found.score is not None:
                yield f"           {found.name} = {number(found.value, found)} over {found.score.n} items"
        if verdict.interval is not None:
            yield f"           left - right = {distance(verdict.interval, verdict.found[0])}"


def advice(verdict: Verdict, recipe: Path) -> str:
    """Say what to do about a requirement that could not be judged."""
    lacking = next((each for each in verdict.found if each.state is not State.MEASURED), None)
    if lacking is not None and not lacking.asked:
        return "no `evaluate` of the recipe asks for it"
    return f"`ladle run {typed(recipe)}` measures it"


def number(value: Fraction, found: Found) -> str:
    """Return a measured number for people."""
    return f"{float(value):.2%}" if shares(found) else f"{float(value):.4f}"


def distance(interval: Interval, found: Found) -> str:
    """Return a difference with its interval for people."""
    ends = (interval.value, interval.low, interval.high)
    if shares(found):
        value, low, high = (f"{100 * end:+.2f}" for end in ends)
        return f"{value}pp, 95 % interval {low} to {high}pp"
    value, low, high = (f"{end:+.4f}" for end in ends)
    return f"{value}, 95 % interval {low} to {high}"


def shares(found: Found) -> bool:
    """Say whether a score is an accuracy."""
    return found.measure.benchmark.term.operator.headline is Dimension.PERCENT


# --- data -----------------------------------------------------------------------------------------------------------


def record(opened: Opened, verdicts: list[tuple[Gate, tuple[Verdict, ...]]]) -> dict[str, Json]:
    """Return the verdicts as `--format json` shows them; accuracies are shares of 1."""
    gates: list[Json] = [
        {
            "name": gate.name,
            "holds": all(each.holds for each in found),
            "requirements": [_requirement(each) for each in found],
        }
        for gate, found in verdicts
    ]
    return {"schema": 1, "recipe": opened.layout.graph.recipe, "gates": gates}


def _requirement(verdict: Verdict) -> Json:
    span = verdict.interval
    return {
        "text": verdict.demand.text,
        "reason": verdict.demand.reason,
        "holds": verdict.holds,
        "problem": verdict.problem,
        "left": _rounded(verdict.left),
        "right": _rounded(verdict.right),
        "difference": None if span is None else {"value": span.value, "low": span.low, "high": span.high},
        "measured": [_measured(each) for each in verdict.found],
    }


def _measured(found: Found) -> Json:
    score = found.score
    return {
        "model": found.measure.model.label,
        "benchmark": found.measure.benchmark.label,
        "state": found.state.value,
        "value": None if score is None else _rounded(found.value),
        "n": None if score is None else score.n,
        "low": None if score is None else score.low,
        "high": None if score is None else score.high,
    }


def _rounded(value: Fraction | None) -> float | None:
    return None if value is None else round(float(value), 6)
