"""Native histograms: increases bin by bin, resolutions that change, and edges that stay."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.adapters.prometheus import native
from surefoot.adapters.prometheus.histograms import (
    Natives,
    UnsoundBuckets,
    binned,
    edges_of,
    native_of,
)
from surefoot.adapters.prometheus.increases import Index, Sheet
from surefoot.adapters.prometheus.kinds import SCORE_GRID, duration_grid
from surefoot.adapters.prometheus.labels import Labels
from surefoot.adapters.prometheus.native import Native
from surefoot.adapters.prometheus.payload import Series
from surefoot.api.signal_status import MOST_EDGES
from surefoot.stats.counters import NotANumber
from surefoot.stats.measures import Histogram


def of(*bins: tuple[float, float, float], total: float = 0.0) -> Native:
    return Native(sum(count for _, _, count in bins), total, bins)


def bin_of(index: int, schema: int, count: float) -> tuple[float, float, float]:
    """A bin as a server writes it, one of 2^schema per doubling."""
    return 2.0 ** ((index - 1) / 2**schema), 2.0 ** (index / 2**schema), count


def test_what_rose_between_two_samples_is_told_bin_by_bin() -> None:
    before, after = of((0.5, 1, 3), total=2), of((0.5, 1, 5), (1, 2, 4), total=9)
    found = native.increase([(0, before), (10, after)], 0, 10, born=False)
    assert found == Native(6, 7, ((0.5, 1, 2), (1, 2, 4)))


def test_a_birth_counts_from_nothing_and_an_old_series_from_its_first_sample() -> None:
    first = of((0.5, 1, 3), total=2)
    assert native.increase([(5, first)], 0, 10, born=True) == first
    assert native.increase([(5, first)], 0, 10, born=False) == Native(0, 0, ())
    assert native.increase([], 0, 10, born=True) == Native(0, 0, ())


@pytest.mark.parametrize(
    "after",
    [of((0.5, 1, 2)), of((0.5, 1, 1), (1, 2, 9)), of((1, 2, 9))],
    ids=["fewer in all", "fewer in a bin", "a bin is gone"],
)
def test_a_restart_counts_all_of_the_later_sample(after: Native) -> None:
    before = of((0.5, 1, 3), (2, 4, 1))
    assert native.reset_times([(0, before), (10, after)]) == {10}
    assert native.increase([(0, before), (10, after)], 0, 10, born=False) == after


def test_a_coarser_resolution_is_no_restart() -> None:
    before = of(bin_of(0, 1, 4), bin_of(-1, 1, 6), bin_of(1, 1, 1))
    after = of(bin_of(0, 0, 15), bin_of(1, 0, 2))
    assert native.reset_times([(0, before), (10, after)]) == frozenset()
    found = native.increase([(0, before), (10, after)], 0, 10, born=False)
    assert found.count == 6
    assert {(low, high): n for low, high, n in found.bins} == {(0.5, 1): 5, (1, 2): 1}


@given(
    st.lists(st.tuples(st.integers(-30, 30), st.integers(1, 50)), min_size=1, max_size=20),
    st.lists(st.tuples(st.integers(-30, 30), st.integers(1, 50)), max_size=20),
    st.integers(0, 3),
)
def test_no_observation_is_lost_or_made_up_when_the_resolution_falls(
    old: list[tuple[int, int]], new: list[tuple[int, int]], fall: int
) -> None:
    """Bins of 8 per doubling, of which the later sample has merged 2^fall into one."""
    fine, all_of_it = dict[int, int](), dict[int, int]()
    for index, count in old:
        fine[index] = fine.get(index, 0) + count
    for index, count in [*fine.items(), *new]:
        coarse = -(-index // 2**fall)
        all_of_it[coarse] = all_of_it.get(coarse, 0) + count
    before = of(*(bin_of(index, 3, count) for index, count in fine.items()))
    after = of(*(bin_of(index, 3 - fall, count) for index, count in all_of_it.items()))
    found = native.increase([(0, before), (10, after)], 0, 10, born=False)
    assert found.count == sum(count for _, count in new)
    assert sum(count for _, _, count in found.bins) == pytest.approx(found.count)


@pytest.mark.parametrize(
    "bad", [of((0.5, 1, nan)), of((0.5, 1, -2)), of((0.5, nan, 2)), of((0.5, 1, 2), total=inf)]
)
def test_what_is_no_number_is_not_counted_with(bad: Native) -> None:
    with pytest.raises(NotANumber):
        native.increase([(0, of((0.5, 1, 1))), (10, bad)], 0, 10, born=False)


def test_edges_inside_of_a_bin_are_not_known() -> None:
    wide = [(0.25, 1.0, 3.0), (2.0, 4.0, 1.0)]
    assert native.common_edges(wide) == (0.25, 1, 2, 4)
    assert native.common_edges(wide, wanted=(0.5, 1, 1.5, 3, 8)) == (1, 1.5, 8)
    assert native.common_edges([(0.0, 1.0, 1.0), (0.5, 2.0, 1.0)]) == (0, 2)


def test_arms_of_different_resolution_meet_on_the_edges_that_both_know() -> None:
    grid = native.grid(4, -4, 0)
    fine = Natives(of(bin_of(0, 2, 5), bin_of(-1, 2, 3)), grid)
    coarse = Natives(of(bin_of(0, 0, 7), bin_of(-2, 0, 1)), grid)
    edges = edges_of(fine, coarse)
    one, other = binned(fine, edges), binned(coarse, edges)
    assert one.edges == other.edges
    assert one.counts[one.edges.index(1.0)] == 8
    assert other.counts[other.edges.index(1.0)] == 7
    assert other.counts[other.edges.index(0.25)] == 1


def test_the_edges_do_not_follow_the_data() -> None:
    grid = native.grid(8, -13, 10)
    quiet, busy = Natives(of(bin_of(3, 3, 1)), grid), Natives(of(bin_of(40, 3, 9)), grid)
    assert edges_of(quiet) == edges_of(busy) == grid


def test_milliseconds_are_put_on_edges_in_seconds() -> None:
    grid = native.grid(8, -13, 10, 1000.0)
    found = binned(Natives(of((128, 256, 4)), grid), grid, 1000.0)
    assert isinstance(found, Histogram)
    assert found.counts[found.edges.index(0.256)] == 4
    assert found.edges[0] < 0.001
    assert found.edges[-1] > 1000


def test_observations_without_a_bin_are_above_every_edge() -> None:
    assert native.counts_on(Native(5, nan, ((0.5, 1, 3),)), (0.5, 1)) == (0, 3, 2)


@pytest.mark.parametrize(
    ("bins", "exponential"),
    [
        ([(0.5, 1, 1), (-1, -0.5, 2), (-1e-9, 1e-9, 1)], True),
        ([bin_of(7, 8, 1)], True),
        ([(0.25, 1, 1)], True),
        ([(0.1, 0.2, 1)], False),
        ([(-inf, 0.5, 1), (0.5, 1, 3)], False),
        ([(1, inf, 1)], False),
    ],
)
def test_bounds_of_the_exporters_own_choosing_are_told_from_powers_of_two(
    bins: list[native.Bin], exponential: bool
) -> None:
    assert native.is_exponential(bins) is exponential


def test_bounds_of_ones_own_are_limited_as_those_of_classic_histograms() -> None:
    found = of(*((n / 1000, (n + 1) / 1000, 1.0) for n in range(MOST_EDGES)))
    series = [Series(Labels({"__name__": "model_score"}), (), ((60.0, found),))]
    with pytest.raises(UnsoundBuckets, match=r"has 401 bucket edges: export at most 400"):
        native_of(Sheet(Index(series), 0, 100), series, SCORE_GRID)


def test_the_edges_that_natives_are_put_on_are_fewer_than_the_limit() -> None:
    assert max(map(len, (SCORE_GRID, duration_grid(1.0), duration_grid(1000.0)))) < MOST_EDGES
