"""The mean of the models that help each other (Wortsman et al. 2022). Out: the declaration of `greedy_soup`."""

from ladle.dsl.signature import Operands, Operator, Role, Sort
from ladle.executor.choice import ON

OPERATOR = Operator(
    name="greedy_soup",
    role=Role.CHOICE,
    version=1,
    text="the mean of models, best first, each taken in where the score of the mean on a benchmark does not fall",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=2, family=True),
    options=(ON,),
    engines=("torch", "transformers"),
    rescores=True,
    program="ladle.executor.choosing.greedy_soup",
)
