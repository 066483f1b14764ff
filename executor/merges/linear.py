"""Weighted sum of models. Out: the declaration of `linear`."""

from ladle.dsl.signature import Operands, Operator, Role, Sort
from ladle.executor.merge import ENGINES, PROGRAM, WEIGHT, normalize, weighted_type

OPERATOR = Operator(
    name="linear",
    role=Role.MERGE,
    version=1,
    text="weighted mean of models",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=2, weighted="must", weight_type=WEIGHT),
    options=(normalize(True),),
    engines=ENGINES,
    typed=weighted_type,
    program=PROGRAM,
)
