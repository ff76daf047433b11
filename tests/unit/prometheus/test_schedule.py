"""The next collection falls just after a scrape, and never far from its interval."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.adapters.prometheus.schedule import (
    FIRST_LAG,
    first_due,
    newest_sample,
    next_due,
    next_lag,
    place,
)
from surefoot.engine.questions import Answer, Reading
from surefoot.stats.measures import Scalar
from tests.unit.prometheus.builders import T0, ago

SECONDS = st.integers(1, 600).map(ago)


def due_after(interval_s: float, scrape_s: float, age_s: float) -> float:
    """Seconds from the last collection to the next, when its newest sample was so old."""
    due = next_due(T0, ago(interval_s), T0 - ago(age_s), ago(scrape_s), ago(0.25))
    return (due - T0).total_seconds()


@pytest.mark.parametrize(
    ("interval", "scrape", "age", "due"),
    [
        (5, 5, 0.25, 5),  # just after a scrape already: it stays there
        (5, 5, 1.25, 4),  # a second late: a second earlier next time
        (5, 5, 4.25, 6),  # a second early: a second later
        (15, 5, 1.25, 14),  # every third scrape
        (5, 15, 10.25, 5),  # the scrape that is due next
        (5, 15, 0.25, 5),  # no scrape near: nothing to wait for
        (60, 15, 10.25, 65),
    ],
)
def test_the_next_collection_follows_the_nearest_scrape(
    interval: float, scrape: float, age: float, due: float
) -> None:
    assert due_after(interval, scrape, age) == due


def test_without_a_sample_the_interval_is_kept() -> None:
    assert next_due(T0, ago(5), None, ago(5)) == T0 + ago(5)


@given(SECONDS, SECONDS, st.floats(-100, 1000))
def test_never_more_than_half_an_interval_off(
    interval: timedelta, scrape: timedelta, age: float
) -> None:
    due = next_due(T0, interval, T0 - ago(age), scrape)
    assert interval / 2 <= due - T0 <= interval * 1.5


@given(SECONDS, st.floats(0, 600))
def test_at_the_rhythm_of_the_scrapes_all_but_the_first_follow_one(
    scrape: timedelta, age: float
) -> None:
    newest = T0 - min(ago(age), scrape)
    first = next_due(T0, scrape, newest, scrape)
    assert (first - newest) % scrape == FIRST_LAG % scrape
    second = next_due(first, scrape, first - FIRST_LAG, scrape)
    assert second - first == scrape


def test_a_slow_scrape_is_given_more_time_and_never_more_than_half_of_its_rhythm() -> None:
    lag = FIRST_LAG
    for wanted in (0.5, 1.0, 2.0, 2.5, 2.5):
        lag = next_lag(lag, T0, T0 - ago(5.2), ago(5))
        assert lag == ago(wanted)
    assert next_lag(lag, T0, T0 - ago(4.9), ago(5)) == lag
    assert next_lag(lag, T0, None, ago(5)) == lag


def answer(at: datetime | None) -> Answer:
    return Answer(Reading(Scalar(1), at), Reading(Scalar(1), T0))


@pytest.mark.parametrize(
    ("interval", "age", "due"), [(5, 1, 4.25), (5, 4.5, 0.75), (5, 0.1, 0.15), (3, 1, 3)]
)
def test_a_new_window_is_first_looked_at_when_it_has_a_sample(
    interval: float, age: float, due: float
) -> None:
    first = first_due(T0, ago(interval), T0 - ago(age), ago(5))
    assert (first - T0).total_seconds() == pytest.approx(due)


def test_nothing_is_known_of_the_scrapes_at_first() -> None:
    assert first_due(T0, ago(5), None, ago(5)) == T0


def test_the_newest_sample_is_the_candidates_and_older_than_the_question() -> None:
    answers = {"a": answer(T0 - ago(3)), "b": answer(T0 - ago(1)), "c": answer(None)}
    assert newest_sample(answers, T0) == T0 - ago(1)
    assert newest_sample({**answers, "d": answer(T0)}, T0) == T0 - ago(1)
    assert newest_sample({"c": answer(None)}, T0) is None
    assert newest_sample({"c": answer(None)}, T0 + ago(1)) == T0  # the incumbent's


def test_one_release_alone_does_not_wait_for_its_place() -> None:
    assert place(("risk", "fraud"), 1, ago(15)) == ago(0)


@pytest.mark.parametrize(("among", "within"), [(2, 0.005), (101, 0.5), (5000, 1.0)])
def test_many_releases_are_spread_over_a_part_of_a_scrape(among: int, within: float) -> None:
    places = [place(("risk", f"model-{n}"), among, ago(15)).total_seconds() for n in range(1000)]
    assert 0 <= min(places) < 0.02 * within
    assert 0.98 * within < max(places) < within
    assert abs(sum(places) / 1000 / within - 0.5) < 0.05
