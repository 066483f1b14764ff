"""The model of a family that does best on a benchmark. Out: the declaration of `best`."""

from ladle.dsl.signature import Operands, Operator, Role, Sort
from ladle.executor.choice import ON

OPERATOR = Operator(
    name="best",
    role=Role.CHOICE,
    version=1,
    text="the model of a family or list that scores best on a benchmark, the first among equals; decided when the "
    "scores are there, and recorded with them",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=2, family=True),
    options=(ON,),
    program="ladle.executor.choosing.best",
)
