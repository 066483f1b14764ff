"""Model arithmetic carries a skill over: what one model learned, added to another of the same base."""

from __future__ import annotations

import torch
from kernels import merged
from ladle.dsl.graph import Json
from small_networks import Family, accuracy, family, loss, lower

VECTOR: Json = [[[1, None]], [[1, None]], [[-1, None]]]
"""`domain + (instruct - base)`."""


def chatting(found: Family) -> dict[str, torch.Tensor]:
    domain, instruct = found.models
    return merged("affine", [domain, instruct, found.base], coefficients=VECTOR)


def test_both_skills_are_there() -> None:
    """Better on both tasks together than either model, over five seeds; and each skill is mostly kept."""
    for place in (0, 1):
        low, high = lower(
            lambda each: loss(chatting(each), *each.held),
            lambda each, place=place: loss(each.models[place], *each.held),
        )
        assert high < 0, (low, high)
    for seed in range(5):
        found = family(seed)
        assert all(accuracy(chatting(found), task) > 0.7 for task in found.held)


def test_a_domain_that_is_the_base_gives_the_chat_model_back() -> None:
    found = family(0)
    same = merged("affine", [found.base, found.models[1], found.base], coefficients=VECTOR)
    assert all(torch.equal(same[name].bfloat16(), value.bfloat16()) for name, value in found.models[1].items())
