"""The "Rules that settle the day-one questions", and what is refused or survived."""

from dataclasses import replace
from datetime import timedelta

import pytest

from surefoot.engine.questions import Problem, ProblemKind
from surefoot.stats.measures import Counts, Histogram
from tests.scenarios.memory import T0, CrashError
from tests.scenarios.specs import workload
from tests.scenarios.stories import at_weight, promoted
from tests.scenarios.test_records import reach
from tests.scenarios.world import NO_PROMETHEUS, new_world

STEADY = Histogram((0.25, 0.5, 0.75), (400.0, 300.0, 200.0, 100.0))
SHIFTED = Histogram((0.25, 0.5, 0.75), (100.0, 200.0, 300.0, 400.0))


def calibration(**changes):
    threshold = {"min": 0.8, "max": 1.25, "window": "20s", "minSamples": 100}
    return {
        "name": "calibration",
        "type": "Calibration",
        "source": {"preset": "model-server"},
        "labelDelay": "10s",
        "threshold": threshold,
        **changes,
    }


def drift():
    return {
        "name": "drift",
        "type": "Drift",
        "source": {"preset": "model-server"},
        "threshold": {"max": 0.25, "window": "30s", "minSamples": 100},
    }


# start


async def test_nothing_starts_while_prometheus_lacks_the_incumbents_series():
    world = new_world()
    world.measures[("errors", "incumbent")] = Problem(ProblemKind.EMPTY, "no series of fraud-v41")
    await world.run(100)
    assert (world.weight(), world.phase) == (0, "Pending")
    assert world.status["reason"] == "WaitingForMetrics"
    assert "no series of fraud-v41" in world.status["message"]


async def test_nothing_starts_before_the_gateway_has_accepted_the_route():
    world = new_world()
    world.accepts, world.gateway_says = False, "Gateway public says Accepted=False, NotAllowed"
    await world.run(100)
    assert world.weight() == 0
    assert (world.status["reason"], world.status["message"]) == (
        "RouteNotAccepted",
        f"{world.gateway_says}; correct HTTPRoute fraud or what its Gateway allows",
    )


async def test_a_route_rejected_mid_release_holds():
    world = await at_weight(25)
    await world.tick(10)
    world.accepts, world.gateway_says = False, "Gateway public says Accepted=False"
    await world.run(120)
    assert (world.weight(), world.phase) == (25, "Holding")
    world.accepts = True
    await world.until("Idle")


async def test_a_hold_starts_when_the_weight_is_verified():
    world = await at_weight(10)
    await world.tick(10)
    world.accepts = None
    await world.run(20)
    assert world.status["step"]["index"] == 0
    assert world.status["reason"] == "RouteNotAccepted"


# time


async def test_a_hold_counts_only_minutes_that_samples_cover():
    world = await at_weight(10)
    world.trouble = NO_PROMETHEUS
    await world.run(600)
    assert world.weight() == 10
    assert world.status["step"]["coveredSeconds"] <= 10
    assert (world.phase, world.status["reason"]) == ("Holding", "SignalError")
    world.trouble = None
    await world.until("Idle")


@pytest.mark.parametrize("jump", [3600, -3600])
async def test_a_jump_of_the_clock_neither_shortens_a_hold_nor_breaks_it(jump):
    world = await at_weight(10)
    world.now += timedelta(seconds=jump)
    world.metrics.last = None
    await world.tick(10)
    assert world.weight() == 10
    await world.until("Idle", most=7200)


async def test_pause_stops_the_hold_and_max_duration_but_never_a_revert():
    world = await at_weight(10, maxDuration="3m")
    name = world.act("Pause", message="incident 7")
    await world.run(600)
    assert (world.phase, world.weight()) == ("Paused", 10)
    assert world.finished[name].phase == "Done"
    world.act("Resume", by="bob")
    await world.until("Idle")
    assert "Resumed" in world.decided()
    world = await at_weight(10)
    world.act("Pause")
    await world.tick(1)
    world.reads(bad=500)
    await world.tick(10)
    assert world.weight() == 0


async def test_max_duration_holds_and_asks_for_a_person():
    world = await at_weight(10, maxDuration="3m")
    world.reads(bad=0, total=5)
    await world.run(300)
    assert world.weight() == 10
    assert world.condition("Stalled") == ("True", "MaxDurationExceeded")


async def test_max_duration_reverts_where_it_is_told_to_and_never_promotes():
    world = await at_weight(10, maxDuration="3m", onInconclusive="Revert")
    world.reads(bad=0, total=5)
    await world.run(150)
    assert world.weight() == 10
    await world.run(60)
    assert world.weight() == 0
    assert world.condition("Promoted") == ("False", "MaxDurationExceeded")
    assert "not decided within maxDuration (3m) (onInconclusive: Revert)" in world.status["message"]


# an invalid spec, hands off, acts


async def test_a_spec_made_invalid_mid_release_holds_and_still_reverts_on_a_breach():
    world = await at_weight(10)
    world.apply(steps=[{"weight": 50, "hold": "1m"}, {"weight": 5, "hold": "1m"}])
    await world.run(120)
    assert (world.weight(), world.phase) == (10, "Holding")
    assert world.condition("Accepted") == ("False", "InvalidSpec")
    assert "weights must rise" in world.status["message"]
    world.reads(bad=500)
    await world.tick(10)
    assert world.weight() == 0
    assert world.condition("Promoted") == ("False", "ThresholdCrossed")


async def test_unknown_fields_of_a_newer_version_are_ignored():
    world = await at_weight(10)
    world.apply(shinyNewField={"x": 1})
    await world.until("Idle")


async def test_suspend_takes_the_hands_off_entirely():
    world = await at_weight(10)
    world.apply(suspend=True)
    world.reads(bad=500)
    world.workloads["fraud-v42"] = workload("fraud-v42", available=0)
    await world.run(60)
    assert (world.weight(), world.phase) == (10, "Suspended")
    world.apply(suspend=False)
    await world.tick(1)
    assert world.weight() == 0


async def test_abort_reverts_whatever_else_is_the_case():
    world = await at_weight(25)
    world.trouble = NO_PROMETHEUS
    world.act("Pause")
    await world.tick(1)
    world.apply(steps=[])
    name = world.act("Abort", by="bob", message="customers complain")
    await world.tick(1)
    assert world.weight() == 0
    assert world.condition("Promoted") == ("False", "Aborted")
    assert world.finished[name].message == "aborted by bob: customers complain"
    assert world.status["decisions"][-1]["by"] == "bob"


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [("Retry", "needs a reverted release"), ("Resume", "needs a paused or held release")],
)
async def test_an_act_that_makes_no_sense_is_refused_with_a_sentence(kind, sentence):
    world = await at_weight(25)
    name = world.act(kind)
    await world.tick(1)
    assert world.finished[name].phase == "Refused"
    assert sentence in world.finished[name].message
    assert world.weight() == 25


async def test_an_abort_of_an_earlier_release_does_not_hit_this_one():
    world = await at_weight(25)
    name = world.act("Abort")
    world.actions[0] = replace(world.actions[0], created=T0 - timedelta(hours=1))
    await world.tick(1)
    assert world.finished[name].phase == "Refused"
    assert world.weight() == 25


AHEAD = timedelta(hours=1)


async def started_by_a_fast_clock(set_right):
    """At 25; the operator's clock was ahead of the API server's, and may have been set right since."""
    world = new_world()
    world.fast = AHEAD
    await reach(world, 25)
    if set_right:
        world.now, world.fast = world.now - AHEAD, timedelta(0)
    return world


@pytest.mark.parametrize("kind", ["Abort", "Pause"])
@pytest.mark.parametrize(("set_right", "recorded"), [(False, True), (True, True), (True, False)])
async def test_an_act_is_not_lost_to_a_clock_that_was_ahead_at_the_start(kind, set_right, recorded):
    world = await started_by_a_fast_clock(set_right)
    if not recorded:
        world.records, world.no_records = {}, True
    name = world.act(kind)
    await world.tick(1)
    assert world.finished[name].phase == "Done"
    assert world.phase == {"Abort": "Reverted", "Pause": "Paused"}[kind]


@pytest.mark.parametrize("set_right", [False, True])
async def test_an_act_on_an_earlier_release_is_refused_whatever_the_clock_said(set_right):
    world = await started_by_a_fast_clock(set_right)
    name = world.act("Pause")
    world.actions[0] = replace(world.actions[0], created=T0 - AHEAD - timedelta(minutes=1))
    await world.tick(1)
    assert world.finished[name].phase == "Refused"
    assert (world.phase, world.weight()) == ("Progressing", 25)


async def test_acts_on_an_idle_release_are_refused():
    world = await promoted()
    name = world.act("Pause")
    await world.tick(1)
    assert "has none" in world.finished[name].message


# crashes, writes and Events


@pytest.mark.parametrize("after", range(1, 4))
async def test_killed_during_a_revert_the_traffic_still_comes_back(after):
    world = await at_weight(25)
    world.reads(bad=500)
    world.crash_after = after
    for _ in range(5):
        try:
            await world.tick(10)
        except CrashError:
            world.metrics.last = None
    assert (world.weight(), world.phase) == (0, "Reverted")


async def test_a_step_takes_at_most_two_status_writes_one_route_write_and_one_event():
    world = await at_weight(10)
    await world.run(20)
    before, events = len(world.writes), len(world.events)
    await world.tick(10)
    assert world.weight() == 25
    made = world.writes[before:]
    assert made.count("route") == 1
    assert made.count("status") <= 2
    assert [e.reason for e in world.events[events:]] == ["StepReached"]


async def test_each_transition_has_an_event_of_its_own():
    world = new_world()
    await world.until("Idle")
    assert world.reasons() == ["Adopted", "Started", *["StepReached"] * 4, "Promoted"]


async def test_an_api_server_that_fails_mid_revert_is_tried_again():
    world = await at_weight(25)
    world.api_down = True
    world.reads(bad=500)
    await world.tick(10)
    assert world.weight() == 25
    assert world.status["traffic"]["intended"] == 0
    world.api_down = False
    await world.tick(1)
    assert world.weight() == 0


async def test_every_decision_carries_rule_weight_and_numbers():
    world = await at_weight(25)
    world.reads(bad=500)
    await world.tick(10)
    last = world.status["decisions"][-1]
    assert (last["rule"], last["reason"], last["weight"]) == ("Revert", "ThresholdCrossed", 0)
    assert last["numbers"] == {"errors": 0.5}


async def test_rising_counts_never_pass_without_requests():
    world = await at_weight(10)
    world.measures[("errors", "candidate")] = Counts(0, 0)
    await world.run(120)
    assert world.weight() == 10


async def test_a_release_that_was_deleted_and_applied_again_finds_its_managed_route():
    world = await promoted()
    world.deleted = True
    await world.tick(0)
    world.deleted, world.forgotten, world.status, world.uid = False, False, {}, "uid-anew"
    await world.tick(10)
    assert (world.phase, world.weight()) == ("Idle", 100)
    assert world.status["incumbent"]["version"] == "42"


async def test_an_abort_counts_when_every_clock_was_set_back_since_the_start():
    world = await at_weight(25)
    world.now -= timedelta(hours=1)
    world.act("Abort")
    await world.tick(1)
    assert world.weight() == 0
