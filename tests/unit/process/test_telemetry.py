"""Surefoot's own series: they appear with a tick and go with the release."""

import json
import logging
import sys
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from surefoot.api.signal_status import SignalStatus, WatchStatus
from surefoot.api.status import (
    Backend,
    Condition,
    ModelReleaseStatus,
    Released,
    RouteStatus,
    TrafficStatus,
)
from surefoot.api.vocabulary import Outcome, Phase, Reason, Rule
from surefoot.engine.effects import Announcement, Decision
from surefoot.ports import Key
from surefoot.telemetry import JsonFormatter, Telemetry, TextFormatter

KEY = Key("risk", "fraud")


def decision(*signals, phase=Phase.PROGRESSING, announcements=(), traffic=True, outcome=None):
    """What a tick at 25 % came to, of which the route carries 10 so far."""
    backend = Backend(name="fraud-v42", port=80)
    release = Released(
        id="f-1", version="42", workload="fraud-v42", backend=backend, fingerprint="f",
        template_hash="t", started_at=datetime(2026, 1, 5, tzinfo=UTC), outcome=outcome,
    )  # fmt: skip
    status = ModelReleaseStatus(
        phase=phase,
        release=release,
        signals=list(signals),
        traffic=TrafficStatus(route=RouteStatus(name="fraud"), intended=25, observed=10)
        if traffic
        else None,
    )
    return Decision(
        Rule.GATE,
        Reason.HOLD_RUNNING,
        status,
        True,
        True,
        (),
        tuple(announcements),
        timedelta(0),
        {},
    )


def signal(name="errors", verdict="Pass", value=0.25):
    return SignalStatus(name=name, type="ErrorRate", verdict=verdict, value=value)


def samples(telemetry, name):
    """As Prometheus reads the text."""
    text = b"".join(telemetry.text()).decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    return families[name].samples


def sample(telemetry, name, **labels):
    where = {"namespace": "risk", "release": "fraud", **labels}
    found = [each.value for each in samples(telemetry, name) if each.labels == where]
    assert len(found) <= 1
    return found[0] if found else None


def series_of(telemetry):
    text = b"".join(telemetry.text()).decode()
    return [line for line in text.splitlines() if 'release="fraud"' in line]


@pytest.fixture
def telemetry():
    return Telemetry()


def test_a_tick_shows_intended_and_observed_weight(telemetry):
    telemetry.observe(KEY, decision(), 0, False)
    name = "surefoot_candidate_weight_percent"
    assert sample(telemetry, name, kind="intended") == 25
    assert sample(telemetry, name, kind="observed") == 10


def test_exactly_one_phase_is_1(telemetry):
    telemetry.observe(KEY, decision(), 0, False)
    telemetry.observe(KEY, decision(phase=Phase.REVERTED), 0, False)
    now = {p: sample(telemetry, "surefoot_release_phase", phase=p.value) for p in Phase}
    assert [phase for phase, value in now.items() if value] == [Phase.REVERTED]


@pytest.mark.parametrize(
    ("verdict", "level"),
    [("NotDue", -1), ("Pass", 0), ("NoData", 1), ("Inconclusive", 2), ("Error", 3), ("Fail", 4), ("Newer", 3)],
)  # fmt: skip
def test_a_verdict_is_its_place_in_the_lattice(telemetry, verdict, level):
    telemetry.observe(KEY, decision(signal(verdict=verdict)), 0, False)
    assert sample(telemetry, "surefoot_signal_verdict", signal="errors") == level


def test_a_signal_shows_its_value(telemetry):
    telemetry.observe(KEY, decision(signal()), 0, False)
    assert sample(telemetry, "surefoot_signal_value", signal="errors") == 0.25


def test_a_signal_without_a_value_shows_only_its_verdict(telemetry):
    telemetry.observe(KEY, decision(signal(value=None)), 0, False)
    assert sample(telemetry, "surefoot_signal_value", signal="errors") is None
    assert sample(telemetry, "surefoot_signal_verdict", signal="errors") == 0


def test_a_value_that_is_no_longer_known_has_no_series(telemetry):
    telemetry.observe(KEY, decision(signal()), 0, False)
    telemetry.observe(KEY, decision(signal(value=None, verdict="NoData")), 0, False)
    assert sample(telemetry, "surefoot_signal_value", signal="errors") is None
    assert sample(telemetry, "surefoot_signal_verdict", signal="errors") == 1


def test_a_release_that_is_over_is_judged_no_more(telemetry):
    telemetry.observe(KEY, decision(signal()), 0, False)
    telemetry.observe(KEY, decision(signal(), outcome=Outcome.REVERTED), 0, False)
    assert sample(telemetry, "surefoot_signal_value", signal="errors") is None
    assert sample(telemetry, "surefoot_signal_verdict", signal="errors") is None


@pytest.mark.parametrize(("reason", "level"), [("WatchBreach", 4), ("WatchOver", None)])
def test_a_watched_signal_is_shown_as_long_as_it_is_looked_at(telemetry, reason, level):
    made = decision(signal(), outcome=Outcome.PROMOTED)
    now = datetime(2026, 1, 5, tzinfo=UTC)
    said = Condition(type="Watched", status="False", reason=reason, last_transition_time=now)
    made.status.conditions = [said]
    made.status.watch = WatchStatus(version="42", since=now, signals=[signal("drift", "Fail")])
    telemetry.observe(KEY, made, 0, False)
    assert sample(telemetry, "surefoot_signal_verdict", signal="drift") == level
    assert sample(telemetry, "surefoot_signal_verdict", signal="errors") is None


def test_a_signal_that_was_removed_has_no_series_any_more(telemetry):
    telemetry.observe(KEY, decision(signal(), signal("p99")), 0, False)
    telemetry.observe(KEY, decision(signal()), 0, False)
    assert sample(telemetry, "surefoot_signal_verdict", signal="p99") is None
    assert sample(telemetry, "surefoot_signal_verdict", signal="errors") == 0


def test_a_forgotten_release_leaves_no_series(telemetry):
    telemetry.observe(KEY, decision(signal(), signal("p99", value=None)), 0, False)
    telemetry.forget(KEY)
    assert series_of(telemetry) == []


def test_forgetting_one_release_leaves_the_others(telemetry):
    telemetry.observe(KEY, decision(signal()), 0, False)
    before = series_of(telemetry)
    telemetry.observe(Key("risk", "other"), decision(signal()), 0, False)
    telemetry.forget(Key("risk", "other"))
    assert series_of(telemetry) == before


def test_a_release_that_was_never_seen_is_forgotten_without_a_word(telemetry):
    telemetry.forget(KEY)
    telemetry.observe(KEY, decision(traffic=False), 0, False)
    telemetry.forget(KEY)
    assert series_of(telemetry) == []


@pytest.mark.slow
def test_each_of_many_releases_is_shown_once(telemetry):
    keys = [Key("risk", f"fraud-{number}") for number in range(1001)]
    for key in keys:
        telemetry.observe(key, decision(signal()), 0, False)
    for name in ("surefoot_signal_value", "surefoot_signal_verdict"):
        found = [each.labels["release"] for each in samples(telemetry, name)]
        assert found == [key.name for key in keys]
    phases = [each.value for each in samples(telemetry, "surefoot_release_phase")]
    assert (len(phases), sum(phases)) == (1001 * len(Phase), 1001)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.floats())
def test_whatever_a_status_says_of_a_signal_can_be_read(name, value):
    telemetry = Telemetry()
    telemetry.observe(KEY, decision(signal(name, value=value)), 0, False)
    found = sample(telemetry, "surefoot_signal_value", signal=name)
    assert found == value or (found != found and value != value)


def test_ticks_writes_and_transitions_are_counted(telemetry):
    said = Announcement(Reason.STEP_REACHED, "25 %")
    telemetry.observe(KEY, decision(announcements=[said]), 2, True)
    telemetry.observe(KEY, decision(), 1, False)
    value = telemetry.registry.get_sample_value
    assert value("surefoot_ticks_total", {"rule": "Gate"}) == 2
    assert value("surefoot_writes_total", {"kind": "status"}) == 1
    assert value("surefoot_writes_total", {"kind": "effect"}) == 3
    reached = {"namespace": "risk", "reason": "StepReached"}
    assert value("surefoot_transitions_total", reached) == 1


# logs


def record(message="put right", error=False, **extra):
    info = None
    if error:
        try:
            raise ValueError("why")
        except ValueError:
            info = sys.exc_info()
    made = logging.LogRecord("surefoot.tick", logging.WARNING, "", 0, message, (), info)
    made.__dict__.update(extra)
    return made


def test_a_json_line_names_the_release_and_the_reason():
    line = JsonFormatter().format(record(namespace="risk", release="fraud", reason="WeightRaised"))
    found = json.loads(line)
    assert "\n" not in line
    assert found.pop("time").endswith("+00:00")
    assert found == {
        "level": "warning",
        "logger": "surefoot.tick",
        "message": "put right",
        "namespace": "risk",
        "release": "fraud",
        "reason": "WeightRaised",
    }


def test_a_json_line_carries_a_traceback_in_itself():
    line = JsonFormatter().format(record(error=True))
    assert "\n" not in line
    assert "ValueError: why" in json.loads(line)["error"]


def test_a_text_line_begins_with_time_level_and_release():
    line = TextFormatter().format(record(namespace="risk", release="fraud"))
    assert line.split(" ", 1)[1] == "WARNING risk/fraud put right"


def test_a_text_line_is_followed_by_its_traceback():
    first, *rest = TextFormatter().format(record(error=True)).splitlines()
    assert first.endswith("WARNING put right")
    assert rest[-1] == "  ValueError: why"
