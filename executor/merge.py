"""What merge methods share. In: nothing. Out: options, engines, and the program that computes a merge."""

from __future__ import annotations

from ladle.dsl.signature import REQUIRED, Fault, Flag, Number, Option, Reference, Scheduled, Sort, Typed, Typing
from ladle.executor.weights.modules import LAYERED, MODULES

ENGINES = ("mergekit", "torch")
PROGRAM = "ladle.executor.weights.merge"

WEIGHT = Number()
"""The type of an operand's weight."""

T = Option(
    "t",
    Scheduled(0, 1, MODULES, LAYERED),
    REQUIRED,
    "place between the operands, 0 is the first and 1 the second: a number, or a map from module names to numbers or "
    "lists over depth, with `else`",
    field="t",
)

BASE = Option(
    "base",
    Reference(Sort.MODEL),
    REQUIRED,
    "the model that the operands' differences are taken from",
    field="base_model",
)

DENSITY = Option(
    "density",
    Number(low=0, high=1, open_low=True),
    1.0,
    "share of each difference's elements that is kept",
    field="density",
    each=True,
)

LAMBDA = Option("lambda", Number(), 1.0, "factor of the merged difference", field="lambda")


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
    weights = typing.options.get("weights")
    numbers = [float(item) for item in weights if isinstance(item, int | float)] if isinstance(weights, tuple) else []
    if numbers and typing.options.get("normalize") is True and abs(sum(numbers)) < 1e-8:
        message = "the weights sum to 0, and with `normalize = true` everything is divided by that"
        return (Fault("E284", message, "change a weight, or set `normalize = false`"),)
    return typing.operands[0]
