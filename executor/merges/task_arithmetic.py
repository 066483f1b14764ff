"""Sum of weighted differences from a base (Ilharco et al. 2022). Out: the declaration of `task_arithmetic`."""

from ladle.dsl.signature import Operands, Operator, Role, Sort
from ladle.executor.merge import BASE, ENGINES, LAMBDA, PROGRAM, WEIGHT, normalize, weighted_type

OPERATOR = Operator(
    name="task_arithmetic",
    role=Role.MERGE,
    version=1,
    text="the base plus the weighted sum of the operands' differences from it",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=1, weighted="may", weight_type=WEIGHT),
    options=(BASE, normalize(False), LAMBDA),
    engines=ENGINES,
    needs_base=True,
    typed=weighted_type,
    program=PROGRAM,
)
