"""Exact increases, against counters that are made up event by event."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.stats.counters import NotANumber, Spans, born_from_zero, increase, reset_times


def test_the_last_sample_at_or_before_the_start_is_the_baseline() -> None:
    samples = [(0.0, 5.0), (10.0, 7.0), (20.0, 12.0), (30.0, 20.0)]
    assert increase(samples, 10, 30, born=False) == 13
    assert increase(samples, 15, 30, born=False) == 13
    assert increase(samples, 9, 30, born=False) == 15


def test_samples_after_the_end_do_not_count() -> None:
    assert increase([(0.0, 1.0), (10.0, 4.0), (20.0, 9.0)], 0, 10, born=False) == 3


def test_without_a_baseline_the_first_sample_is_it() -> None:
    assert increase([(11.0, 100.0), (21.0, 103.0)], 10, 30, born=False) == 3
    assert increase([(11.0, 100.0)], 10, 30, born=False) == 0


def test_a_series_born_in_the_window_counts_from_zero() -> None:
    assert increase([(11.0, 100.0), (21.0, 103.0)], 10, 30, born=True) == 103
    assert increase([(11.0, 100.0)], 10, 30, born=True) == 100


def test_a_birth_before_the_start_changes_nothing() -> None:
    assert increase([(9.0, 100.0), (21.0, 103.0)], 10, 30, born=True) == 3
    assert increase([(9.0, 100.0)], 10, 30, born=True) == 0


def test_no_samples_are_no_increase() -> None:
    assert increase([], 0, 10, born=True) == 0
    assert increase([(50.0, 3.0)], 0, 10, born=True) == 0


def test_a_reset_counts_its_new_value_from_zero() -> None:
    assert increase([(0.0, 90.0), (10.0, 95.0), (20.0, 4.0), (30.0, 6.0)], 0, 30, born=False) == 11


def test_a_reset_that_only_a_sibling_shows_counts_from_zero_too() -> None:
    samples = [(0.0, 30.0), (10.0, 31.0)]
    assert increase(samples, 0, 10, born=False) == 1
    assert increase(samples, 0, 10, born=False, resets=frozenset({10.0})) == 31


def test_a_sum_of_signed_numbers_falls_without_a_reset() -> None:
    samples = [(0.0, 5.0), (10.0, -2.0), (20.0, 4.0)]
    assert increase(samples, 0, 20, born=False, may_fall=True) == -1
    reset = frozenset({20.0})
    assert increase(samples, 0, 20, born=False, resets=reset, may_fall=True) == -3


def test_reset_times_are_where_a_counter_falls() -> None:
    assert reset_times([(0, 1), (1, 2), (2, 0), (3, 0), (4, 5), (5, 4)]) == {2, 5}
    assert reset_times([]) == set()


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_what_is_not_finite_never_becomes_a_number(value: float) -> None:
    for samples in ([(0.0, value), (10.0, 5.0)], [(0.0, 1.0), (10.0, value)], [(10.0, value)]):
        with pytest.raises(NotANumber):
            increase(samples, 5, 20, born=True)


def test_a_nan_that_is_older_than_the_baseline_is_not_counted_with() -> None:
    assert increase([(0.0, nan), (5.0, 2.0), (10.0, 5.0)], 5, 20, born=False) == 3


def test_a_series_is_born_only_beside_one_that_was_there_before_and_still_is() -> None:
    assert born_from_zero(10, Spans([(0, 30)]))
    assert born_from_zero(10, Spans([(10, 30), (0, 10)]))
    assert not born_from_zero(10, Spans())
    assert not born_from_zero(10, Spans([(10, 30)]))


def test_a_relabelled_target_gives_birth_to_nothing() -> None:
    assert not born_from_zero(10, Spans([(0, 9), (10, 30)]))


@given(st.integers(0, 9), st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)).map(sorted)))
def test_a_birth_is_found_as_if_every_series_were_looked_at(
    first: int, others: list[list[int]]
) -> None:
    spans = [(float(begin), float(last)) for begin, last in others]
    expected = any(begin < first <= last for begin, last in spans)
    assert born_from_zero(first, Spans(spans)) is expected


@given(
    st.lists(st.tuples(st.integers(0, 1000), st.booleans()), min_size=1, max_size=30),
    st.integers(0, 29),
)
def test_every_event_after_the_baseline_counts_once(
    scrapes: list[tuple[int, bool]], at: int
) -> None:
    """A process counts `events` between scrapes and may restart before each; a reset is seen when
    the counter fell, so a restart is put in only where the next value is below the last one."""
    value, samples, since = 0, [], []
    for time, (events, restart) in enumerate(scrapes):
        value = events if restart and events < value else value + events
        samples.append((float(time), float(value)))
        since.append(events)
    start = float(min(at, len(scrapes) - 1))
    assert increase(samples, start, 100, born=False) == sum(since[int(start) + 1 :])
    assert increase(samples, -1, 100, born=True) == sum(since)


@given(st.lists(st.integers(0, 100), min_size=2, max_size=20), st.data())
def test_adjacent_windows_add_up(values: list[int], data: st.DataObject) -> None:
    samples = [(float(time), float(value)) for time, value in enumerate(values)]
    cut = data.draw(st.integers(0, len(values) - 1))
    end = float(len(values))
    parts = increase(samples, 0, cut, born=False) + increase(samples, cut, end, born=False)
    assert parts == increase(samples, 0, end, born=False)
