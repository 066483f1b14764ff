"""Regression means (Jin et al. 2022, arXiv 2212.09849). Out: the declaration of `regmean`.

Formula, for a linear layer with inputs X_i in operand i, and weights W_i written as inputs by outputs:

    G_i    = X_i^T X_i, its elements off the diagonal times `off_diagonal`
    result = (sum of G_i)^-1 (sum of G_i W_i), the W for which the sum of |X_i W - X_i W_i|^2 is least

(exactly so for `off_diagonal = 1`). Directions that no input has keep the mean. Every other tensor, biases and tied
output embeddings among them, is the mean of the operands.

Source: Jin et al., "Dataless knowledge fusion by merging weights of language models" (arXiv 2212.09849).

When to use it: for models with rows of their tasks at hand. Seen on networks of a few thousand weights: `off_diagonal`
of 0.9 beats the mean; 1 does not, on a thousand tokens.

Example:

    model m = regmean(cpt(base), instruct, on = [papers, lessons | as_text])
"""

from ladle.dsl.signature import Number, Operands, Operator, Option, Role, Sort
from ladle.executor.merge_rows import OPTIONS, one_each

OFF_DIAGONAL = Option(
    "off_diagonal", Number(low=0, high=1), 0.9, "factor of what inputs have in common; below 1 it guards against noise"
)

OPERATOR = Operator(
    name="regmean",
    role=Role.MERGE,
    version=3,
    text="linear layers that give, for each model's inputs, what that model's layer gives, in least squares; else the "
    "mean",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=2),
    options=(*OPTIONS, OFF_DIAGONAL),
    engines=("torch", "transformers"),
    typed=one_each,
    whole=True,
    program="ladle.executor.weights.regmean",
)
