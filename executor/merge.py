"""What merge methods share. In: nothing. Out: options, engines, and the program that computes a merge."""

from __future__ import annotations

from ladle.dsl.signature import REQUIRED, Flag, Number, Option, Reference, Scheduled, Sort

ENGINES = ("mergekit", "torch")
PROGRAM = "ladle.executor.weights.merge"

WEIGHT = Number()
"""The type of an operand's weight."""

T = Option(
    "t",
    Scheduled(0, 1),
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
