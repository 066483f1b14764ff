"""Greedy merging with an eye on kinship (Hu et al. 2024, arXiv 2410.12613). Out: the declaration of `kinship_merge`.

Formula, where d is a model minus the base over all weights, and merge is `slerp` at t = 0.5:

    kinship(a, b) = d_a . d_b / (|d_a| |d_b|)
    first round:  merge every two of the members
    each round:   S = the k best of members and merged models so far; merge every two of S, and the best of S with
                  the one of S and the members that has the least kinship to it
    result = the best of all, once S stays the same, or after `rounds`

Models are merged as they lie in files, as in the paper. Where its listing explores the most akin model, its text and
its experiment take the least akin one, and so does this. The first round scores n (n - 1) / 2 models, each later one at
most k (k - 1) / 2 + 1; `choice.json` records each.

Source: Hu et al., "Exploring model kinship for merging large language models" (arXiv 2410.12613).

When to use it: where several models of one base are at hand and scoring is cheap. It is never below its best member on
the benchmark that decides; that the exploring merge helps was not examined here.

Example:

    benchmark dev: choice { on = jsonl("corpora/bench/dev.jsonl") }
    model read[rate in [1e-5, 2e-5, 4e-5]] = base | cpt with { cpt.lr = rate }
    model m = kinship_merge(read, base = base, on = dev, k = 2, rounds = 2)
    evaluate table { models = [base, m]  on = [silk] }
"""

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
