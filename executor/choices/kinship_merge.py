"""Greedy merging with an eye on kinship (Hu et al. 2024, arXiv 2410.12613). Out: the declaration of `kinship_merge`."""

from ladle.dsl.signature import Number, Operands, Operator, Option, Role, Sort
from ladle.executor.choice import ON
from ladle.executor.merge import BASE

K = Option("k", Number(low=2, high=16, integer=True), 2, "how many of the best models so far are merged in pairs")
ROUNDS = Option("rounds", Number(low=1, high=32, integer=True), 4, "most rounds of merging")

OPERATOR = Operator(
    name="kinship_merge",
    role=Role.CHOICE,
    version=1,
    text="merges of merges: in each round the best models in pairs, and the best with the one least akin to it, until "
    "the best stay the same",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=2, family=True),
    options=(ON, BASE, K, ROUNDS),
    engines=("torch", "transformers"),
    needs_base=True,
    rescores=True,
    program="ladle.executor.choosing.kinship_merge",
)
