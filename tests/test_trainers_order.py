"""Which rows a training sees when, and how long it lasts: pure arithmetic, no model."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from ladle.executor.task import Machine, StepError
from ladle.executor.trainers.arguments import micro_batch
from ladle.executor.trainers.order import OrderSampler, order, plan
from ladle.executor.trainers.settings import Epochs, Steps, Tokens, settings
from trainer_inputs import OPTIONS

LENGTHS = np.array([5, 7, 9, 4, 12, 3, 8, 6, 10, 11])


def test_each_epoch_holds_every_row_once_in_an_order_of_its_own() -> None:
    orders = [order(42, epoch, 10).tolist() for epoch in range(3)]
    assert all(sorted(found) == list(range(10)) for found in orders)
    assert len({tuple(found) for found in orders}) == 3
    assert order(42, 1, 10).tolist() == orders[1]
    assert order(43, 1, 10).tolist() != orders[1]


def test_the_sampler_gives_the_epoch_it_was_set_to() -> None:
    sampler = OrderSampler(42, 10)
    sampler.set_epoch(5)
    assert list(sampler) == order(42, 5, 10).tolist()
    assert len(sampler) == 10


@pytest.mark.parametrize(("epochs", "steps"), [(1, 3), (2, 6), (0.5, 2), (0.01, 1), (1.5, 5)])
def test_epochs_count_a_last_smaller_batch_as_a_step(epochs: float, steps: int) -> None:
    found = plan(LENGTHS, Epochs(epochs), 4, 42)
    assert found.steps == steps
    if epochs == int(epochs):
        assert sum(found.tokens) == epochs * LENGTHS.sum()


def test_steps_go_on_into_the_next_epoch() -> None:
    found = plan(LENGTHS, Steps(4), 4, 42)
    first, second = order(42, 0, 10), order(42, 1, 10)
    batches = [first[:4], first[4:8], first[8:], second[:4]]
    assert found.tokens == tuple(int(LENGTHS[rows].sum()) for rows in batches)


@pytest.mark.parametrize("wanted", [1, 30, 75, 76, 200])
def test_a_budget_of_tokens_ends_with_the_step_that_reaches_it(wanted: int) -> None:
    found = plan(LENGTHS, Tokens(wanted), 4, 42)
    assert sum(found.tokens) >= wanted > sum(found.tokens[:-1])


def test_warmup_is_a_share_rounded_up_or_a_number_of_steps() -> None:
    assert settings(OPTIONS | {"warmup": {"share": 0.05}}, "fp32").warmup_steps(30) == 2
    assert settings(OPTIONS | {"warmup": {"share": 0}}, "fp32").warmup_steps(30) == 0
    assert settings(OPTIONS | {"warmup": 7}, "fp32").warmup_steps(30) == 7


@pytest.mark.parametrize(
    "changed", [{"steps": None}, {"epochs": 1}, {"betas": [0.9]}, {"lr": "fast"}, {"warmup": None}]
)
def test_options_that_no_recipe_gives_are_refused(changed: dict[str, object]) -> None:
    with pytest.raises(StepError):
        settings(OPTIONS | changed, "fp32")


def test_a_forward_pass_left_to_us_divides_the_batch_and_stays_small() -> None:
    assert micro_batch(Machine(), 32, 128, 1536) == 32
    assert micro_batch(Machine(), 32, 3072, 128_000) == 1
    assert micro_batch(Machine(), 12, 2048, 32_000) == 6
    assert micro_batch(Machine(micro_batch=4), 12, 10**6, 10**6) == 4


def test_lengths_of_steps_do_not_depend_on_how_many_are_asked_for() -> None:
    long = plan(LENGTHS, Steps(9), 4, 1).tokens
    assert tuple(islice(long, 5)) == plan(LENGTHS, Steps(5), 4, 1).tokens
