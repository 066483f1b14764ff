"""Randomly dropped, rescaled differences (Yu et al. 2023). Out: `dare_linear`, and its kernel.

Formula, with d_i = operand i - base, and m_i a mask that is 1 with probability `density`, else 0:

    result = base + lambda (sum of w_i s_i m_i d_i) / N,   N = sum of w_i with `normalize`, else 1
    s_i = |d_i|_1 / |m_i d_i|_1 over the tensor with `rescale`, else 1

The paper scales by 1 / density, which s_i is on average. As in mergekit a sum below 1e-7 is not rescaled.
The mask follows from `seed`, the tensor's name and the operand's place, not from threads.

Source: arXiv 2311.03099, as mergekit 0.1.5 has it in `merge_methods/generalized_task_arithmetic.py`.

When to use it: like `task_arithmetic`, where models changed the same elements: most of a fine-tune's change can be
dropped at random. Two readings of a tensor.

Example:

    model m = dare_linear(instruct: 0.5, cpt(base): 0.5, base = base, density = 0.3)
"""

from __future__ import annotations

from ladle.dsl.signature import Operands, Operator, Role, Sort
from ladle.executor.density import SEED
from ladle.executor.merge import BASE, DENSITY, ENGINES, LAMBDA, PROGRAM, WEIGHT, normalize, rescale, weighted_type
from ladle.executor.weights.deltas import added, at_random
from ladle.executor.weights.kernel import Call, Plan

OPERATOR = Operator(
    name="dare_linear",
    role=Role.MERGE,
    version=3,
    text="the base plus the weighted sum of differences with elements dropped at random",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=1, weighted="may", weight_type=WEIGHT),
    options=(BASE, DENSITY, normalize(False), rescale(True), LAMBDA, SEED),
    engines=ENGINES,
    needs_base=True,
    typed=weighted_type,
    program=PROGRAM,
)


def kernel(call: Call) -> Plan:
    """Drop at random, rescale, sum."""
    kept = at_random(call)
    return (yield from added(call, kept, rescale=call.flag("rescale")))
