"""A model with its units in another's order (Ainsworth et al. 2022, arXiv 2209.04836). Out: `rebasin`.

Networks that were trained from different beginnings may be alike up to the order of their units; a mean of them as they
lie is of no use. Weight matching permutes the first operand's units, which changes no output, until the sum over all
tensors of <to, P operand> is as large as it gets. It is the permutation half of PLeaS (arXiv 2407.02447) where every
unit is matched; the half that solves for weights, and models that grow, are not made.

Example:

    model m = slerp(instruct, rebasin(cpt(base), to = instruct), t = 0.5)
"""

from ladle.dsl.signature import REQUIRED, Operands, Operator, Option, Reference, Role, Sort

TO = Option("to", Reference(Sort.MODEL), REQUIRED, "the model whose order of units is taken on")

OPERATOR = Operator(
    name="rebasin",
    role=Role.MERGE,
    version=2,
    text="the same model, with hidden units, attention heads and residual stream in the order of another one's",
    operands=Operands((Sort.MODEL,), minimum=1),
    options=(TO,),
    engines=("torch", "scipy"),
    whole=True,
    program="ladle.executor.weights.rebasin",
)
