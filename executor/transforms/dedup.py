"""Rows that say the same once. Out: the declaration of `dedup`."""

from ladle.dsl.signature import Number, Operator, Option, Role
from ladle.executor.transform import ONE

OPERATOR = Operator(
    name="dedup",
    role=Role.TRANSFORM,
    version=1,
    text="keep the first of rows that are alike; case, punctuation and spaces do not count",
    operands=ONE,
    options=(
        Option(
            "threshold",
            Number(low=0.5, high=1),
            1.0,
            "how alike: the share of runs of 5 words that two rows have in common (Jaccard); 1: the same words",
        ),
    ),
    program="ladle.executor.corpus.dedup",
)
