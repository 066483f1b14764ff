"""Uniform mean of a family of models (Wortsman et al. 2022). Out: the declaration of `soup`, and its kernel.

Formula, for k models:

    sum_i a_i / k

Source: model soups, arXiv 2203.05482; mergekit's `linear` with equal weights.

When to use it: for one training under several seeds or settings. `greedy_soup` takes in only what a benchmark favours.

Example:

    model trained[k in 1..3] = base | sft(seed = k)
    model m = soup(trained)
"""

from __future__ import annotations

from ladle.dsl.signature import Operands, Operator, Role, Sort
from ladle.executor.merge import ENGINES, PROGRAM
from ladle.executor.weights.kernel import Call, Combine
from ladle.executor.weights.statistics import weighted

OPERATOR = Operator(
    name="soup",
    role=Role.MERGE,
    version=2,
    text="the mean of a family or list of models",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=2, family=True),
    engines=ENGINES,
    program=PROGRAM,
)


def kernel(call: Call) -> Combine:
    """The sum of the operands divided by their number."""
    return weighted((1 / call.operands,) * call.operands)
