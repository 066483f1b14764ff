"""The mean of the models that help each other (Wortsman et al. 2022). Out: the declaration of `greedy_soup`.

Formula, over the models m_1, m_2, ... with the best score on the benchmark first:

    S = {m_1};  for i = 2, 3, ...: S becomes S + m_i where score(mean of S + m_i) is no worse than score(mean of S)
    result = mean of S

A mean is that of `soup`, rounded as its first model's file. Each is scored on the benchmark: of n models n - 1 means.
`choice.json` records each of them, and what was taken.

Source: Wortsman et al., "Model soups", ICML 2022 (arXiv 2203.05482), recipe 1.

When to use it: for several trainings of one start that differ in seed, rate or rows. It is never below its best member
on the benchmark that decides, which says nothing of others; a table that reports it on those rows says `as = dev`.

Example:

    benchmark dev: choice { on = jsonl("corpora/bench/dev.jsonl") }
    model read[rate in [1e-5, 2e-5, 4e-5]] = base | cpt with { cpt.lr = rate }
    model m = greedy_soup(read, on = dev)
    evaluate table { models = [base, m]  on = [silk] }
"""

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
