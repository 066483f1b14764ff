"""Model arithmetic. In: models with exact coefficients. Out: a model where they sum to 1, a delta where to 0."""

from __future__ import annotations

import math
from fractions import Fraction

from ladle.dsl.agreement import OF_A_SUM, Tokens, agree
from ladle.dsl.computation import Computation
from ladle.dsl.problems import Mismatch
from ladle.dsl.program import (
    FAILED,
    Combination,
    Constant,
    Failed,
    Family,
    Items,
    Meaning,
    Named,
    Part,
    StageValue,
    Term,
)
from ladle.dsl.signature import Sort
from ladle.dsl.source import Span
from ladle.dsl.spelling import as_index, joined, number, spelled
from ladle.dsl.suggest import sentences
from ladle.dsl.types import Schedule, Value
from ladle.dsl.values import show, sized, what
from ladle.dsl.world import World

AFFINE = "affine"
"""The internal operator that computes a sum of models."""


def as_sum(meaning: Meaning) -> Combination | None:
    """Return a model or sum as a sum, or None for anything else."""
    if isinstance(meaning, Named) and meaning.term.sort is Sort.MODEL:
        return Combination((Part(Fraction(1), None, meaning),), meaning.label)
    return meaning if isinstance(meaning, Combination) else None


def add(left: Combination, right: Combination, sign: int) -> Combination:
    """Return left + right or left - right; equal products are one, those that vanish are left out."""
    found: dict[tuple[Term, Schedule | None], Part] = {}
    for part, factor in (*((p, p.factor) for p in left.parts), *((p, sign * p.factor) for p in right.parts)):
        key = (part.model.term, part.schedule)
        known = found[key].factor if key in found else Fraction(0)
        found[key] = Part(known + factor, part.schedule, found[key].model if key in found else part.model)
    label = joined((left.label, "plus" if sign > 0 else "minus", right.label))
    return Combination(tuple(part for part in found.values() if part.factor), label)


def scale(factor: Fraction, models: Combination) -> Combination:
    """Return factor * models."""
    parts = tuple(Part(factor * part.factor, part.schedule, part.model) for part in models.parts)
    return Combination(tuple(part for part in parts if part.factor), joined((_factor(factor), models.label)))


def scheduled(schedule: Schedule, models: Combination, written: str) -> Combination | Mismatch:
    """Return schedule * models; only a delta takes one: a schedule on a model would not leave it a model."""
    if models.total != 0:
        message = f"only a delta takes a schedule, and the coefficients of `{written}` sum to {show(models.total)}"
        return Mismatch("E211", message, "put the schedule on a difference: `m + {...} * (b - a)`")
    if any(part.schedule is not None for part in models.parts):
        return Mismatch("E214", "a delta takes one schedule, and this one has one", "multiply the two maps into one")
    parts = tuple(Part(part.factor, schedule, part.model) for part in models.parts)
    return Combination(parts, joined(("by", spelled(schedule), models.label)))


def too_large(models: Combination) -> bool:
    """Say whether a coefficient is too large to compute with."""
    return not all(sized(part.factor) for part in models.parts)


def as_model(world: World, meaning: Meaning, span: Span) -> Named | Mismatch | Failed:
    """Return `meaning` as a model, or say why it is none."""
    match meaning:
        case Failed():
            return FAILED
        case Named(term) if term.sort is Sort.MODEL:
            return meaning
        case Named(term, label) if term.sort is Sort.TEACHER:
            message = f"takes a model, and `{label}` is a teacher, which can only generate or judge"
            return Mismatch("E242", message, "a teacher stands in `distill(by = ...)`", "a teacher")
        case Named(term, label) if term.sort is Sort.ADAPTER:
            message = f"takes a model, and `{label}` is an adapter: differences of low rank from its base"
            return Mismatch("E633", message, "name the model that it was taken from", "an adapter")
        case Combination():
            return _finished(world, meaning, span)
        case Family(name, axes, members):
            index = ", ".join(map(as_index, members[0].values) if members else axes)
            help = f"pick a member, `{name}[{index}]`, or map over all: `model ...[m in {name}] = ...`"
            return Mismatch("E201", f"takes a model, not {what(meaning)}", help, "a family")
        case StageValue(steps):
            help = f"apply it to a model: `{steps[0].name}(m)`, or `m | {steps[0].name}`"
            return Mismatch("E201", f"takes a model, not {what(meaning)}", help, f"this is {what(meaning)}")
        case Constant(str() as text) if text in world.declared:
            return Mismatch("E201", "takes a model, not a string", f"write it without quotes: `{text}`", "quotes")
        case Items() | Constant() | _:
            return Mismatch("E201", f"takes a model, not {what(meaning)}", label=f"this is {what(meaning)}")


def _finished(world: World, models: Combination, span: Span) -> Named | Mismatch | Failed:
    if models.total == 0:
        help = "add it to a model: `m + (b - a)`"
        return Mismatch("E211", "takes a model, not a delta: the coefficients sum to 0, not 1", help, "a delta")
    if models.total != 1:
        rule = "coefficients that sum to 1 make a model, to 0 a delta"
        help = sentences((_mean(world, models) or _instead(world, models), rule))
        message = f"takes a model, and the coefficients sum to {show(models.total)}, not 1"
        return Mismatch("E211", message, help, f"sum {show(models.total)}")
    if len(models.parts) == 1 and models.parts[0].schedule is None:
        return models.parts[0].model
    if any(math.isinf(_float(part.factor)) for part in models.parts):
        return Mismatch("E217", "has a coefficient that is too large", label="too large")
    return _affine(world, models, span)


def _mean(world: World, models: Combination) -> str:
    """Say how the mean of models is written that were merely added, "" for another sum."""
    if len(models.parts) < 2 or any(part.factor != 1 or part.schedule for part in models.parts):
        return ""
    names = [part.model.label if part.model.label in world.declared else "..." for part in models.parts]
    if len(names) == 2:
        return f"their mean is `0.5 * {names[0]} + 0.5 * {names[1]}`"
    return f"their mean is `({' + '.join(names[:4])}{' + ...' if len(names) > 4 else ''}) / {len(names)}`"


def _instead(world: World, models: Combination) -> str:
    """Say which sum is nearest to one that makes no model, "" where it is not plain."""
    parts = models.parts
    if any(part.schedule or part.model.label not in world.declared for part in parts):
        return ""
    *others, last = parts
    rest = 1 - sum((part.factor for part in others), Fraction(0))
    if others and rest > 0 and all(part.factor > 0 for part in parts):
        return f"`{show(rest)} * {last.model.label}` would make it 1"
    scaled = [part for part in parts if part.factor not in (1, -1)]
    taken = [part for part in parts if part.factor == -1]
    if len(scaled) == len(taken) == 1:
        difference = f"({scaled[0].model.label} - {taken[0].model.label})"
        return f"a factor reaches no further than what it touches: `{show(scaled[0].factor)} * {difference}`"
    return ""


def _affine(world: World, models: Combination, span: Span) -> Named | Failed:
    operator = world.vocabulary[AFFINE]
    products: dict[Term, list[tuple[Value, ...]]] = {}
    named: dict[Term, Named] = {}
    for part in models.parts:
        products.setdefault(part.model.term, []).append((_float(part.factor), part.schedule))
        named.setdefault(part.model.term, part.model)
    added = {part.model.term for part in models.parts if part.factor > 0}
    taken = frozenset(named.keys() - added)
    agree(world, tuple(named.values()), (), span, tokens=Tokens(help=_merge_of(world, models)), taken=taken)
    options: dict[str, Value] = {"coefficients": tuple(tuple(each) for each in products.values())}
    term = world.make(Computation(operator, tuple(named), options, {}), span, {})
    return FAILED if isinstance(term, Failed) else world.name(term, models.label)


def _merge_of(world: World, models: Combination) -> str:
    """Say how a sum is written that says whose vocabulary and template its result has."""
    exact = not any(show(part.factor).startswith("a") for part in models.parts)
    if not exact or any(part.schedule or part.model.label not in world.declared for part in models.parts):
        return OF_A_SUM
    parts = ", ".join(f"{part.model.label}: {show(part.factor)}" for part in models.parts)
    return f"a sum has no option `tokenizer`, a merge has: `linear({parts}, normalize = false, tokenizer = first)`"


def _float(factor: Fraction) -> float:
    try:
        return float(factor)
    except OverflowError:
        return float("inf") if factor > 0 else float("-inf")


def _factor(factor: Fraction) -> str:
    return "" if factor == 1 else number(_float(factor))
