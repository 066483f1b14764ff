"""What gates found, for people and programs. In: verdicts. Out: lines of text, Markdown, or JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

from ladle.dsl.graph import Json
from ladle.dsl.program import Gate
from ladle.dsl.types import Dimension
from ladle.executor.console import typed
from ladle.executor.gates import Found, State, Verdict
from ladle.executor.report.markdown import coded, escaped
from ladle.executor.report.markup import visible
from ladle.executor.report.statistics import Interval

Verdicts = tuple[Verdict, ...]
WORDS = {True: "holds", False: "FAILS", None: "unknown"}


def lines(gate: Gate, verdicts: Verdicts, recipe: Path) -> Iterator[str]:
    """Yield what a gate found: each requirement, and beneath it what was measured."""
    yield f"gate {_title(gate, verdicts)}"
    for verdict in verdicts:
        yield f"  {WORDS[verdict.holds]:7}  {verdict.demand.text}{_reason(verdict)}"
        yield from (f"           {line}" for line in _details(verdict, recipe))


def _title(gate: Gate, verdicts: Verdicts) -> str:
    return f"{gate.name}: {sum(v.holds is True for v in verdicts)} of {len(verdicts)} hold"


def _reason(verdict: Verdict) -> str:
    return f" ({verdict.demand.reason})" if verdict.demand.reason and not verdict.holds else ""


def _details(verdict: Verdict, recipe: Path) -> Iterator[str]:
    """Yield what was measured for a requirement, and why it could not be judged."""
    if verdict.problem:
        yield f"{verdict.problem}: {advice(verdict, recipe)}"
    for found in verdict.found:
        if found.score is not None:
            yield f"{found.name} = {number(found.value, found)} over {found.score.n} items"
    if verdict.interval is not None:
        yield f"left - right = {distance(verdict.interval, verdict.found[0])}"


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


def markdown(gate: Gate, verdicts: Verdicts, recipe: Path) -> str:
    """Return what a gate found as a section of Markdown."""
    parts = [f"## Gate {escaped(_title(gate, verdicts))}", ""]
    for verdict in verdicts:
        parts.append(f"* **{WORDS[verdict.holds]}**: `{visible(verdict.demand.text)}`{escaped(_reason(verdict))}")
        parts += [f"  * {coded(line)}" for line in _details(verdict, recipe)]
    return "\n".join(parts)


def gates_json(found: Iterable[tuple[Gate, Verdicts]]) -> list[Json]:
    """Return the verdicts as `--format json` shows them; accuracies are shares of 1."""
    return [
        {
            "name": gate.name,
            "holds": all(each.holds for each in verdicts),
            "requirements": [_requirement(each) for each in verdicts],
        }
        for gate, verdicts in found
    ]


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
