"""Groups compared: by hand, and whatever their order."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.stats.bins import NotAnEdge
from surefoot.stats.fairness import (
    Disparity,
    demographic_parity_ratio,
    false_positives,
    rate_difference,
    selected,
    true_positives,
)
from surefoot.stats.measures import Counts, GroupRates, Histogram, LabeledHistogram

Metric = Callable[[GroupRates], Disparity]
Table = dict[str, tuple[int, int]]
both = pytest.mark.parametrize("metric", [demographic_parity_ratio, rate_difference])


def rates(**groups: tuple[float, float]) -> GroupRates:
    return GroupRates(tuple((name, Counts(bad, total)) for name, (bad, total) in groups.items()))


def test_the_ratio_of_selection_rates_by_hand() -> None:
    found = demographic_parity_ratio(rates(a=(120, 400), b=(90, 500)))
    assert found.value == pytest.approx(0.18 / 0.30)
    assert found.note == "lowest: b with 0.18, highest: a with 0.3"


def test_the_difference_of_true_positive_rates_by_hand() -> None:
    found = rate_difference(rates(a=(40, 50), b=(36, 60), c=(35, 50)))
    assert found.value == pytest.approx(0.8 - 0.6)
    assert found.note == "lowest: b with 0.6, highest: a with 0.8"


@both
def test_a_group_without_samples_is_named_and_gives_no_value(metric: Metric) -> None:
    found = metric(rates(a=(1, 4), b=(0, 0), c=(1, 2)))
    assert (found.value, found.note) == (None, "no samples of group b")
    found = metric(rates(a=(0, 0), b=(0, 0), c=(1, 2)))
    assert (found.value, found.note) == (None, "no samples of groups a, b")


@both
@pytest.mark.parametrize("groups", [GroupRates(()), rates(a=(1, 2))])
def test_one_group_has_nothing_to_be_compared_with(metric: Metric, groups: GroupRates) -> None:
    assert metric(groups).value is None
    assert "two groups" in metric(groups).note


def test_where_nobody_gets_a_yes_there_is_no_ratio_but_no_difference_either() -> None:
    nobody = rates(a=(0, 40), b=(0, 50))
    assert demographic_parity_ratio(nobody).value is None
    assert "no group has a single yes" in demographic_parity_ratio(nobody).note
    assert rate_difference(nobody).value == 0


def test_a_group_that_never_gets_a_yes_has_a_ratio_of_zero() -> None:
    assert demographic_parity_ratio(rates(a=(0, 40), b=(5, 50))).value == 0


def test_what_counts_for_a_group_is_above_the_threshold() -> None:
    scores = Histogram((0.5, 1.0), (280, 120, 0))
    assert selected(scores, 0.5) == Counts(bad=120, total=400)
    labelled = LabeledHistogram((0.5, 1.0), positives=(10, 40, 0), negatives=(90, 30, 0))
    assert true_positives(labelled, 0.5) == Counts(bad=40, total=50)
    assert false_positives(labelled, 0.5) == Counts(bad=30, total=120)


def test_a_threshold_inside_of_a_bucket_is_refused() -> None:
    labelled = LabeledHistogram((0.5,), (1, 1), (1, 1))
    for count in (true_positives, false_positives):
        with pytest.raises(NotAnEdge):
            count(labelled, 0.6)
    with pytest.raises(NotAnEdge):
        selected(Histogram((0.5,), (1, 1)), 0.6)


counts = st.integers(1, 500).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total)))
tables = st.dictionaries(st.sampled_from("abcdefg"), counts, min_size=2)


@both
@given(groups=tables, dice=st.randoms())
def test_the_order_of_the_groups_does_not_matter(
    metric: Metric, groups: Table, dice: Random
) -> None:
    names = list(groups)
    dice.shuffle(names)
    assert metric(rates(**groups)) == metric(rates(**{name: groups[name] for name in names}))


@both
@given(groups=tables, times=st.integers(1, 50))
def test_values_are_shares_and_more_of_the_same_keeps_them(
    metric: Metric, groups: Table, times: int
) -> None:
    once = metric(rates(**groups)).value
    often = metric(rates(**{g: (times * k, times * n) for g, (k, n) in groups.items()})).value
    assert once is None or 0 <= once <= 1
    assert often == (once if once is None else pytest.approx(once))


@both
@given(pair=counts.filter(lambda pair: pair[0] > 0), names=st.integers(2, 6))
def test_groups_that_are_treated_alike_are_equal(
    metric: Metric, pair: tuple[int, int], names: int
) -> None:
    groups = rates(**{"abcdef"[i]: pair for i in range(names)})
    assert metric(groups).value == (1 if metric is demographic_parity_ratio else 0)
