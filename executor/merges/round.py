"""Rounding between merges. Out: the declaration of `round`, and its kernel.

Formula:

    the nearest number of the precision, to even where two are as near

A merge within a merge is computed in float32 and rounded once, at the end; `round` says where it is rounded before, as
a chain of files is. The result of a recipe has the element type of its first operand, or what that is rounded to.

Source: IEEE 754, round to nearest, ties to even.

When to use it: to repeat a chain of merges that another tool made through files, or to write another element type.

Example:

    model m = slerp(instruct, round(cpt(base), bf16), t = 0.5)
"""

from __future__ import annotations

from ladle.dsl.signature import REQUIRED, Operands, Operator, Option, Role, Sort, Word
from ladle.executor.merge import ENGINES, PROGRAM
from ladle.executor.weights.kernel import Call, Combine

OPERATOR = Operator(
    name="round",
    role=Role.MERGE,
    version=2,
    text="a model rounded to a precision; within a merge its values, for merges that are chained through files",
    operands=Operands((Sort.MODEL,), minimum=1),
    options=(
        Option(
            "precision", Word(("bf16", "fp16", "fp32")), REQUIRED, "what it is rounded to", "dtype", positional=True
        ),
    ),
    engines=ENGINES,
    program=PROGRAM,
)


def kernel(call: Call) -> Combine:
    """The values of the operand that the precision has."""
    match call.word("precision"):
        case "bf16":
            return lambda piece: piece.models[0].bfloat16().float()
        case "fp16":
            return lambda piece: piece.models[0].half().float()
        case _:
            return lambda piece: piece.models[0]
