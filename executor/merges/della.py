"""Differences dropped at random, small elements sooner, sign-elected (Deep et al. 2024). Out: `della`, and its kernel.

Formula: each difference keeps elements at random and is rescaled as in `della_linear`, s_i m_i d_i; then each element
elects a sign, and what has it is summed as in `ties`:

    result = base + lambda (sum over E of w_i s_i m_i d_i) / N,   N = sum over E of w_i with `normalize`, else 1

Source: arXiv 2406.11617, as mergekit 0.1.5 has it in `merge_methods/generalized_task_arithmetic.py`.

When to use it: like `dare_ties`, where large changes should rather stay. Two readings of a tensor, one sort of each row
in both.

Example:

    model m = della(instruct: 0.5, cpt(base): 0.5, base = base, density = 0.5, epsilon = 0.2)
"""

from __future__ import annotations

from ladle.dsl.signature import Operands, Operator, Role, Sort
from ladle.executor.density import EPSILON, SEED, density_type
from ladle.executor.merge import BASE, DENSITY, ENGINES, LAMBDA, PROGRAM, WEIGHT, normalize, rescale
from ladle.executor.weights.deltas import added, at_random_by_rank
from ladle.executor.weights.kernel import Call, Plan

OPERATOR = Operator(
    name="della",
    role=Role.MERGE,
    version=1,
    text="the base plus differences dropped at random, small elements sooner, summed where they have the elected sign",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=1, weighted="may", weight_type=WEIGHT),
    options=(BASE, DENSITY, EPSILON, normalize(True), rescale(True), LAMBDA, SEED),
    engines=ENGINES,
    needs_base=True,
    typed=density_type,
    program=PROGRAM,
)


def kernel(call: Call) -> Plan:
    """Drop at random by rank, rescale, elect, sum."""
    kept = at_random_by_rank(call)
    return (yield from added(call, kept, elect=True, rescale=call.flag("rescale")))
