"""Rounding between merges. Out: the declaration of `round`."""

from ladle.dsl.signature import REQUIRED, Operands, Operator, Option, Role, Sort, Word
from ladle.executor.merge import ENGINES, PROGRAM

OPERATOR = Operator(
    name="round",
    role=Role.MERGE,
    version=1,
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
