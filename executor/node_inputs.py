"""Which inputs a node can have. In: its operator, options and inputs as read. Out: what is wrong with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from ladle.dsl.graph import Json
from ladle.dsl.signature import REQUIRED, Operator, Role
from ladle.executor.nodefile import Inline, Made

ONCE = ("base", "donor", "model", "reference", "template", "to", "tokenizer")
"""Roles, beside the numbers of operands, that one input has."""


def wrong_inputs(operator: Operator, options: Mapping[str, Json], inputs: tuple[Made | Inline, ...]) -> str:
    """Return what is wrong with the inputs of a node, in words; "" if it can have them."""
    counts = Counter(item.role for item in inputs)
    once = (*ONCE, "rows") if operator.role is Role.STAGE else ONCE
    if twice := [role for role, count in counts.items() if count > 1 and (role in once or role.isdecimal())]:
        return f"two inputs have the role `{twice[0]}`"
    operands = sorted(int(role) for role in counts if role.isdecimal())
    if operands != list(range(len(operands))):
        return "its operands are not numbered 0, 1, ..."
    if _is_based(operator) and "base" not in counts:
        return f"`{operator.name}` has no input `base`"
    if operator.role is Role.CHOICE and any(counts[f"score:{place}"] != 1 for place in operands):
        return f"`{operator.name}` has not one score for each of its models"
    numbered = operator.role in (Role.MERGE, Role.CHOICE, Role.TRANSFORM, Role.ADAPTER) or "coefficients" in options
    wrong = _count(operator, len(operands)) if numbered else ""
    return wrong or _weights(operator, options, len(operands))


def places(inputs: tuple[Made | Inline, ...]) -> Iterator[str]:
    """Yield the place of every artifact that is read, also within inline inputs."""
    for item in inputs:
        match item:
            case Made(_, path):
                yield path
            case Inline(_, computation, _):
                yield from places(computation.inputs)


def _is_based(operator: Operator) -> bool:
    """Say whether a merge cannot be without a base."""
    return any(option.name == "base" and option.default is REQUIRED for option in operator.options)


def _count(operator: Operator, count: int) -> str:
    wanted = operator.operands
    least = max(wanted.minimum, 1 if wanted.sorts else 0)
    if count < least:
        return f"`{operator.name}` has {count} operands, and takes at least {least}"
    open_ended = wanted.variadic or wanted.family or not wanted.sorts
    if not open_ended and count > len(wanted.sorts):
        return f"`{operator.name}` has {count} operands, and takes {len(wanted.sorts)}"
    return ""


def _weights(operator: Operator, options: Mapping[str, Json], operands: int) -> str:
    weights, coefficients = options.get("weights"), options.get("coefficients")
    for option in operator.options:
        each = options.get(option.name)
        if option.each and isinstance(each, list) and len(each) != operands:
            return f"`{operator.name}` has {len(each)} values of `{option.name}` for {operands} operands"
    if isinstance(weights, list) and weights and len(weights) != operands:
        return f"`{operator.name}` has {len(weights)} weights for {operands} operands"
    if "coefficients" not in options:
        return ""
    if not isinstance(coefficients, list) or not coefficients or len(coefficients) != operands:
        return f"`{operator.name}` has not one list of coefficients for each operand"
    return "" if all(_is_sum(item) for item in coefficients) else f"a coefficient of `{operator.name}` is none"


def _is_sum(item: Json) -> bool:
    return isinstance(item, list) and all(_is_product(each) for each in item)


def _is_product(item: Json) -> bool:
    return (
        isinstance(item, list) and len(item) == 2 and _is_number(item[0]) and (item[1] is None or _is_setting(item[1]))
    )


def _is_setting(item: Json) -> bool:
    if not isinstance(item, dict):
        return _is_number(item)
    names = item.get("schedule")
    if set(item) != {"schedule", "else"} or not isinstance(names, dict):
        return False
    return _is_number(item["else"]) and all(_is_number(value) or _is_depth(value) for value in names.values())


def _is_depth(item: Json) -> bool:
    return isinstance(item, list) and len(item) >= 2 and all(_is_number(each) for each in item)


def _is_number(item: Json) -> bool:
    return isinstance(item, int | float) and not isinstance(item, bool)
