"""The measures that merge methods are judged by are right themselves."""

from __future__ import annotations

from types import ModuleType

import torch
from ladle.dsl.signature import Operator, Role
from ladle.executor.weights.kernel import Call, Plan
from ladle.executor.weights.statistics import GRAM
from merging import TENSOR, by_mergekit, drawn, merged, parents, right, ulp, ulps


def half(call: Call) -> Plan:
    gram = yield GRAM
    assert gram.shape == (call.operands, call.operands)
    return lambda piece: 0.5 * piece.models[0] + 0.5 * piece.models[1]


METHOD = ModuleType("half")
METHOD.OPERATOR, METHOD.kernel = Operator("half", Role.MERGE, 1, "a mean"), half  # type: ignore[attr-defined]


def test_ulps_of_bf16() -> None:
    values = torch.tensor([1.0, 1.99, 2.0, 0.75, -1.0])
    assert ulp(values).tolist() == [2.0**-7, 2.0**-7, 2.0**-6, 2.0**-8, 2.0**-7]
    one = torch.tensor([1.0])
    assert ulps(one + 2.0**-7, one) == 1
    assert ulps(one, one) == 0


def test_right_counts_what_is_not_the_nearest() -> None:
    exact = drawn(1, 100).double()
    assert right(exact.float(), exact) == 1
    wrong = exact.float().clone()
    wrong[:5] *= 1.01
    assert right(wrong, exact) == 0.95
    above_half_way = torch.tensor([1 + 2.0**-8 + 2.0**-20], dtype=torch.float64)
    assert right(torch.tensor([1 + 2.0**-7]), above_half_way) == 1
    assert right(torch.tensor([1.0]), above_half_way) == 0
    assert right(torch.tensor([1.0]), above_half_way - 2.0**-20) == 1


def test_a_kernel_sees_every_row_once_however_it_is_cut() -> None:
    a, b = parents(2, 3, 50, 7)
    for piece in (1, 7, 64, 10**6):
        assert torch.equal(merged(METHOD, (a, b), piece=piece, tensor=TENSOR), 0.5 * a + 0.5 * b)


def test_mergekit_is_asked_the_same() -> None:
    a, b = parents(2, 16, 16)
    theirs = by_mergekit("linear", (a, b), weight=(0.5, 0.5), normalize=False)
    assert ulps(theirs, (a.double() + b.double()) / 2, (a, b)) <= 1
