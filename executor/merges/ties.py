"""Trimmed, sign-elected differences (Yadav et al. 2023). Out: the declaration of `ties`."""

from ladle.dsl.signature import Operands, Operator, Role, Sort
from ladle.executor.merge import BASE, DENSITY, ENGINES, LAMBDA, PROGRAM, WEIGHT, normalize, rescale, weighted_type

OPERATOR = Operator(
    name="ties",
    role=Role.MERGE,
    version=1,
    text="the base plus differences trimmed to their largest elements, summed where they agree with the elected sign",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=1, weighted="may", weight_type=WEIGHT),
    options=(BASE, DENSITY, normalize(True), rescale(False), LAMBDA),
    engines=ENGINES,
    needs_base=True,
    typed=weighted_type,
    program=PROGRAM,
)
