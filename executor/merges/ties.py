"""Trimmed, sign-elected differences (Yadav et al. 2023). Out: `ties`, and its kernel.

Formula, with d_i = operand i - base, of which the share `density` of largest magnitude is kept: d'_i. Each element
elects the sign of sum_i w_i d'_i (+ where that is 0); E are the operands whose d'_i has it there:

    result = base + lambda (sum over E of w_i d'_i) / N,   N = sum over E of w_i with `normalize`, else 1

N counts as 1 where it is 0. Elements equal in magnitude to the last one kept are kept too. With `rescale` d'_i is
scaled to the sum of magnitudes of d_i.

Source: arXiv 2306.01708, as mergekit 0.1.5 has it in `merge_methods/generalized_task_arithmetic.py`.

When to use it: for models of different tasks over one base, whose differences would cancel in a plain sum. Three
readings of a tensor, none sorted.

Example:

    model m = ties(instruct: 0.5, cpt(base): 0.5, base = base, density = 0.3)
"""

from __future__ import annotations

from ladle.dsl.signature import Operands, Operator, Role, Sort
from ladle.executor.merge import BASE, DENSITY, ENGINES, LAMBDA, PROGRAM, WEIGHT, normalize, rescale, weighted_type
from ladle.executor.weights.deltas import added, by_magnitude
from ladle.executor.weights.kernel import Call, Plan

OPERATOR = Operator(
    name="ties",
    role=Role.MERGE,
    version=2,
    text="the base plus differences trimmed to their largest elements, summed where they agree with the elected sign",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=1, weighted="may", weight_type=WEIGHT),
    options=(BASE, DENSITY, normalize(True), rescale(False), LAMBDA),
    engines=ENGINES,
    needs_base=True,
    typed=weighted_type,
    program=PROGRAM,
)


def kernel(call: Call) -> Plan:
    """Trim, elect, sum."""
    kept = yield from by_magnitude(call)
    return (yield from added(call, kept, elect=True, rescale=call.flag("rescale")))
