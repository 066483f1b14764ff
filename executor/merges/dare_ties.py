"""Randomly dropped, rescaled, sign-elected differences (Yu et al. 2023). Out: `dare_ties`, and its kernel.

Formula: each difference keeps elements at random and is rescaled as in `dare_linear`, s_i m_i d_i; then each element
elects a sign, and what has it is summed as in `ties`:

    result = base + lambda (sum over E of w_i s_i m_i d_i) / N,   N = sum over E of w_i with `normalize`, else 1

Source: arXiv 2311.03099 and 2306.01708, as mergekit 0.1.5 has it in `merge_methods/generalized_task_arithmetic.py`.

When to use it: like `ties`, where which elements matter is not seen by their size. Two readings of a tensor.

Example:

    model m = dare_ties(instruct: 0.5, cpt(base): 0.5, base = base, density = 0.3, seed = 7)
"""

from __future__ import annotations

from ladle.dsl.signature import Operands, Operator, Role, Sort
from ladle.executor.density import SEED
from ladle.executor.merge import BASE, DENSITY, ENGINES, LAMBDA, PROGRAM, WEIGHT, normalize, rescale, weighted_type
from ladle.executor.weights.deltas import added, at_random
from ladle.executor.weights.kernel import Call, Plan

OPERATOR = Operator(
    name="dare_ties",
    role=Role.MERGE,
    version=4,
    text="the base plus differences with elements dropped at random, summed where they agree with the elected sign",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=1, weighted="may", weight_type=WEIGHT),
    options=(BASE, DENSITY, normalize(False), rescale(True), LAMBDA, SEED),
    engines=ENGINES,
    needs_base=True,
    typed=weighted_type,
    program=PROGRAM,
)


def kernel(call: Call) -> Plan:
    """Drop at random, rescale, elect, sum."""
    kept = at_random(call)
    return (yield from added(call, kept, elect=True, rescale=call.flag("rescale")))
