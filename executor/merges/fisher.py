"""A mean weighted by Fisher information (Matena and Raffel 2021, arXiv 2111.09832). Out: `fisher`, and its kernel.

Formula, for the values theta_i and the weight of each operand:

    F_i    = mean over sequences x of (d log p_i(x) / d theta)^2, element by element, at operand i
    result = sum of weight_i F_i theta_i / sum of weight_i F_i

F is the empirical Fisher information: the gradient is that of the sequence as it stands, not of what the model would
say. Each model's is divided by its mean over all weights, so that none counts for more because it fits its rows worse.
Where no model's likelihood depends on an element, it is the plain mean.

Source: Matena and Raffel, "Merging models with Fisher-weighted averaging" (arXiv 2111.09832).

When to use it: for models with rows of their tasks at hand. Seen on networks of a few thousand weights: it beats the
mean on classifiers. Not seen: the same on language models, where it was lower by less than seeds differ.

Example:

    model m = fisher(cpt(base), instruct, on = [papers, lessons | as_text], rows = 128)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ladle.dsl.signature import Number, Operands, Operator, Role, Sort
from ladle.executor.merge_rows import OPTIONS, one_each
from ladle.executor.weights.kernel import Call, Combine, Piece

if TYPE_CHECKING:
    from torch import Tensor

OPERATOR = Operator(
    name="fisher",
    role=Role.MERGE,
    version=1,
    text="the mean of models, each element weighted by how much each model's likelihood of its rows depends on it",
    operands=Operands(
        (Sort.MODEL,), variadic=True, minimum=2, weighted="may", weight_type=Number(low=0, open_low=True)
    ),
    options=OPTIONS,
    engines=("torch", "transformers"),
    typed=one_each,
    whole=True,
    program="ladle.executor.weights.fisher",
)


def kernel(call: Call) -> Combine:
    """Return the weighted mean of the first half of the operands; the other half is their information."""
    count = call.operands // 2
    weights = call.each("weights")[:count]
    whole = sum(weights)

    def combine(piece: Piece) -> Tensor:
        models = piece.models[:count]
        known = [each * weight for each, weight in zip(piece.models[count:], weights, strict=True)]
        total = known[0].clone()
        for each in known[1:]:
            total.add_(each)
        nothing = total == 0
        divisor = total.masked_fill_(nothing, 1)
        found = models[0]
        for model, each, weight in zip(models[1:], known[1:], weights[1:], strict=True):
            share = (each / divisor).add_(nothing, alpha=weight / whole)
            found = found.addcmul(model - models[0], share)
        return found

    return combine
