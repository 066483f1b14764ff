"""Linear interpolation of two models. Out: the declaration of `lerp`."""

from __future__ import annotations

from ladle.dsl.signature import Operands, Operator, Role, Sort
from ladle.executor.merge import ENGINES, PROGRAM, T
from ladle.executor.weights.kernel import Call, Combine
from ladle.executor.weights.statistics import weighted

OPERATOR = Operator(
    name="lerp",
    role=Role.MERGE,
    version=2,
    text="linear interpolation of two models: (1 - t) a + t b",
    operands=Operands((Sort.MODEL, Sort.MODEL), minimum=2),
    options=(T,),
    engines=ENGINES,
    program=PROGRAM,
)


def kernel(call: Call) -> Combine:
    """(1 - t) a + t b."""
    t = call.number("t")
    return weighted((1 - t, t))
