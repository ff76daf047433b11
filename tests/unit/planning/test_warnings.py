"""Steps that are too short say how long they must be, and as long as that they are silent."""

import re

import pytest

from surefoot.planning.warnings import Warning, length_text, step_name, warnings_of
from tests.unit.planning.builders import CALIBRATION, DRIFT, ERRORS, FAIRNESS, limit, release, today


def told(plan: object, **traffic: float) -> list[Warning]:
    from surefoot.api.spec import ModelReleaseSpec

    assert isinstance(plan, ModelReleaseSpec)
    return warnings_of(plan, today(plan, **traffic))


def test_a_sound_plan_is_told_nothing() -> None:
    plan = release({**ERRORS, "compare": {}, "threshold": limit("5m", 100)})
    assert told(plan, rps=100.0) == []


def test_a_window_that_never_has_its_samples_names_one_that_has() -> None:
    plan = release({**ERRORS, "threshold": limit("1m", 500)})
    (found,) = told(plan, rps=100.0)
    assert found.text == (
        "step 1 (5 % for 10m): errors has about 300 of its 500 samples within its window of 1m, so "
        "that it never passes there; make the window 1m40s or longer, or minSamples at most 240"
    )
    assert (found.step, found.signal, found.needed_s, found.window) == (0, "errors", 100.0, True)
    mended = release({**ERRORS, "threshold": limit("1m40s", 500)})
    assert told(mended, rps=100.0) == []


def test_a_hold_that_ends_before_the_samples_are_there_says_how_long_it_must_be() -> None:
    plan = release({**DRIFT, "threshold": limit("1h", 2000, max=0.25)}, holds={5: "5m", 50: "10m"})
    (found,) = told(plan, rps=100.0)
    assert "has about 1,200 of its 2,000 samples when its hold is over" in found.text
    assert found.needed_s == 460.0
    assert "hold it for 8m or longer" in found.text
    mended = release(
        {**DRIFT, "threshold": limit("1h", 2000, max=0.25)}, holds={5: "8m", 50: "10m"}
    )
    assert told(mended, rps=100.0) == []


def test_a_minimum_holds_for_the_smallest_group() -> None:
    plan = release({**FAIRNESS, "threshold": limit("10m", 1000, min=0.8)}, holds={10: "20m"})
    found, *_ = told(plan, rps=2.0)
    assert "about 60 of its 1,000" in found.text


def test_what_is_only_observed_makes_nobody_wait() -> None:
    plan = release({**ERRORS, "threshold": limit("1m", 10**6), "onBreach": "Observe"})
    assert told(plan) == []


def test_labels_that_come_too_late_for_every_step_are_told() -> None:
    late = {**CALIBRATION, "labelDelay": "1h", "threshold": limit("30m", 1, min=0.9)}
    (found,) = told(release(late))
    assert "calibration never judges" in found.text
    assert "make one of them 1h30m or longer" in found.text
    assert found.step == 3
    (found,) = told(release(late, bake="90m"))
    assert "only watches in steps 1, 2, 3 and first judges in the bake" in found.text
    (found,) = told(release(late, holds={5: "10m", 50: "2h"}, bake="2h"))
    assert "only watches in steps 1 and first judges in step 2" in found.text
    assert told(release(late, holds={50: "2h"}, bake="2h")) == []


def test_a_step_that_is_over_before_the_warm_up_is_told() -> None:
    both = ({**ERRORS, "compare": {}}, {**DRIFT, "compare": {}})
    warm = {"warmup": "10m"}
    first, *_ = told(release(*both, analysis=warm))
    assert "over before the warm-up of 10m is: in it drift cannot be judged" in first.text
    assert first.needed_s == 780.0
    assert "hold it for at least 13m" in first.text
    (alone,) = told(release(both[0], analysis=warm))
    assert "nothing is compared in it" in alone.text
    assert told(release(both[0], holds={5: "13m"}, analysis=warm)) == []


@pytest.mark.parametrize(("hold", "needed"), [("2m", 240.0), ("3m30s", 240.0)])
def test_a_step_with_fewer_intervals_than_a_revert_takes_is_told(hold: str, needed: float) -> None:
    plan = release({**ERRORS, "compare": {}}, holds={5: hold, 50: "10m"})
    (found,) = told(plan)
    assert re.search(r"closes [12] intervals of evidence", found.text)
    assert found.needed_s == needed
    assert told(release({**ERRORS, "compare": {}}, holds={5: "4m", 50: "10m"})) == []


def test_only_the_first_part_of_a_long_step_is_simulated_and_that_is_said() -> None:
    (found,) = told(release({**ERRORS, "compare": {}}, holds={5: "12h"}))
    assert "only its first 4h15m were simulated" in found.text


def test_durations_are_rounded_up_to_what_people_write() -> None:
    assert [length_text(s) for s in (45, 119.2, 121, 7100, 7201)] == [
        "45s",
        "2m",
        "3m",
        "1h59m",
        "2h15m",
    ]
    plan = release(ERRORS | {"threshold": limit()})
    assert step_name(plan, 3) == "the bake (10m)"
