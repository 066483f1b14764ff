"""Rows that are not elsewhere. Out: the declaration of `except`."""

from ladle.dsl.signature import REQUIRED, OneOf, Operator, Option, Reference, Role, Sort
from ladle.executor.transform import ONE

OPERATOR = Operator(
    name="except",
    role=Role.TRANSFORM,
    version=1,
    text="leave out the rows that are in another corpus, or that hold a benchmark's question; case, punctuation and "
    "spaces do not count, and a question of fewer than 5 words is met only as a whole text",
    operands=ONE,
    options=(
        Option(
            "rows",
            OneOf((Reference(Sort.CORPUS), Reference(Sort.BENCHMARK))),
            REQUIRED,
            "the corpus or benchmark whose rows are left out",
            positional=True,
        ),
    ),
    program="ladle.executor.corpus.exclusion",
)
