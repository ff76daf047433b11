"""How numbers, spans and ages are written."""

from datetime import timedelta

import pytest

from surefoot.cli.reading import clean, moment, number
from surefoot.cli.wording import age, figure, percent, span
from tests.unit.cli.releases import NOW


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0s"), (0.4, "0s"), (59, "59s"), (130, "2m10s"), (3600, "1h"), (280_800, "3d6h")],
)
def test_a_span_has_two_units_at_most(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_an_age_of_nothing_is_a_dash() -> None:
    assert age(None, NOW) == "-"
    assert age(NOW + timedelta(hours=1), NOW) == "0s"


def test_figures() -> None:
    assert [figure(v) for v in (None, 1234, 0.012345, 1.0)] == ["-", "1234", "0.0123", "1"]
    assert [percent(v) for v in (None, 5, 2.5)] == ["-", "5%", "2.5%"]


def test_clean_leaves_letters_of_any_script() -> None:
    assert clean("Größe ≤ 0.05 模型") == "Größe ≤ 0.05 模型"
    assert clean("a\tb\x9b\u2066") == r"a\tb\x9b\u2066"


def test_times_and_numbers_that_are_none() -> None:
    assert moment({"t": "yesterday"}, "t") is None
    assert moment({"t": "2026-01-01T12:00:00"}, "t") == NOW
    assert [number({"n": n}, "n") for n in (True, "1", float("nan"), float("inf"))] == [None] * 4
