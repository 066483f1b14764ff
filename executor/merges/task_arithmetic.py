"""Sum of weighted differences from a base (Ilharco et al. 2022). Out: `task_arithmetic`, and its kernel.

Formula, with d_i = operand i - base and w_i the weights:

    result = base + lambda (sum of w_i d_i) / N,   N = sum of w_i with `normalize`, else 1

Source: arXiv 2212.04089, as mergekit 0.1.5 has it in `merge_methods/generalized_task_arithmetic.py`.

When to use it: to add what several models learned over one base, or with a negative weight to take it away. One
reading of a tensor.

Example:

    model m = task_arithmetic(instruct: 1, cpt(base): 0.5, base = base)
"""

from __future__ import annotations

from ladle.dsl.signature import Operands, Operator, Role, Sort
from ladle.executor.merge import BASE, ENGINES, LAMBDA, PROGRAM, WEIGHT, normalize, weighted_type
from ladle.executor.weights.deltas import WHOLE, added
from ladle.executor.weights.kernel import Call, Plan

OPERATOR = Operator(
    name="task_arithmetic",
    role=Role.MERGE,
    version=2,
    text="the base plus the weighted sum of the operands' differences from it",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=1, weighted="may", weight_type=WEIGHT),
    options=(BASE, normalize(False), LAMBDA),
    engines=ENGINES,
    needs_base=True,
    typed=weighted_type,
    program=PROGRAM,
)


def kernel(call: Call) -> Plan:
    """The base plus the weighted sum of the differences."""
    return (yield from added(call, [WHOLE] * call.operands))
