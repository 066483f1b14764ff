"""Weighted sum of models. Out: the declaration of `linear`, and its kernel.

Formula, where N is the sum of the weights w_i, or 1 with `normalize = false`:

    sum_i w_i a_i / N

Weights may follow schedules; they are divided by their sum tensor by tensor.

Source: model soups, arXiv 2203.05482, as mergekit 0.1.5 has it in `merge_methods/linear.py`.

When to use it: for models of one base that lie near each other; the plainest merge, and the one to beat.

Example:

    model m = linear(instruct: 0.7, cpt(base): 0.3)
    model n = linear(instruct: {self_attn: [1, 0.2], else: 0.5}, cpt(base): 0.5)
"""

from __future__ import annotations

from ladle.dsl.signature import Operands, Operator, Role, Sort
from ladle.executor.merge import ENGINES, PROGRAM, WEIGHT, normalize, weighted_type
from ladle.executor.weights.kernel import Call, Combine
from ladle.executor.weights.statistics import normalized, weighted

OPERATOR = Operator(
    name="linear",
    role=Role.MERGE,
    version=2,
    text="weighted mean of models",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=2, weighted="must", weight_type=WEIGHT),
    options=(normalize(True),),
    engines=ENGINES,
    typed=weighted_type,
    program=PROGRAM,
)


def kernel(call: Call) -> Combine:
    """The sum of the operands, each times its weight, divided by the sum of the weights where `normalize` is true."""
    weights = call.each("weights")
    return weighted(normalized(call, weights) if call.flag("normalize") else weights)
