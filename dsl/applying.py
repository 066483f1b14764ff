"""Application of operators. In: an operator, a call's arguments, perhaps a piped operand. Out: a computation."""

from __future__ import annotations

from ladle.dsl.building import build
from ladle.dsl.choosing import choice, state
from ladle.dsl.operands import Piped, operands
from ladle.dsl.options import layer
from ladle.dsl.program import FAILED, Failed, Meaning, StageValue, Step
from ladle.dsl.signature import Operator, Role
from ladle.dsl.source import Span
from ladle.dsl.stages import call_stage
from ladle.dsl.syntax import Argument
from ladle.dsl.world import Scope, World


def apply(
    world: World, operator: Operator, arguments: tuple[Argument, ...], piped: Piped | None, span: Span, scope: Scope
) -> Meaning:
    """Return what `operator(arguments)` is, `piped` filling the first operand."""
    if operator.role is Role.STAGE:
        stage = StageValue((Step(operator.name, operator, {}, {}, span),))
        return call_stage(world, stage, arguments, piped, span, scope)
    given, by_position = operands(world, operator, arguments, piped, span, scope)
    named = [(argument.name, argument.value) for argument in arguments if argument.name is not None]
    settled = layer(world, operator, named, scope, before=by_position)
    if isinstance(given, Failed):
        return FAILED
    if operator.operands.family and len(given) == 1 < operator.operands.minimum:
        return given[0].value  # several models that are one: the mean of it, or the best, is itself
    match operator.role:
        case Role.STATE:
            return state(world, operator, given[0], settled, span)
        case Role.CHOICE:
            return choice(world, operator, given, settled, span)
        case _:
            return build(world, operator, given, settled, span)
