"""Completeness and ratios of counters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.stats.measures import Quality, Ratio
from surefoot.stats.quality import business_ratio, completeness


def test_completeness_is_what_is_not_missing() -> None:
    assert completeness(Quality(age_s=1200, missing=30, total=1000)) == pytest.approx(0.97)
    assert completeness(Quality(missing=0, total=1000)) == 1


@pytest.mark.parametrize(
    "quality", [Quality(), Quality(missing=3), Quality(total=3), Quality(missing=0, total=0)]
)
def test_what_was_not_counted_has_no_completeness(quality: Quality) -> None:
    assert completeness(quality) is None


def test_more_missing_than_there_was_is_nothing_complete() -> None:
    assert completeness(Quality(missing=12, total=10)) == 0


@given(st.integers(0, 10**9), st.integers(1, 10**9))
def test_completeness_is_a_share(missing: int, total: int) -> None:
    assert 0 <= completeness(Quality(missing=missing, total=total)) <= 1


def test_a_business_ratio_is_what_was_counted_out_of_its_base() -> None:
    assert business_ratio(Ratio(numerator=45, denominator=1500)) == pytest.approx(0.03)
    assert business_ratio(Ratio(numerator=900, denominator=450)) == 2


def test_without_a_base_there_is_no_ratio() -> None:
    assert business_ratio(Ratio(0, 0)) is None


@given(st.integers(0, 10**9), st.integers(1, 10**9), st.integers(1, 1000))
def test_more_of_the_same_keeps_the_ratio(numerator: int, denominator: int, times: int) -> None:
    once = business_ratio(Ratio(numerator, denominator))
    assert business_ratio(Ratio(times * numerator, times * denominator)) == pytest.approx(once)
