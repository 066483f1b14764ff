"""Differences dropped at random, small elements sooner (Deep et al. 2024). Out: `della_linear`, and its kernel.

Formula, with d_i = operand i - base, and r the rank of a magnitude among the c of its row, 0 the least:

    p = density - epsilon + 2 epsilon r / (c - 1)                  (density, in a row of one)
    result = base + lambda (sum of w_i s_i m_i d_i) / N,           m_i = 1 with probability p, else 0

with s_i and N as in `dare_linear`. A row is the last dimension of a tensor (mergekit takes the second of three). Of
equal magnitudes the later has the higher rank.

Source: arXiv 2406.11617, as mergekit 0.1.5 has it in `merge_methods/generalized_task_arithmetic.py`.

When to use it: like `dare_linear`, where large changes should rather stay. Two readings of a tensor, one sort of each
row in both.

Example:

    model m = della_linear(instruct: 0.5, cpt(base): 0.5, base = base, density = 0.5, epsilon = 0.2)
"""

from __future__ import annotations

from ladle.dsl.signature import Operands, Operator, Role, Sort
from ladle.executor.density import EPSILON, SEED, density_type
from ladle.executor.merge import BASE, DENSITY, ENGINES, LAMBDA, PROGRAM, WEIGHT, normalize, rescale
from ladle.executor.weights.deltas import added, at_random_by_rank
from ladle.executor.weights.kernel import Call, Plan

OPERATOR = Operator(
    name="della_linear",
    role=Role.MERGE,
    version=1,
    text="the base plus the weighted sum of differences dropped at random, small elements sooner",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=1, weighted="may", weight_type=WEIGHT),
    options=(BASE, DENSITY, EPSILON, normalize(False), rescale(True), LAMBDA, SEED),
    engines=ENGINES,
    needs_base=True,
    typed=density_type,
    program=PROGRAM,
)


def kernel(call: Call) -> Plan:
    """Drop at random by rank, rescale, sum."""
    kept = at_random_by_rank(call)
    return (yield from added(call, kept, rescale=call.flag("rescale")))
