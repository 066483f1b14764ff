"""Random masks of merges: their share, and that no cut of a tensor changes them."""

from __future__ import annotations

import pytest
import torch
from delta_reference import split_mix
from ladle.executor.weights.draws import Draws, Streams

COUNT = 1 << 18


def mask(share: float, start: int = 0, count: int = COUNT, operand: int = 0) -> torch.Tensor:
    return Draws(Streams("t"), start, torch.empty(1, count)).mask(7, operand, share).flatten()


@pytest.mark.parametrize("share", [0.5, 0.3, 2**-16, 2**-20, 1e-9, 0.99999, 1 - 1e-12])
def test_a_mask_keeps_its_share(share: float) -> None:
    kept = mask(share)
    assert set(kept.unique().tolist()) <= {0.0, 1.0}
    assert abs(kept.sum().item() - share * COUNT) <= 5 * (COUNT * share * (1 - share)) ** 0.5 + 1e-3


@pytest.mark.parametrize("share", [0.3, 0.3 + 2**-18])
def test_a_mask_does_not_depend_on_how_the_tensor_is_cut(share: float) -> None:
    whole = mask(share)
    for start, count in ((0, 1), (1, 5), (3, 4096), (4099, 100_000), (COUNT - 7, 7)):
        assert torch.equal(mask(share, start, count), whole[start : start + count])


def test_elements_whose_upper_bits_do_not_decide_are_kept_by_their_lower_ones() -> None:
    few, more = mask(0.25), mask(0.25 + 2**-17)
    assert torch.all(few <= more)
    changed = (more - few).sum().item()
    assert 0 < changed <= 12  # two of 2^18 are expected
    assert torch.all(more <= mask(0.25 + 2**-16))


def test_lower_bits_are_those_of_splitmix64() -> None:
    assert split_mix(0x9E3779B97F4A7C15) == 0xE220A8397B1DCDAF  # the first number of the published generator's seed 0
    key, rest = Streams("t").seed(7, "0/lower"), 5 << 20
    lower = [split_mix(key + at * 0x9E3779B97F4A7C15) >> 40 for at in range(20_000)]
    undecided = (mask(0.25 + 2**-8) - mask(0.25))[:20_000].nonzero().flatten().tolist()
    kept = mask(0.25 + rest / 2**32)
    assert len(undecided) > 40
    assert [kept[at].item() for at in undecided] == [float(lower[at] < rest) for at in undecided]


def test_operands_and_tensors_have_masks_of_their_own() -> None:
    other = Draws(Streams("u"), 0, torch.empty(1, COUNT)).mask(7, 0, 0.5).flatten()
    for one, two in ((mask(0.5), mask(0.5, operand=1)), (mask(0.5), other)):
        assert abs((one * two).mean().item() - 0.25) < 0.005


def test_what_is_drawn_evenly_lies_between_0_and_1() -> None:
    found = Draws(Streams("t"), 5, torch.empty(4, COUNT // 4)).uniform(7, 0)
    assert found.shape == (4, COUNT // 4)
    assert 0 <= found.min().item() < 1e-4
    assert 1 - 1e-4 < found.max().item() < 1
    assert abs(found.mean().item() - 0.5) < 0.005
