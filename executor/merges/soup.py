"""Uniform mean of a family of models (Wortsman et al. 2022). Out: the declaration of `soup`."""

from ladle.dsl.signature import Operands, Operator, Role, Sort
from ladle.executor.merge import ENGINES, PROGRAM

OPERATOR = Operator(
    name="soup",
    role=Role.MERGE,
    version=1,
    text="the mean of a family or list of models",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=2, family=True),
    engines=ENGINES,
    program=PROGRAM,
)
