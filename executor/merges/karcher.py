"""The mean of models on a sphere: the direction nearest to all of theirs. Out: `karcher`.

Formula, where u_i is tensor i divided by its norm n_i and the mean m of k tensors begins as their normalised sum:

    v = 1/k sum_i w_i / sin(w_i) (u_i - cos(w_i) m),   cos w_i = <m, u_i>
    m <- cos|v| m + sin|v| v / |v|,                    at most max_iter times, until |v| < tol
    result = 1/k (sum_i n_i) m

This is the Riemannian (Karcher) mean of the directions, at the mean of the norms. Every m is a sum of the u_i, so the
iteration runs on coefficients, and needs the tensors' inner products only. A tensor whose norm is at most `tol` (of the
largest norm, where that is below 1) has no direction; one opposite to m has none that leads to m, and does not pull.

Source: arXiv 2603.04972, as mergekit 0.1.5 has it in `merge_methods/karcher.py`; H. Karcher, "Riemannian center of mass
and mollifier smoothing", 1977.

When to use it: like `multislerp`, where all models count alike and their tensors point far apart; between directions
that are near each other the two give the same.

Example:

    model m = karcher([instruct, cpt(base), sft(cpt(base))])
"""

from __future__ import annotations

from collections.abc import Sequence
from math import acos, cos, fsum, sin
from typing import Final

from ladle.dsl.signature import Number, Operands, Operator, Option, Role, Sort
from ladle.executor.merge import PROGRAM
from ladle.executor.weights.kernel import Call, Plan
from ladle.executor.weights.spans import Matrix, dots, length, matrix, norms, spanned
from ladle.executor.weights.statistics import GRAM

MAX_ITER = Option("max_iter", Number(low=0, integer=True), 10, "how often the mean is moved at most", field="max_iter")
TOL = Option(
    "tol", Number(low=0, high=1, open_high=True), 1e-5, "an angle, in radians, at which the mean is found", field="tol"
)
OPPOSITE: Final = 1e-7
"""Below this sine of an angle beyond a right one, a direction is opposite."""

OPERATOR = Operator(
    name="karcher",
    role=Role.MERGE,
    version=1,
    text="the Riemannian mean of models' directions, at the mean of their norms, tensor by tensor",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=2, family=True),
    options=(MAX_ITER, TOL),
    engines=("torch",),
    program=PROGRAM,
)


def kernel(call: Call) -> Plan:
    """Move the mean of the directions to where they pull it nowhere."""
    tol = call.number("tol")
    gram = matrix((yield GRAM))
    sizes = norms(gram)
    least = tol * min(1.0, max(sizes))
    known = [place for place, size in enumerate(sizes) if size > least]
    mean = {}
    if known:
        cosines = tuple(tuple(gram[i][j] / sizes[i] / sizes[j] for j in known) for i in known)
        mean = dict(zip(known, _mean(cosines, int(call.number("max_iter")), tol), strict=True))
    scale = fsum(sizes) / call.operands
    return spanned([scale * mean[place] / size if place in mean else 0.0 for place, size in enumerate(sizes)])


def _mean(cosines: Matrix, steps: int, tol: float) -> list[float]:
    """Return the coefficients of the mean of unit vectors, whose cosines are known."""
    share = 1 / len(cosines)
    mean = [share] * len(cosines)
    if length(mean, cosines) < tol:
        mean = [1.0] + [0.0] * (len(cosines) - 1)
    mean = _unit(mean, cosines)
    for _ in range(steps):
        tangent = _tangent(mean, cosines, share, tol)
        size = length(tangent, cosines)
        if size < tol or size == 0:
            break
        mean = _unit([cos(size) * m + sin(size) * v / size for m, v in zip(mean, tangent, strict=True)], cosines)
    return mean


def _tangent(mean: Sequence[float], cosines: Matrix, share: float, tol: float) -> list[float]:
    """Return the mean of the ways from the mean to each vector."""
    found = [0.0] * len(mean)
    for place, dot in enumerate(dots(mean, cosines)):
        cosine = max(-1.0, min(1.0, dot))
        angle = acos(cosine)
        if angle < tol or sin(angle) < OPPOSITE:
            continue
        pull = share * angle / sin(angle)
        found = [each - pull * cosine * m for each, m in zip(found, mean, strict=True)]
        found[place] += pull
    return found


def _unit(coefficients: Sequence[float], cosines: Matrix) -> list[float]:
    size = length(coefficients, cosines)
    return [each / size for each in coefficients] if size else list(coefficients)
