"""A random order. Out: the declaration of `shuffle`."""

from ladle.dsl.signature import Operator, Role
from ladle.executor.transform import ONE, SEED

OPERATOR = Operator(
    name="shuffle",
    role=Role.TRANSFORM,
    version=1,
    text="put the rows into a random order",
    operands=ONE,
    options=(SEED,),
    keeps_rows=True,
    program="ladle.executor.corpus.shuffle",
)
