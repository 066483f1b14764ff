"""A model with its units in another's order (Ainsworth et al. 2022, arXiv 2209.04836). Out: `rebasin`.

Formula, over the permutations P of units that change no output:

    result = P operand, with the sum over all tensors of <to, P operand> as large as weight matching finds

Networks that were trained from different beginnings may be alike up to the order of their units; a mean of them as they
lie is of no use. It is the permutation half of PLeaS (arXiv 2407.02447) where every
unit is matched; the half that solves for weights, and models that grow, are not made.

Source: Ainsworth et al., "Git Re-Basin: merging models modulo permutation symmetries" (arXiv 2209.04836).

When to use it: before merging models of the Llama family that were trained from different beginnings; models of one
base need it not. Seen: a permuted copy comes back bit for bit, and the mean of two models trained apart loses most of
its excess loss. Not seen: a mean as good as the models.

Example:

    model m = slerp(instruct, rebasin(cpt(base), to = instruct), t = 0.5)
"""

from ladle.dsl.signature import REQUIRED, Operands, Operator, Option, Reference, Role, Sort

TO = Option("to", Reference(Sort.MODEL), REQUIRED, "the model whose order of units is taken on")

OPERATOR = Operator(
    name="rebasin",
    role=Role.MERGE,
    version=3,
    text="the same model, with hidden units, attention heads and residual stream in the order of another one's",
    operands=Operands((Sort.MODEL,), minimum=1),
    options=(TO,),
    engines=("torch", "scipy"),
    whole=True,
    program="ladle.executor.weights.rebasin",
)
