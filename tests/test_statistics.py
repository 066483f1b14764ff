"""Comparisons of models: published examples, exact small cases, and coverage."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ladle.executor.report.statistics import Interval, Pairs, difference, holm, mcnemar, mean, pairs, proportion

COUNTS = st.integers(min_value=0, max_value=40)
TABLES = st.builds(Pairs, COUNTS, COUNTS, COUNTS, COUNTS).filter(lambda table: table.n > 0)


def test_pairs_counts_agreements() -> None:
    assert pairs([True, True, False, False], [True, False, True, False]) == Pairs(1, 1, 1, 1)
    with pytest.raises(ValueError, match="longer"):
        pairs([True], [True, False])


def test_difference_agrees_with_the_published_example() -> None:
    # Airway hyper-responsiveness before and after transplantation, 21 children (Fagerland, Lydersen and Laake 2014).
    found = difference(Pairs(1, 1, 7, 12))
    assert (found.value, found.low, found.high) == pytest.approx((-0.286, -0.507, -0.026), abs=5e-4)


def test_mcnemar_agrees_with_the_binomial() -> None:
    # The same table: 1 against 7 discordant pairs, p = 2 (C(8,0) + C(8,1)) / 2^8.
    assert mcnemar(Pairs(1, 1, 7, 12)) == pytest.approx(float(Fraction(18, 256)))
    assert mcnemar(Pairs(5, 0, 0, 5)) == 1.0
    assert mcnemar(Pairs(0, 4, 4, 0)) == 1.0
    assert mcnemar(Pairs(0, 2000, 0, 0)) == pytest.approx(2.0**-1999)


@given(TABLES)
def test_swapping_models_turns_a_difference_around(table: Pairs) -> None:
    one, two = difference(table), difference(Pairs(table.both, table.second, table.first, table.neither))
    assert (one.value, one.low, one.high) == pytest.approx((-two.value, -two.high, -two.low))
    assert -1 <= one.low <= one.value <= one.high <= 1
    assert mcnemar(table) == mcnemar(Pairs(table.both, table.second, table.first, table.neither))


def test_the_interval_of_a_difference_covers_it_as_often_as_it_says() -> None:
    source = random.Random(7)
    weights = (0.55, 0.2, 0.1, 0.15)
    covered = 0
    for _ in range(1500):
        drawn = source.choices(range(4), weights, k=60)
        found = difference(Pairs(*(drawn.count(i) for i in range(4))))
        covered += found.low <= weights[1] - weights[2] <= found.high
    assert 0.935 <= covered / 1500 <= 0.975


def test_a_mean_has_the_range_and_asymmetry_of_its_parts() -> None:
    found = mean([Interval(1.0, 0.8, 1.0), Interval(1.0, 0.9, 1.0)])
    assert found == Interval(1.0, 1 - math.hypot(0.2, 0.1) / 2, 1.0)
    alone = proportion([True, False, True])
    same = mean([alone])
    assert (same.value, same.low, same.high) == pytest.approx((alone.value, alone.low, alone.high))


def test_the_interval_of_a_mean_covers_it() -> None:
    source = random.Random(3)
    truth = (0.9, 0.5, 0.75)
    covered = 0
    for _ in range(1500):
        parts = [proportion([source.random() < p for _ in range(50)]) for p in truth]
        found = mean(parts)
        covered += found.low <= sum(truth) / 3 <= found.high
    assert 0.93 <= covered / 1500 <= 0.975


def test_holm_agrees_with_a_worked_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_an_interval_says_on_which_side_of_zero_it_lies() -> None:
    assert Interval(1, 0.1, 2).above_zero
    assert not Interval(1, 0.0, 2).above_zero
    assert Interval(-1, -2, -0.1).below_zero
    assert Interval(1, -1, 3).over(2) == Interval(0.5, -0.5, 1.5)
