"""Model arithmetic after lowering. Out: the declaration of `affine`."""

from __future__ import annotations

from math import inf

from ladle.dsl.signature import REQUIRED, Operands, Operator, Option, Role, Scheduled, Sort
from ladle.executor.weights.kernel import Call, Combine
from ladle.executor.weights.modules import LAYERED, MODULES
from ladle.executor.weights.statistics import coefficients, weighted

OPERATOR = Operator(
    name="affine",
    role=Role.INTERNAL,
    version=2,
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
    engines=("torch",),
    program="ladle.executor.weights.merge",
)


def kernel(call: Call) -> Combine:
    """The sum of the operands, each times the sum of its products."""
    return weighted(coefficients(call))
