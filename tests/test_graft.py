"""Grafting of the largest changes: what is taken, and that a small share of a model holds most of its skill."""

from __future__ import annotations

import torch
from kernels import merged
from small_networks import accuracy, family, trained


def test_the_largest_changes_are_taken_and_equal_ones_together() -> None:
    base = torch.zeros(2, 4)
    model = torch.tensor([[1.0, -5.0, 2.0, 0.5], [3.0, 3.0, -0.1, 0.0]])
    under = torch.full((2, 4), 9.0)
    wanted = torch.tensor([[0.0, -5.0, 0.0, 0.0], [3.0, 3.0, 0.0, 0.0]])
    for share in (0.25, 0.375):  # the second and the third largest are equal
        assert torch.equal(merged("graft", [{"w": model}], {"w": base}, share=share)["w"], wanted)
    for elements in (2**18, 4):
        onto = merged("graft", [{"w": model}, {"w": under}], {"w": base}, share=0.125, piece=elements)["w"]
        assert torch.equal(onto, torch.where(model == -5, model, under))


def test_nothing_and_everything() -> None:
    base, model = torch.zeros(5), torch.arange(5.0)
    assert torch.equal(merged("graft", [{"w": model}], {"w": base}, share=0)["w"], base)
    assert torch.equal(merged("graft", [{"w": model}], {"w": base}, share=1)["w"], model)


def recovered(plain: bool) -> list[float]:
    """Return for ten models the share of the accuracy won by training that a tenth of the changes holds."""
    found = []
    for each in (family(seed) for seed in range(5)):
        for model, rows, task in zip(each.models, each.seen, each.held, strict=True):
            model = trained(each.base, rows, 100, 0.1, plain=True) if plain else model
            before, after = accuracy(each.base, task), accuracy(model, task)
            grafted = accuracy(merged("graft", [model], each.base, share=0.1), task)
            found.append((grafted - before) / (after - before))
    return found


def test_after_gradient_descent_a_tenth_of_the_changes_holds_most_of_the_skill() -> None:
    assert min(recovered(plain=True)) > 0.85


def test_after_adam_it_does_not() -> None:
    """Not seen, and documented so: Adam's steps are of nearly one size, so that few changes stand out."""
    assert max(recovered(plain=False)) < 0.4
