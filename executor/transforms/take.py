"""The first rows. Out: the declaration of `take`."""

from ladle.dsl.signature import REQUIRED, Number, Operator, Option, Role
from ladle.executor.transform import ONE

OPERATOR = Operator(
    name="take",
    role=Role.TRANSFORM,
    version=1,
    text="keep the first rows",
    operands=ONE,
    options=(
        Option("rows", Number(low=1, integer=True), REQUIRED, "how many; all where there are fewer", positional=True),
    ),
    program="ladle.executor.corpus.take",
)
