"""Spherical interpolation of two models (Shoemake 1985). Out: the declaration of `slerp`, and its kernel.

Formula, where w is the angle between the tensors a and b:

    (sin((1-t) w) a + sin(t w) b) / sin w

Where |cos w| is above 0.9995 the interpolation is linear, (1-t) a + t b: so it is for most tensors of models that were
trained from one base, and `ladle compare` says for which. A norm of at most 1e-8 counts as 1.

With `norm = geometric` directions are interpolated and scaled, in both branches alike:

    |a|^(1-t) |b|^t (sin((1-t) w) a/|a| + sin(t w) b/|b|) / sin w
    |a|^(1-t) |b|^t ((1-t) a/|a| + t b/|b|)                where |cos w| is above 0.9995

So the result has the norm |a|^(1-t) |b|^t: exactly in the first branch; in the second, for tensors that point one way,
it is shorter by at most 0.013 %. Opposite tensors pass through zero there. Where one of both has a norm of at most 1e-8
there is no direction, and the tensor is interpolated as with `norm = linear`.

Source: Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985, as mergekit 0.1.5 has it in
`merge_methods/slerp.py`; `norm = geometric` is equation 9 of Lu, Luu and Buehler, npj Computational Materials 2025.

When to use it: for two models that were trained apart far enough, such as one with a domain and one with instructions.

Example:

    model m = slerp(instruct, cpt(base), t = 0.5)
    model n = slerp(instruct, cpt(base), t = {self_attn: [0, 1], else: 0.5}, norm = geometric)
"""

from __future__ import annotations

from math import acos, sin, sqrt

from ladle.dsl.signature import Operands, Operator, Option, Role, Sort, Word
from ladle.executor.merge import ENGINES, PROGRAM, T
from ladle.executor.weights.kernel import Call, Plan
from ladle.executor.weights.statistics import GRAM, weighted

NORM = Option(
    "norm",
    Word(("linear", "geometric")),
    "linear",
    "linear: interpolate the weights themselves, as mergekit does; geometric: interpolate their directions and scale "
    "by |a|^(1-t) |b|^t (equation 9 of Lu, Luu and Buehler 2025)",
)

OPERATOR = Operator(
    name="slerp",
    role=Role.MERGE,
    version=2,
    text="spherical interpolation of two models, tensor by tensor; linear above |cos| 0.9995",
    operands=Operands((Sort.MODEL, Sort.MODEL), minimum=2),
    options=(T, NORM),
    engines=ENGINES,
    program=PROGRAM,
)


DOT_THRESHOLD = 0.9995
"""Above this |cos| the interpolation is linear, as in mergekit."""
LINEAR = f"is a linear interpolation, as `lerp` is, since their |cos| is above {DOT_THRESHOLD}"
EPSILON = 1e-8
"""A tensor of no more than this norm has no direction; its norm counts as 1, as in mergekit."""


def kernel(call: Call) -> Plan:
    """Interpolate along the great circle: (sin((1-t) w) a + sin(t w) b) / sin w, where w is the angle between them."""
    t = call.number("t")
    gram = yield GRAM
    norms = [sqrt(value) if sqrt(value) > EPSILON else 1.0 for value in gram.diagonal().tolist()]
    cosine = max(-1.0, min(1.0, float(gram[0, 1]) / (norms[0] * norms[1])))
    a, b = 1 - t, t
    call.remark(LINEAR, abs(cosine) > DOT_THRESHOLD)
    if abs(cosine) <= DOT_THRESHOLD:
        angle = acos(cosine)
        a, b = sin(a * angle) / sin(angle), sin(b * angle) / sin(angle)
    if call.options.get("norm") == "geometric" and min(gram.diagonal().tolist()) > EPSILON**2:
        ratio = norms[1] / norms[0]
        a, b = a * ratio**t, b * ratio ** (t - 1)
    return weighted((a, b))
