"""Weighted sum of models. Out: the declaration of `linear`."""

from __future__ import annotations

from ladle.dsl.signature import Operands, Operator, Role, Sort
from ladle.executor.merge import ENGINES, PROGRAM, WEIGHT, normalize, weighted_type
from ladle.executor.weights.kernel import Call, Combine
from ladle.executor.weights.statistics import normalized, weighted

OPERATOR = Operator(
    name="linear",
    role=Role.MERGE,
    version=2,
    text="weighted mean of models",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=2, weighted="must", weight_type=WEIGHT),
    options=(normalize(True),),
    engines=ENGINES,
    typed=weighted_type,
    program=PROGRAM,
)


def kernel(call: Call) -> Combine:
    """The sum of the operands, each times its weight, divided by the sum of the weights where `normalize` is true."""
    weights = call.each("weights")
    return weighted(normalized(call, weights) if call.flag("normalize") else weights)
