"""One model, its tensors scaled. Out: `passthrough`.

Formula:

    result = scale a

With a schedule for `scale` some modules are scaled and others are not; a scale of 1 changes nothing.

Source: mergekit 0.1.5, `merge_methods/passthrough.py`.

When to use it: to damp or silence a module, as in studies of what it does (`scale = {o_proj: 0, else: 1}`).

Example:

    model m = passthrough(instruct, scale = {o_proj: [1, 0.5], down_proj: [1, 0.5], else: 1})
"""

from __future__ import annotations

from ladle.dsl.signature import Operands, Operator, Option, Role, Sort
from ladle.executor.merge import ANY, PROGRAM
from ladle.executor.weights.kernel import Call, Combine
from ladle.executor.weights.statistics import weighted

SCALE = Option("scale", ANY, 1.0, "what every weight of a tensor is multiplied by", field="scale")

OPERATOR = Operator(
    name="passthrough",
    role=Role.MERGE,
    version=1,
    text="one model, each tensor scaled",
    operands=Operands((Sort.MODEL,), minimum=1),
    options=(SCALE,),
    engines=("torch",),
    program=PROGRAM,
)


def kernel(call: Call) -> Combine:
    """Scale the tensor."""
    return weighted((call.number("scale"),))
