"""Linear interpolation of two models. Out: the declaration of `lerp`, and its kernel.

Formula:

    (1-t) a + t b

Source: mergekit 0.1.5, `merge_methods/linear.py`, with weights 1-t and t; WiSE-FT, arXiv 2109.01903.

When to use it: in place of `linear` where the weights follow a schedule and sum to 1, and to compare with `slerp`.

Example:

    model m = lerp(instruct, cpt(base), t = 0.3)
"""

from __future__ import annotations

from ladle.dsl.signature import Operands, Operator, Role, Sort
from ladle.executor.merge import ENGINES, PROGRAM, T
from ladle.executor.weights.kernel import Call, Combine
from ladle.executor.weights.statistics import weighted

OPERATOR = Operator(
    name="lerp",
    role=Role.MERGE,
    version=2,
    text="linear interpolation of two models: (1 - t) a + t b",
    operands=Operands((Sort.MODEL, Sort.MODEL), minimum=2),
    options=(T,),
    engines=ENGINES,
    program=PROGRAM,
)


def kernel(call: Call) -> Combine:
    """(1 - t) a + t b."""
    t = call.number("t")
    return weighted((1 - t, t))
