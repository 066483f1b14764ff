"""Every n-th row. Out: the declaration of `every`."""

from ladle.dsl.signature import REQUIRED, Number, Operator, Option, Role
from ladle.executor.transform import ONE

OPERATOR = Operator(
    name="every",
    role=Role.TRANSFORM,
    version=1,
    text="keep every n-th row, beginning with the first",
    operands=ONE,
    options=(Option("n", Number(low=2, integer=True), REQUIRED, "the distance between kept rows", positional=True),),
    program="ladle.executor.corpus.every",
)
