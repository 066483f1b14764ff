"""Linear interpolation of two models. Out: the declaration of `lerp`."""

from ladle.dsl.signature import Operands, Operator, Role, Sort
from ladle.executor.merge import ENGINES, PROGRAM, T

OPERATOR = Operator(
    name="lerp",
    role=Role.MERGE,
    version=1,
    text="linear interpolation of two models: (1 - t) a + t b",
    operands=Operands((Sort.MODEL, Sort.MODEL), minimum=2),
    options=(T,),
    engines=ENGINES,
    program=PROGRAM,
)
