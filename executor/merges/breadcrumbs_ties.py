"""Differences without outliers and small elements, sign-elected. Out: `breadcrumbs_ties`, and its kernel.

Formula: of each difference is kept what `breadcrumbs` keeps, d'_i; then each element elects a sign, and what has it is
summed as in `ties`:

    result = base + lambda (sum over E of w_i d'_i) / N,   N = sum over E of w_i with `normalize`, else 1

Source: arXiv 2312.06795 and 2306.01708, as mergekit 0.1.5 has it in `merge_methods/generalized_task_arithmetic.py`.

When to use it: like `breadcrumbs`, where the models' differences contradict each other. Three readings of a tensor.

Example:

    model m = breadcrumbs_ties(instruct: 0.5, cpt(base): 0.5, base = base, density = 0.85, gamma = 0.01)
"""

from __future__ import annotations

from ladle.dsl.signature import Operands, Operator, Role, Sort
from ladle.executor.density import GAMMA, density_type
from ladle.executor.merge import BASE, DENSITY, ENGINES, LAMBDA, PROGRAM, WEIGHT, normalize, rescale
from ladle.executor.weights.deltas import added, without_outliers
from ladle.executor.weights.kernel import Call, Plan

OPERATOR = Operator(
    name="breadcrumbs_ties",
    role=Role.MERGE,
    version=1,
    text="the base plus differences without largest and smallest elements, summed where they have the elected sign",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=1, weighted="may", weight_type=WEIGHT),
    options=(BASE, DENSITY, GAMMA, normalize(False), rescale(False), LAMBDA),
    engines=ENGINES,
    needs_base=True,
    typed=density_type,
    program=PROGRAM,
)


def kernel(call: Call) -> Plan:
    """Drop the largest and the smallest, elect, sum."""
    kept = yield from without_outliers(call)
    return (yield from added(call, kept, elect=True, rescale=call.flag("rescale")))
