"""Sums and products. In: two meanings and a sign. Out: an exact number, or a sum of models with exact coefficients."""

from __future__ import annotations

from fractions import Fraction
from math import inf

from ladle.dsl import affine
from ladle.dsl.problems import Mismatch
from ladle.dsl.program import FAILED, Combination, Constant, Entries, Failed, Meaning, Quantity
from ladle.dsl.schedules import schedule
from ladle.dsl.signature import Scheduled
from ladle.dsl.syntax import Binary, Negation
from ladle.dsl.types import Dimension, Schedule
from ladle.dsl.values import sized, what
from ladle.dsl.world import World

_NO_ZERO = "divide by a number that is not 0"
_VERBS = {"+": "added to", "-": "subtracted from", "*": "multiplied with", "/": "divided by"}


def negate(world: World, expr: Negation, operand: Meaning) -> Meaning:
    """Return -operand."""
    if isinstance(operand, Quantity):
        return Quantity(-operand.number, operand.dimension)
    models = affine.as_sum(operand)
    if models is not None:
        return affine.scale(Fraction(-1), models)
    if operand is FAILED:
        return FAILED
    return world.problems.report("E214", expr.span, f"{what(operand)} has no negative", "", f"this is {what(operand)}")


def combine(world: World, expr: Binary, left: Meaning, right: Meaning) -> Meaning:
    """Return `left operator right`."""
    if isinstance(left, Failed) or isinstance(right, Failed):
        return FAILED
    found = _numbers(expr.operator, left, right) or _models(world, expr, left, right)
    if isinstance(found, Mismatch):
        return world.problems.mismatch(found, expr.span)
    if isinstance(found, Combination) and affine.too_large(found):
        return world.problems.report("E217", expr.span, "a coefficient is too large to compute with")
    return found


def _numbers(operator: str, left: Meaning, right: Meaning) -> Quantity | Mismatch | None:
    if not isinstance(left, Quantity) or not isinstance(right, Quantity):
        return None
    a, b = left.dimension, right.dimension
    if operator in "+-" and a is not b:
        return Mismatch("E202", f"{a.value} and {b.value} cannot be {'added' if operator == '+' else 'subtracted'}")
    if (operator == "*" and Dimension.PLAIN not in (a, b)) or (operator == "/" and b is not Dimension.PLAIN):
        verb = "multiplied" if operator == "*" else "divided"
        return Mismatch("E202", f"{a.value} and {b.value} cannot be {verb}", "one of them must be a plain number")
    if operator == "/" and right.number == 0:
        return Mismatch("E214", "division by zero", _NO_ZERO)
    number = _compute(operator, left.number, right.number)
    dimension = b if operator == "*" and a is Dimension.PLAIN else a
    return Quantity(number, dimension) if sized(number) else Mismatch("E217", "the result is too large to compute with")


def _compute(operator: str, a: Fraction, b: Fraction) -> Fraction:
    match operator:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case _:
            return a / b


def _models(world: World, expr: Binary, left: Meaning, right: Meaning) -> Combination | Mismatch:
    a, b = affine.as_sum(left), affine.as_sum(right)
    if expr.operator in "+-" and a is not None and b is not None:
        return affine.add(a, b, 1 if expr.operator == "+" else -1)
    if expr.operator == "*" and b is not None and a is None:
        return _product(world, expr, left, b)
    if expr.operator in "*/" and a is not None and b is None:
        if isinstance(right, Entries) and expr.operator == "*":
            return _product(world, expr, right, a)
        factor = _plain(right)
        if factor is not None and (factor or expr.operator == "*"):
            return affine.scale(factor if expr.operator == "*" else 1 / factor, a)
        if factor == 0:
            return Mismatch("E214", "division by zero", _NO_ZERO)
    return _nonsense(expr.operator, left, right)


def _product(world: World, expr: Binary, left: Meaning, models: Combination) -> Combination | Mismatch:
    factor = _plain(left)
    if factor is not None:
        return affine.scale(factor, models)
    if not isinstance(left, Entries):
        return _nonsense("*", left, models)
    found = schedule(left, _factors(world))
    if isinstance(found, Schedule):
        return affine.scheduled(found, models, world.written(expr.right.span))
    assert isinstance(found, Mismatch), "a map is a schedule or not one"
    return Mismatch(found.code, f"the factor {found.message}", found.help, found.label)


def _factors(world: World) -> Scheduled:
    """What a schedule on a delta may say: the type of the option that holds it, any number."""
    types = [option.type for option in world.vocabulary[affine.AFFINE].options]
    return next((type for type in types if isinstance(type, Scheduled)), Scheduled(-inf, inf))


def _plain(value: Meaning) -> Fraction | None:
    return value.number if isinstance(value, Quantity) and value.dimension is Dimension.PLAIN else None


def _nonsense(operator: str, left: Meaning, right: Meaning) -> Mismatch:
    help = "models are added with coefficients: `0.5 * a + 0.5 * b`, `m + (b - a)`"
    if isinstance(left, Constant) and isinstance(left.value, str):
        help = "strings are written whole; nothing is put together"
    if operator == "-":
        left, right = right, left
    return Mismatch("E214", f"{what(left)} cannot be {_VERBS[operator]} {what(right)}", help)
