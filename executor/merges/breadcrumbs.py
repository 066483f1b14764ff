"""Differences without outliers and small elements (Davari and Belilovsky 2023). Out: `breadcrumbs`, and its kernel.

Formula, with d_i = operand i - base, of which the share `gamma` of largest magnitude is dropped, and the share
`density` that comes next is kept: d'_i.

    result = base + lambda (sum of w_i d'_i) / N,   N = sum of w_i with `normalize`, else 1

Elements equal in magnitude to the largest or the least that is kept are kept too. A `density` of 1 keeps all. Where
`gamma + density` is more than 1 mergekit drops less without a word; here that is an error.

Source: arXiv 2312.06795, as mergekit 0.1.5 has it in `merge_methods/generalized_task_arithmetic.py`.

When to use it: for many models over one base, whose few largest changes would disturb each other. Three readings of a
tensor, none sorted.

Example:

    model m = breadcrumbs(instruct: 0.5, cpt(base): 0.5, base = base, density = 0.85, gamma = 0.01)
"""

from __future__ import annotations

from ladle.dsl.signature import Operands, Operator, Role, Sort
from ladle.executor.density import GAMMA, density_type
from ladle.executor.merge import BASE, DENSITY, ENGINES, LAMBDA, PROGRAM, WEIGHT, normalize, rescale
from ladle.executor.weights.deltas import added, without_outliers
from ladle.executor.weights.kernel import Call, Plan

OPERATOR = Operator(
    name="breadcrumbs",
    role=Role.MERGE,
    version=1,
    text="the base plus the weighted sum of differences without their largest and smallest elements",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=1, weighted="may", weight_type=WEIGHT),
    options=(BASE, DENSITY, GAMMA, normalize(False), rescale(False), LAMBDA),
    engines=ENGINES,
    needs_base=True,
    typed=density_type,
    program=PROGRAM,
)


def kernel(call: Call) -> Plan:
    """Drop the largest and the smallest, sum."""
    kept = yield from without_outliers(call)
    return (yield from added(call, kept, rescale=call.flag("rescale")))
