"""Says in plain sentences what a table's numbers show and what they do not. In: a table. Out: notes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ladle.executor.report.choices import told
from ladle.executor.report.content import Against, Merged, Table
from ladle.executor.report.statistics import Interval


def notes(table: Table) -> tuple[str, ...]:
    """Return the notes of a table, the most important first; nothing is claimed that an interval does not carry."""
    chosen = told(table)
    counted = [benchmark for benchmark in table.benchmarks if benchmark.metric == "accuracy"]
    if not counted:
        return (*chosen, "No benchmark of this table has an accuracy, so models are not compared item by item.")
    found = (_best(table), _baseline(table), *chosen, *_merges(table), *_precision(table))
    return tuple(note for note in found if note)


def points(interval: Interval) -> str:
    """Return a difference of accuracies in percentage points with its interval."""
    return f"{_signed(interval.value)} points ({_signed(interval.low)} to {_signed(interval.high)})"


def _best(table: Table) -> str:
    ranked = [(model.name, model.overall) for model in table.models if model.overall]
    if len(ranked) < 2:
        return ""
    name, best = max(ranked, key=lambda pair: pair[1].value)
    close = [other for other, overall in ranked if other != name and overall.high >= best.low]
    shown = f"`{name}` has the highest mean accuracy, {_percent(best.value)} ({_range(best)})."
    if not close:
        return f"{shown} No other model's interval reaches it."
    return f"{shown} {_intervals(close)} with it, so this table does not rank {'it' if len(close) == 1 else 'them'}."


def _baseline(table: Table) -> str:
    overall = [entry for entry in table.against if not entry.benchmark]
    if not overall:
        return ""
    better, worse = _where(overall, above=True), _where(overall, above=False)
    rest = len(overall) - len(better) - len(worse)
    parts = [
        f"{_count(better)} better than `{table.baseline}` in the mean over benchmarks{_named(better)}",
        f"{_count(worse)} worse{_named(worse)}",
        f"{rest} cannot be told apart from it" if rest else "each can be told apart from it",
    ]
    return f"Item by item, {parts[0]}; {parts[1]}; {parts[2]}."


def _merges(table: Table) -> tuple[str, ...]:
    overall = [merged for merged in table.merges if not merged.benchmark]
    if not overall:
        return ()
    synergy = [merged for merged in overall if merged.synergy]
    above = [merged for merged in overall if merged.value.value > merged.expected]
    alone = [merged for merged in table.merges if merged.benchmark and merged.synergy]
    mean = "No merge lies above the mean of its parents."
    if above:
        mean = (
            f"{len(above)} of {len(overall)} merges lie above the mean of their parents. That alone is not synergy: one"
            " that keeps the skills of both is above their mean without being better than the better one at anything."
        )
    if synergy:
        claim = f"Better than each parent in the mean over benchmarks, interval included: {_improvements(synergy)}."
        if not alone:
            claim += (
                " On no single benchmark does one pass the test against each of its parents: what is higher is the sum,"
                " because the parents are good at different things. This is recovery of complementary skills, not"
                " synergy."
            )
    else:
        claim = "No merge is better than each of its parents by more than its interval, so no synergy is claimed."
    where = "; ".join(f"`{m.model}` on `{m.benchmark}`, {points(m.improvement)}" for m in alone)
    single = (
        f"On a single benchmark, better than each parent, tested and adjusted for their number: {where}."
        if alone
        else ""
    )
    return tuple(note for note in (claim, mean, single) if note)


def _precision(table: Table) -> tuple[str, ...]:
    counted = [benchmark for benchmark in table.benchmarks if benchmark.metric == "accuracy"]
    sizes = [benchmark.n for benchmark in counted]
    widest = 196 * math.sqrt(0.25 / min(sizes))
    items = f"{sizes[0]}" if min(sizes) == max(sizes) else f"{min(sizes)} to {max(sizes)}"
    many = len([entry for entry in table.against if entry.benchmark])
    tests = [
        f"Intervals are for 95 % over the choice of items. A benchmark has {items} items, so an interval reaches up to "
        f"{widest:.0f} points to either side, and a smaller difference is noise unless the paired test says otherwise.",
    ]
    if not table.averages:
        said = (
            "Every model was trained once, from one seed. How much another seed would change is not in these intervals."
        )
        tests.append(said)
    if many:
        small = [e for e in table.against if e.adjusted is not None and e.adjusted < 0.05]
        tests.append(
            f"{many} comparisons with `{table.baseline}` on single benchmarks were tested (exact McNemar); "
            f"{len(small)} stay below 0.05 after Holm's adjustment for their number."
        )
    return tuple(tests)


def _where(entries: Sequence[Against], above: bool) -> list[str]:
    return [entry.model for entry in entries if (entry.difference.above_zero if above else entry.difference.below_zero)]


def _improvements(merges: Sequence[Merged]) -> str:
    return ", ".join(f"`{merged.model}` by {points(merged.improvement)}" for merged in merges)


def _intervals(names: Sequence[str]) -> str:
    if len(names) > 3:
        return f"The intervals of {len(names)} others overlap"
    listed = " and ".join(f"`{name}`" for name in names)
    return f"The interval of {listed} overlaps" if len(names) == 1 else f"The intervals of {listed} overlap"


def _count(names: Sequence[str]) -> str:
    if not names:
        return "no model is"
    return f"{len(names)} {'model is' if len(names) == 1 else 'models are'}"


def _named(names: Sequence[str]) -> str:
    return f" ({', '.join(f'`{name}`' for name in names)})" if 0 < len(names) <= 4 else ""


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _range(interval: Interval) -> str:
    return f"{100 * interval.low:.1f} to {100 * interval.high:.1f}"


def _signed(value: float) -> str:
    return f"{100 * value:+.1f}".replace("-", "\u2212")
