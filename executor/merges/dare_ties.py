"""Randomly dropped, rescaled, sign-elected differences (Yu et al. 2023). Out: the declaration of `dare_ties`."""

from ladle.dsl.signature import Number, Operands, Operator, Option, Role, Sort
from ladle.executor.merge import BASE, DENSITY, ENGINES, LAMBDA, PROGRAM, WEIGHT, normalize, rescale, weighted_type

SEED = Option("seed", Number(low=0, high=2**32 - 1, integer=True), 42, "what the dropped elements are drawn from")

OPERATOR = Operator(
    name="dare_ties",
    role=Role.MERGE,
    version=1,
    text="the base plus differences with elements dropped at random, summed where they agree with the elected sign",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=1, weighted="may", weight_type=WEIGHT),
    options=(BASE, DENSITY, normalize(False), rescale(True), LAMBDA, SEED),
    engines=ENGINES,
    needs_base=True,
    typed=weighted_type,
    program=PROGRAM,
)
