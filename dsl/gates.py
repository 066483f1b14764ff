"""Gates: what measured numbers must be. In: a `gate` declaration. Out: sums of scores to compare, dimensions checked.

An accuracy is a share of 1: a score or a percentage is a level, the difference of two levels and what is written in
percentage points a distance. A loss is a plain number.
"""

from __future__ import annotations

from fractions import Fraction

from ladle.dsl.affine import as_model
from ladle.dsl.frozen import frozen
from ladle.dsl.problems import Mismatch
from ladle.dsl.program import FAILED, Demand, Failed, Family, Gate, Measure, Named, Quantity, Side
from ladle.dsl.signature import Sort
from ladle.dsl.source import Span
from ladle.dsl.syntax import Attribute, Binary, Expr, GateDecl, Negation, Requirement
from ladle.dsl.types import Dimension
from ladle.dsl.values import show, what
from ladle.dsl.world import Scope, World

_LEVEL = "such as `merged.silk >= instruct.silk - 1.5pp` or `merged.silk >= 60%`"


@frozen
class _Part:
    """One term of a sum: a score or a number, its sign, and its dimension (PERCENT: a level; POINTS: a distance)."""

    value: Measure | Fraction
    factor: int
    dimension: Dimension
    span: Span


def gate(world: World, declaration: GateDecl) -> Gate:
    """Return a gate with those of its requirements that could be read."""
    name = declaration.name
    if not declaration.requirements:
        help = f"`gate {name.name} {{ require merged.silk >= 60% }}`"
        world.problems.report("E205", name.span, f"the gate `{name.name}` requires nothing", help, "no `require`")
    demands = (_demand(world, requirement) for requirement in declaration.requirements)
    return Gate(name.name, tuple(demand for demand in demands if demand), name.span)


def _demand(world: World, requirement: Requirement) -> Demand | None:
    left = _sum(world, requirement.left, 1)
    right = _sum(world, requirement.right, 1)
    if left is None or right is None:
        return None
    span = requirement.left.span.to(requirement.right.span)
    if not any(isinstance(part.value, Measure) for part in (*left, *right)):
        world.problems.report("E219", span, "this compares no score", f"write `model.benchmark`, {_LEVEL}")
        return None
    if not _comparable(world, left, right, span):
        return None
    reason = requirement.reason.value if requirement.reason else ""
    return Demand(_side(left), requirement.sign, _side(right), reason, world.written(span, 100), requirement.span)


def _side(parts: list[_Part]) -> Side:
    measures = tuple(part.value for part in parts if isinstance(part.value, Measure))
    return Side(measures, sum((p.value * p.factor for p in parts if isinstance(p.value, Fraction)), Fraction(0)))


# --- sums -----------------------------------------------------------------------------------------------------------


def _sum(world: World, expr: Expr, factor: int) -> list[_Part] | None:
    """Return the terms of a sum, or None where one of them failed."""
    match expr:
        case Binary(operator, left, right) if operator in "+-":
            first = _sum(world, left, factor)
            second = _sum(world, right, factor if operator == "+" else -factor)
            return None if first is None or second is None else [*first, *second]
        case Negation(operand):
            return _sum(world, operand, -factor)
        case Attribute():
            return _score(world, expr, factor)
        case Binary(operator):
            message = f"a gate adds and subtracts, and `{operator}` is neither"
            world.problems.report("E219", expr.span, message, f"compare scores as they are, {_LEVEL}")
            return None
        case _:
            return _number(world, expr, factor)


def _number(world: World, expr: Expr, factor: int) -> list[_Part] | None:
    meaning = world.evaluate(expr, Scope())
    if isinstance(meaning, Quantity):
        return [_Part(meaning.number, factor, meaning.dimension, expr.span)]
    if not isinstance(meaning, Failed):
        message = f"a gate compares scores and numbers, and this is {what(meaning)}"
        is_model = isinstance(meaning, Named) and meaning.term.sort is Sort.MODEL
        known = [name for name in world.declared if _is_benchmark(world, name)]
        asked = known[0] if len(known) == 1 else "NAME"
        help = f"say on which benchmark: `{world.written(expr.span)}.{asked}`" if is_model else _LEVEL
        once = f"model without benchmark on line {world.problems.line(expr.span)}" if is_model else ""
        world.problems.report("E219", expr.span, message, help, f"this is {what(meaning)}", once)
    return None


def _score(world: World, expr: Attribute, factor: int) -> list[_Part] | None:
    model = _model(world, expr.target)
    benchmark = _benchmark(world, expr)
    if isinstance(model, Failed) or isinstance(benchmark, Failed):
        return None
    dimension = benchmark.term.operator.headline
    return [_Part(Measure(model, benchmark, factor), factor, dimension, expr.span)]


def _model(world: World, expr: Expr) -> Named | Failed:
    meaning = world.evaluate(expr, Scope())
    if isinstance(meaning, Family):
        message = f"`{world.written(expr.span)}` is {what(meaning)}, and a score is of one model"
        return world.problems.report("E219", expr.span, message, f"name a member: `{meaning.name}[...]`", "a family")
    if isinstance(meaning, Failed):
        return FAILED
    model = as_model(world, meaning, expr.span)
    if isinstance(model, Mismatch):
        message = f"only a model has scores, and this is {what(meaning)}"
        return world.problems.report("E219", expr.span, message, f"a score is written `model.benchmark`, {_LEVEL}")
    return model


def _benchmark(world: World, expr: Attribute) -> Named | Failed:
    name = expr.name
    found = world.lookup(name.name)
    if found is None:
        known = [each for each in world.declared if _is_benchmark(world, each)]
        return world.problems.missing(name.name, name.span, lambda: known, "after the `.` stands a benchmark")
    if isinstance(found, Failed):
        return FAILED
    if isinstance(found, Named) and found.term.sort is Sort.BENCHMARK:
        return found
    message = f"after the `.` stands a benchmark, and `{name.name}` is {what(found)}"
    return world.problems.report("E219", name.span, message, f"a score is written `model.benchmark`, {_LEVEL}")


def _is_benchmark(world: World, name: str) -> bool:
    meaning = world.meanings.get(name)
    return isinstance(meaning, Named) and meaning.term.sort is Sort.BENCHMARK


# --- dimensions -----------------------------------------------------------------------------------------------------


def _comparable(world: World, left: list[_Part], right: list[_Part], span: Span) -> bool:
    """Say whether both sides are one dimension; report what is not."""
    parts = [*left, *right]
    measured = {part.dimension for part in parts if isinstance(part.value, Measure)}
    if len(measured) > 1:
        help = "compare accuracies with accuracies, losses with losses"
        world.problems.report("E202", span, "an accuracy is compared with a loss", help)
        return False
    share = measured == {Dimension.PERCENT}
    fits = (Dimension.PERCENT, Dimension.POINTS) if share else (Dimension.PLAIN,)
    wrong = next((part for part in parts if part.dimension not in fits), None)
    if wrong is not None:
        _wrong_unit(world, wrong, share)
        return False
    one, other = _levels(left), _levels(right)
    if not share or (one == other and one in (0, 1)):
        return True
    if one == other:
        message, help = "scores are added here", "a sum of accuracies is no accuracy; compare them one by one"
    elif {one, other} == {0, 1}:
        message = "an accuracy is compared with a difference"
        level = next((p for p in parts if p.dimension is Dimension.PERCENT and isinstance(p.value, Fraction)), None)
        meant = f"write `{world.written(level.span).removesuffix('%')}pp`; " if level else ""
        help = f"{meant}an accuracy is said in `%`, a difference in `pp`: `a.silk >= 60%`, `a.silk - b.silk >= 1pp`"
    else:
        message, help = "the sides are no accuracies and no differences", _LEVEL
    world.problems.report("E202", span, message, help)
    return False


def _levels(parts: list[_Part]) -> int:
    return sum(part.factor for part in parts if part.dimension is Dimension.PERCENT)


def _wrong_unit(world: World, part: _Part, share: bool) -> None:
    number = part.value if isinstance(part.value, Fraction) else Fraction(0)
    if share and part.dimension is Dimension.PLAIN:
        message = f"an accuracy is said in `%`, a difference in `pp`, and `{world.written(part.span)}` is neither"
        help = f"write `{show(number * 100)}%`" if 0 < number <= 1 else f"write `{show(number)}%` or `{show(number)}pp`"
    elif share:
        message = f"an accuracy is compared with {part.dimension.value}"
        help = "write it in `%`, or a difference in `pp`"
    else:
        message, help = f"a loss is a plain number, not {part.dimension.value}", "in nats per token, such as `2.1`"
    world.problems.report("E202", part.span, message, help)
