"""What merge methods share. In: nothing. Out: options, engines, and the program that computes a merge."""

from __future__ import annotations

from math import fsum, inf

from ladle.dsl.signature import REQUIRED, Fault, Flag, Option, Reference, Scheduled, Sort, Typed, Typing
from ladle.dsl.types import Schedule
from ladle.executor.quoting import short
from ladle.executor.scheduled import over_tensors
from ladle.executor.weights.modules import LAYERED, MODULES

ENGINES = ("torch",)
PROGRAM = "ladle.executor.weights.merge"


def scheduled(low: float, high: float, *, open_low: bool = False) -> Scheduled:
    """Return the type of a number in [low, high] for a tensor: one for all, or a map from modules, lists over depth."""
    return Scheduled(low, high, MODULES, LAYERED, open_low)


ANY = scheduled(-inf, inf)
"""Any number for a tensor."""

WEIGHT = ANY
"""The type of an operand's weight."""

T = Option(
    "t",
    scheduled(0, 1),
    REQUIRED,
    "place between the operands, 0 is the first and 1 the second: a number, or a map from module names to numbers or "
    "lists over depth, with `else`",
    field="t",
)


def main_model(text: str) -> Option:
    """Return the option `base`, which must be set, with what it is to the method."""
    return Option("base", Reference(Sort.MODEL), REQUIRED, text, field="base_model")


BASE = main_model("the model that the operands' differences are taken from")

MAY_BASE = Option(
    "base",
    Reference(Sort.MODEL),
    None,
    "the model from which the operands' differences are interpolated; without one, the operands themselves are",
    field="base_model",
)

DENSITY = Option(
    "density",
    scheduled(0, 1, open_low=True),
    1.0,
    "share of each difference's elements that is kept",
    field="density",
    each=True,
)

UNCHANGED = Option("epsilon", scheduled(0, inf), 1e-5, "a difference of no more than this is none", field="epsilon")

LAMBDA = Option("lambda", ANY, 1.0, "factor of the merged difference", field="lambda")


def normalize(default: bool) -> Option:
    """Return the option `normalize`."""
    return Option("normalize", Flag(), default, "divide by the sum of the weights", field="normalize")


def rescale(default: bool) -> Option:
    """Return the option `rescale`."""
    return Option(
        "rescale",
        Flag(),
        default,
        "scale what is kept of a difference to the sum of magnitudes it had",
        field="rescale",
    )


def weighted_type(typing: Typing) -> Typed:
    """Return the first operand's type; weights that are divided by their sum must not sum to zero."""
    return divided_by_weights(typing, "normalize")


def divided_by_weights(typing: Typing, option: str) -> Typed:
    """Return the first operand's type; weights must not sum to zero where `option` says to divide by their sum."""
    where = no_sum(typing, 1e-8) if typing.options.get(option) is True else None
    if where is not None:
        message = f"the weights sum to 0{where}, and with `{option} = true` everything is divided by that"
        return (Fault("E284", message, f"change a weight, or set `{option} = false`", "weights"),)
    return typing.operands[0]


def no_sum(typing: Typing, small: float) -> str | None:
    """Return where weights sum to nothing, " for `TENSOR`", or "" for everywhere; None where they sum to something.

    Of a model whose tensors nobody knows yet what schedules sum to is said by the step.
    """
    weights = typing.options.get("weights")
    if not isinstance(weights, tuple):
        return None
    if not any(isinstance(each, Schedule) for each in weights):
        numbers = [each for each in weights if isinstance(each, int | float)]
        return "" if len(numbers) == len(weights) and abs(fsum(numbers)) < small else None
    found = [tensor for tensor, each in over_tensors(typing.operands[0], weights) if abs(fsum(each)) < small]
    if not found:
        return None
    more = f" and {len(found) - 1} other tensors" if len(found) > 2 else f" and `{found[1]}`" if found[1:] else ""
    return f" for `{short(found[0])}`{more}"
