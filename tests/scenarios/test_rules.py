"""The "Rules that settle the day-one questions", and what is refused or survived."""

from dataclasses import replace
from datetime import timedelta

import pytest

from surefoot.engine.questions import Problem, ProblemKind
from surefoot.engine.world import BackendWeight, Rival, Route
from surefoot.stats.measures import Counts, Histogram, LabeledScores
from tests.scenarios.test_course import at_weight, promoted
from tests.scenarios.world import (
    NO_PROMETHEUS,
    T0,
    CrashError,
    candidate,
    errors,
    given_world,
    new_world,
    workload,
)

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


# label delay


async def test_a_signal_with_late_labels_judges_only_holds_that_cover_them():
    steps = [{"weight": 10, "hold": "20s"}, {"weight": 50, "hold": "40s"}]
    world = new_world(signals=[calibration()], steps=steps)
    bad = LabeledScores(50, 100, 1000)
    world.measures[("calibration", "candidate")] = bad
    await world.run(20)
    (signal,) = world.status["signals"]
    assert (signal["verdict"], signal["judgesFrom"]) == ("NotDue", "step 2/2")
    await world.until("Reverted")
    assert world.weights == [0, 0, 10, 50, 0]
    assert "calibration: 0.5, the limit is 0.8 … 1.25" in world.status["message"]


async def test_a_signal_whose_labels_come_too_late_for_any_step_is_watched_only():
    world = new_world(signals=[calibration(labelDelay="1h")])
    world.measures[("calibration", "candidate")] = LabeledScores(50, 100, 1000)
    await world.until("Idle")
    assert world.status["signals"][0]["judgesFrom"] == "never"
    assert world.status["signals"][0]["verdict"] == "NotDue"


async def test_no_step_goes_up_while_prometheus_is_away_though_no_signal_is_due():
    world = new_world(signals=[calibration(labelDelay="1h")])
    await world.run(20)
    assert world.weight() == 10
    world.trouble = NO_PROMETHEUS
    await world.run(600)
    assert world.weight() == 10
    world.trouble = Problem(ProblemKind.EMPTY, "no series")  # labels may come late: no gap
    await world.until("Idle")


async def test_a_signal_first_judges_in_the_bake_when_only_that_is_long_enough():
    world = new_world(signals=[calibration()], bake="2m", steps=[{"weight": 10, "hold": "20s"}])
    world.measures[("calibration", "candidate")] = LabeledScores(50, 100, 1000)
    await world.until("Reverted")
    assert world.weights == [0, 0, 10, 100, 0]


# at 100


async def test_at_100_drift_is_held_against_the_incumbents_frozen_bins():
    world = new_world(signals=[drift()], bake="1m")
    world.measures[("drift", "both")] = STEADY
    await world.until("Baking")
    world.measures[("drift", "incumbent")] = Problem(ProblemKind.EMPTY, "no traffic")
    await world.tick(10)
    assert world.status["signals"][0]["verdict"] == "Pass"
    world.measures[("drift", "candidate")] = SHIFTED
    await world.tick(10)
    assert (world.phase, world.weight()) == ("Reverted", 0)


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


# thresholds


async def test_consecutive_counts_evaluations_with_a_new_sample_only():
    world = await at_weight(10, signals=[errors(threshold={"consecutive": 3})])
    world.reads(bad=500)
    world.sampled = world.now
    await world.run(60)
    assert world.weight() == 10
    assert world.status["signals"][0]["breaches"] == 1
    world.sampled = None
    await world.run(20)
    assert world.weight() == 0


async def test_one_crossing_and_a_clean_window_is_a_transient_deviation():
    world = await at_weight(10, signals=[errors(threshold={"consecutive": 2})])
    world.reads(bad=500)
    await world.tick(10)
    assert world.status["signals"][0]["verdict"] == "Inconclusive"
    world.reads(bad=0)
    await world.tick(10)
    assert "TransientDeviation" in world.status["signals"][0]["reason"]
    await world.until("Idle")


async def test_a_breach_of_both_arms_says_so_and_still_reverts():
    world = await at_weight(10)
    world.reads(bad=500)
    world.reads(bad=400, arm="incumbent")
    await world.tick(10)
    assert world.weight() == 0
    assert "SharedDeviation" in world.status["message"]


async def test_error_rates_are_live_in_warmup_and_others_are_not():
    slow = {
        "name": "slow", "type": "PromQL", "query": "x", "threshold": {"max": 1, "window": "30s"},
    }  # fmt: skip
    world = await at_weight(
        10, signals=[errors(), slow], analysis={"interval": "10s", "warmup": "2m"}
    )
    await world.tick(10)
    assert [s["reason"] for s in world.status["signals"]][1] == "warming up"
    await world.run(60)
    assert world.weight() == 10
    world.reads(bad=500)
    await world.tick(10)
    assert world.weight() == 0


@pytest.mark.parametrize(("on_breach", "weight"), [("Revert", 0), ("Hold", 10), ("Observe", 25)])
async def test_what_a_breach_does_is_the_signals_to_say(on_breach, weight):
    world = await at_weight(10, signals=[errors(onBreach=on_breach)])
    world.reads(bad=500)
    await world.run(50)
    assert world.weight() == weight


# missing data


@pytest.mark.parametrize("kind", list(ProblemKind))
async def test_no_kind_of_trouble_with_prometheus_ever_steps_up_or_reverts(kind):
    world = await at_weight(10)
    world.trouble = Problem(kind, f"Prometheus: {kind}")
    await world.run(300)
    assert (world.weight(), world.phase) == (10, "Holding")
    assert f"Prometheus: {kind}" in world.status["message"]
    assert world.condition("Ready")[0] == "True"


async def test_too_few_samples_hold():
    world = await at_weight(10)
    world.reads(bad=0, total=5)
    await world.run(300)
    assert (world.weight(), world.status["reason"]) == (10, "SignalNoData")
    assert "5 of 20 samples" in world.status["message"]


async def test_no_data_reverts_when_the_release_says_so_once_the_window_has_passed():
    world = await at_weight(10, onNoData="Revert")
    world.trouble = NO_PROMETHEUS
    await world.tick(10)
    assert world.weight() == 10
    await world.until("Reverted")
    assert world.condition("Promoted") == ("False", "NoData")


async def test_a_held_release_writes_nothing_while_nothing_changes():
    world = await at_weight(10)
    world.trouble = NO_PROMETHEUS
    await world.run(60)
    writes = len(world.writes)
    await world.run(600)
    assert len(world.writes) == writes
    assert world.reasons().count("SignalError") == 1


# references and routes


@pytest.mark.parametrize(
    ("breaks", "reason"),
    [
        (lambda w: w.workloads.pop("fraud-v42"), "WorkloadMissing"),
        (lambda w: w.services.pop("fraud-v42"), "ServiceMissing"),
        (lambda w: w.services.update({"fraud-v42": (80, 81)}), "PortAmbiguous"),
        (lambda w: w.routes.pop("fraud"), "RouteMissing"),
        (lambda w: w.routes.update(fraud=replace(w.routes["fraud"], rules=((BackendWeight("fraud-v41", 80, 1),),))), "BackendMissing"),
    ],
)  # fmt: skip
async def test_what_is_missing_at_weight_zero_stalls_and_moves_nothing(breaks, reason):
    world = given_world()
    breaks(world)
    await world.run(60)
    assert world.condition("Stalled") == ("True", reason)
    assert world.condition("Accepted")[0] == "False"
    assert world.weights == []


@pytest.mark.parametrize(
    ("breaks", "reason"),
    [
        (lambda w: w.services.pop("fraud-v42"), "CandidateBackendMissing"),
        (lambda w: w.routes.pop("fraud"), "RouteMissing"),
        (lambda w: w.routes.update(fraud=replace(w.routes["fraud"], rules=((BackendWeight("fraud-v41", 80, 1),),))), "BackendMissing"),
    ],
)  # fmt: skip
async def test_what_vanishes_above_zero_sends_the_traffic_back(breaks, reason):
    world = given_world()
    await world.run(30)
    assert world.weight() == 10
    breaks(world)
    await world.tick(0)
    assert world.condition("Promoted") == ("False", reason)
    assert world.status["traffic"]["intended"] == 0


async def test_a_managed_route_deleted_mid_release_comes_back_with_the_incumbent_alone():
    world = await at_weight(25)
    del world.routes["fraud"]
    await world.tick(0)
    assert world.routes["fraud"].rules == ((BackendWeight("fraud-v41", 80, 100),),)


async def test_the_incumbents_backend_ref_missing_is_left_alone():
    world = given_world()
    await world.run(30)
    rule = (BackendWeight("fraud-v42", 80, 10),)
    world.routes["fraud"] = replace(world.routes["fraud"], rules=(rule,))
    world.reads(bad=500)
    await world.tick(10)
    assert world.routes["fraud"].rules == (rule,)
    assert world.condition("Stalled")[0] == "True"


async def test_every_rule_with_both_arms_is_changed_and_no_other():
    world = given_world()
    both = (BackendWeight("fraud-v41", 80, 100), BackendWeight("fraud-v42", 80, 0))
    one = (BackendWeight("fraud-v41", 80, 1),)
    other = (
        BackendWeight("fraud-v41", 80, 60),
        BackendWeight("fraud-v42", 80, 0),
        BackendWeight("x", 80, 40),
    )
    world.routes["fraud"] = replace(world.routes["fraud"], rules=(both, one, other))
    await world.run(30)
    rules = world.routes["fraud"].rules
    assert [b.weight for b in rules[0]] == [90, 10]
    assert rules[1] == one
    assert [b.weight for b in rules[2]] == [54, 6, 40]


async def test_arms_whose_sum_is_too_small_beside_others_are_refused_with_a_sentence():
    world = given_world()
    rule = (
        BackendWeight("fraud-v41", 80, 1),
        BackendWeight("fraud-v42", 80, 0),
        BackendWeight("x", 80, 1),
    )
    world.routes["fraud"] = replace(world.routes["fraud"], rules=(rule,))
    await world.run(60)
    assert world.status["reason"] == "RouteUnsuitable"
    assert "give them a sum of 100" in world.status["message"]


async def test_a_managed_route_never_takes_over_a_route_of_that_name():
    world = new_world()
    world.routes["fraud"] = Route("fraud", 1, False, ((BackendWeight("x", 80, 1),),))
    await world.run(60)
    assert world.condition("Stalled") == ("True", "RouteNotOurs")
    assert world.weights == []


async def test_the_younger_of_two_releases_on_one_route_refuses_and_names_the_other():
    world = given_world()
    world.rivals = [Rival("fraud-eu", "uid-2", T0 - timedelta(hours=1))]
    await world.run(30)
    assert world.condition("Stalled") == ("True", "RouteConflict")
    assert "fraud-eu" in world.status["message"]
    world = given_world()
    world.rivals = [Rival("fraud-eu", "uid-2", T0 + timedelta(hours=1))]
    await world.run(30)
    assert world.weight() == 10


async def test_of_two_releases_from_the_same_second_the_one_that_has_the_route_keeps_it():
    for uid in ("uid-a", "uid-z"):  # before and after this one's
        world = given_world()
        world.rivals = [Rival("fraud-eu", uid, T0, adopted=True)]
        await world.run(30)
        assert world.condition("Stalled") == ("True", "RouteConflict")
        world = await at_weight(10)
        world.rivals = [Rival("fraud-eu", uid, T0, adopted=False)]
        await world.run(120)
        assert world.status["reason"] != "RouteConflict"


async def test_of_two_releases_from_the_same_second_that_have_nothing_yet_the_uid_decides():
    for uid, refused in (("uid-a", True), ("uid-z", False)):
        world = given_world()
        world.rivals = [Rival("fraud-eu", uid, T0)]
        await world.run(30)
        assert (world.status["reason"] == "RouteConflict") is refused


async def test_an_asserted_incumbent_that_does_not_serve_stalls():
    world = await promoted()
    world.workloads["fraud-v43"] = workload("fraud-v43")
    world.services["fraud-v43"] = (80,)
    world.apply(candidate=candidate("43"))
    await world.tick(1)
    assert world.condition("Stalled") == ("True", "IncumbentMismatch")
    assert world.weight() == 100


async def test_an_unknown_preset_is_a_sentence():
    world = new_world(signals=[errors(source={"preset": "istio"})])
    await world.tick()
    assert world.condition("Accepted") == ("False", "InvalidSpec")
    assert "there is no preset istio" in world.status["message"]


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
