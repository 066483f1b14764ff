"""The mean of models on a sphere, of any number of them, by weights. Out: `multislerp`.

Formula, where u_i is tensor i divided by its norm n_i plus `eps`, and w_i its weight:

    m = sum_i w_i u_i,    result = (sum_i w_i n_i) m / |m|

So directions are averaged apart from norms. mergekit takes the mean of the u_i in the tangent space at m / |m|, where
it is zero: but for rounding, and the factor cos(eps), its result is this. With `base` the tensors are differences from
it, and the base is added. Where the weighted directions cancel, |m| < `eps`, the tensors are averaged linearly;
mergekit does so for two, and stops for more.

Source: mergekit 0.1.5, `merge_methods/multislerp.py`; goddard.blog/posts/multislerp-wow-what-a-cool-idea (2025).

When to use it: in place of `linear` for three models or more whose tensors point apart: a mean of directions that are
far apart is shorter than they are, and this one is not.

Example:

    model m = multislerp(instruct: 1, cpt(base): 1, sft(cpt(base)): 0.5, base = base)
"""

from __future__ import annotations

from math import cos, fsum

from ladle.dsl.signature import Flag, Number, Operands, Operator, Option, Role, Sort, Typed, Typing
from ladle.executor.merge import MAY_BASE, PROGRAM, WEIGHT, divided_by_weights
from ladle.executor.weights.kernel import Call, Plan
from ladle.executor.weights.spans import PRODUCTS, length, matrix, norms, spanned
from ladle.executor.weights.statistics import normalized

NORMALIZE = Option("normalize_weights", Flag(), True, "divide the weights by their sum", field="normalize_weights")
EPS = Option("eps", Number(low=0, open_low=True), 1e-8, "what is added to norms, and what counts as none", field="eps")


def typed(typing: Typing) -> Typed:
    """Return the first operand's type; weights that are divided by their sum must not sum to zero."""
    return divided_by_weights(typing, "normalize_weights")


OPERATOR = Operator(
    name="multislerp",
    role=Role.MERGE,
    version=1,
    text="the weighted mean of models' directions, at the weighted mean of their norms, tensor by tensor",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=2, weighted="must", weight_type=WEIGHT),
    options=(MAY_BASE, NORMALIZE, EPS),
    engines=("torch",),
    typed=typed,
    program=PROGRAM,
)


def kernel(call: Call) -> Plan:
    """Average directions and norms apart."""
    weights = call.each("weights")
    if call.flag("normalize_weights"):
        weights = normalized(call, weights)
    eps = call.number("eps")
    gram = matrix((yield PRODUCTS))
    sizes = norms(gram)
    directions = [weight / (size + eps) for weight, size in zip(weights, sizes, strict=True)]
    spread = length(directions, gram)
    if spread < eps:
        return spanned(weights)
    scale = cos(eps) * fsum(weight * size for weight, size in zip(weights, sizes, strict=True)) / spread
    return spanned([scale * direction for direction in directions])
