"""A merge that mergekit itself computes. Out: the declaration of `mergekit`.

Formula:

    that of the merge within, in mergekit's arithmetic; each merge within that one in float32

It is another computation than the merge alone: mergekit rounds otherwise, and draws other random elements.

Source: mergekit 0.1.5, run in a process of its own.

When to use it: to repeat what others made with mergekit, and to compare.

Example:

    model m = mergekit(slerp(cpt(base), instruct, t = 0.5))
"""

from ladle.dsl.signature import Operands, Operator, Role, Sort

OPERATOR = Operator(
    name="mergekit",
    role=Role.MERGE,
    version=1,
    text="a merge, with the merges within it, computed by mergekit instead of the native engine",
    operands=Operands((Sort.MODEL,), minimum=1),
    engines=("mergekit", "torch", "transformers"),
    whole=True,
    wraps=True,
    program="ladle.executor.mergekit.merge",
)
