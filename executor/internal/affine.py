"""Model arithmetic after lowering. Out: the declaration of `affine`."""

from math import inf

from ladle.dsl.signature import REQUIRED, Operands, Operator, Option, Role, Scheduled, Sort
from ladle.executor.weights.modules import LAYERED, MODULES

OPERATOR = Operator(
    name="affine",
    role=Role.INTERNAL,
    version=1,
    text="a sum of models with coefficients, each a number times an optional schedule",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=1),
    options=(
        Option(
            "coefficients",
            Scheduled(-inf, inf, MODULES, LAYERED),
            REQUIRED,
            "one list per input of `[number, schedule or null]` products, which are summed; written by lowering alone",
        ),
    ),
    engines=("mergekit", "torch"),
    program="ladle.executor.weights.merge",
)
