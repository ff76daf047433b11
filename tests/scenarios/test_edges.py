"""Stories at the edges: two things at once, changes at the wrong moment, and what is half gone."""

import asyncio
from datetime import timedelta

import pytest

from surefoot.engine.acts import MOST_AT_ONCE
from surefoot.engine.questions import Problem, ProblemKind
from surefoot.engine.world import Action
from surefoot.reconcile import reconcile
from surefoot.stats.measures import Counts, Histogram, Scalar
from tests.scenarios.memory import KEY, CrashError
from tests.scenarios.specs import candidate, errors, workload
from tests.scenarios.stories import at_weight
from tests.scenarios.test_rules import STEADY, drift
from tests.scenarios.test_steps_changed import steps
from tests.scenarios.world import arms, new_world

FEW = Histogram((0.25, 0.5, 0.75), (0.0, 4.0, 8.0, 0.0))
MANY = Histogram((0.25, 0.5, 0.75), (600.0, 400.0, 0.0, 0.0))


# the route goes back


async def test_a_revert_that_was_not_written_is_carried_out_by_the_deletion():
    world = await at_weight(25)
    world.api_down = True
    world.reads(bad=500)
    await world.tick(10)
    world.api_down, world.deleted = False, True
    await world.tick(0)
    assert world.weight() == 0


async def test_deleted_while_no_incumbent_can_serve_the_weights_stay_and_a_warning_says_so():
    world = await at_weight(25)
    world.workloads["fraud-v41"] = workload("fraud-v41", available=0)
    world.deleted = True
    await world.tick(0)
    assert world.weight() == 25
    assert world.events[-1].warning
    assert "the weights stay" in world.events[-1].message


async def test_a_pointer_to_another_candidate_waits_until_the_weight_is_back():
    world = await at_weight(25)
    world.api_down = True
    world.workloads |= arms("fraud-v43")["workloads"]
    world.services["fraud-v43"] = (80,)
    world.apply(candidate=candidate("43"))
    await world.tick(1)
    assert world.status["release"]["version"] == "42"
    assert (world.phase, world.status["reason"]) == ("Reverting", "WeightNotVerified")


async def test_a_pointer_back_to_the_incumbent_waits_until_the_weight_is_back():
    world = await at_weight(25)
    world.api_down = True
    world.apply(candidate=candidate("41"), incumbent=None)
    await world.tick(1)
    assert (world.phase, world.status["reason"]) == ("Reverting", "WeightNotVerified")
    world.api_down = False
    await world.until("Idle")
    assert world.weight() == 0


async def test_a_new_pointer_while_no_incumbent_can_serve_is_held():
    world = await at_weight(25)
    world.workloads["fraud-v41"] = workload("fraud-v41", available=0)
    world.apply(candidate=candidate("41"), incumbent=None)
    await world.tick(1)
    assert (world.weight(), world.phase) == (25, "Holding")
    assert world.status["reason"] == "IncumbentNotReady"


async def test_a_reverted_candidate_whose_deployment_was_deleted_stays_reverted():
    world = await at_weight(25)
    world.reads(bad=500)
    await world.tick(10)
    del world.workloads["fraud-v42"]
    await world.tick(10)
    assert world.phase == "Reverted"


async def test_another_image_after_a_revert_is_a_new_release():
    world = await at_weight(25)
    world.reads(bad=500)
    await world.tick(10)
    world.reads(bad=0)
    world.workloads["fraud-v42"] = workload("fraud-v42", image="mended")
    await world.until("Idle")
    assert world.status["incumbent"]["fingerprint"] == "fp-mended"


# hands on the weights, and a clock that was set back


async def test_a_weight_raised_again_after_the_clock_was_set_back_is_put_right_at_once():
    world = await at_weight(25)
    await world.tick(10)
    world.edit_weight(90)
    await world.tick(0)
    world.now -= timedelta(hours=1)
    world.edit_weight(90)
    await world.tick(0)
    assert world.weight() == 25


async def test_a_fight_that_has_been_quiet_for_long_is_over():
    world = await at_weight(25)
    for _ in range(3):
        world.edit_weight(90)
        await world.tick(1)
    assert world.status["reason"] == "WeightFight"
    await world.run(280)
    assert world.weight() == 25
    await world.until("Idle")


async def test_a_fight_that_waits_to_be_put_right_names_who_fights():
    world = await at_weight(25)
    for _ in range(3):
        world.edit_weight(90)
        await world.tick(0.2)
    (stalled,) = [c for c in world.status["conditions"] if c["type"] == "Stalled"]
    assert (stalled["status"], stalled["reason"]) == ("True", "WeightFight")
    assert "stop kubectl-edit from writing this route" in stalled["message"]


async def test_the_story_of_a_fight_outlives_its_decision_record():
    world = await at_weight(25)
    for _ in range(3):
        world.edit_weight(90)
        await world.tick(1)
    world.status["decisions"] = []
    await world.tick(10)
    assert world.status["message"] == (
        "the candidate's weight is raised again and again: stop what writes this route"
    )


# acts


async def test_a_second_pause_is_refused_and_names_the_first():
    world = await at_weight(25)
    world.act("Pause", by="alice")
    await world.tick(1)
    name = world.act("Pause", by="bob")
    await world.tick(1)
    assert world.finished[name].phase == "Refused"
    assert "paused by alice" in world.finished[name].message


async def test_an_act_carried_out_before_a_crash_is_answered_and_not_repeated():
    world = await at_weight(25)
    name = world.act("Pause")
    world.crash_after = 1
    with pytest.raises(CrashError):
        await world.tick(0)
    await world.tick(1)
    assert world.finished[name].message == "carried out"
    assert world.decided().count("Paused") == 1


async def test_an_act_that_is_not_yet_taken_stays_open():
    world = await at_weight(25)
    world.apply(suspend=True)
    world.actions.append(Action("late", "uid-late", "Abort", "bob", "", world.now))
    await world.tick(1)
    assert "late" not in world.finished
    assert world.weight() == 25


async def test_a_flood_of_acts_is_answered_some_at_a_time_and_keeps_no_revert_waiting():
    world = await at_weight(25)
    retries = [world.act("Retry") for _ in range(5 * MOST_AT_ONCE)]
    world.advance(1)
    report = world.reconcile()
    assert len(world.finished) == MOST_AT_ONCE
    assert report.requeue == timedelta(0), "the others are answered at once, by ticks of their own"
    world.reads(bad=500)
    world.advance(10)
    for _ in range(3):
        world.reconcile()
    assert world.weight() == 0
    assert len(world.finished) < len(retries), "traffic comes back before all are answered"
    await world.tick(1)
    assert {name for name in retries if name in world.finished} == set(retries)


# a signal that comes and goes


async def test_no_signals_at_all_the_holds_pass_by_the_clock():
    world = new_world(signals=[])
    await world.until("Idle")
    assert world.weights == [0, 0, 10, 25, 50, 100]


async def test_a_signal_added_in_a_step_gates_before_the_next():
    world = await at_weight(25)
    world.measures[("more", "candidate")] = Counts(500, 1000)
    world.apply(signals=[errors(), errors("more", onBreach="Hold")])
    await world.run(200)
    assert (world.weight(), world.status["reason"]) == (25, "SignalBreach")


async def test_a_drift_that_small_samples_may_invent_holds_until_there_are_more():
    signal = drift()
    signal["threshold"]["minSamples"] = 10
    world = new_world(signals=[signal])
    world.measures[("drift", "incumbent")] = Histogram(FEW.edges, (0.0, 7.0, 5.0, 0.0))
    world.measures[("drift", "candidate")] = FEW
    await world.run(200)
    assert (world.weight(), world.status["reason"]) == (10, "SignalInconclusive")
    assert "where noise alone reaches" in world.status["message"]


async def test_bins_frozen_before_100_are_kept_when_a_last_step_of_100_becomes_the_bake():
    world = new_world(signals=[drift()], steps=steps(10, 100), bake="1m")
    world.measures[("drift", "both")] = STEADY
    while world.weight() < 100:
        await world.tick(10)
    world.measures[("drift", "incumbent")] = MANY
    await world.until("Baking")
    assert world.status["signals"][0]["frozen"]["counts"] == list(STEADY.counts)


async def test_bins_are_not_frozen_from_an_arm_that_has_none():
    world = new_world(signals=[drift()], steps=[{"weight": 50, "hold": "20s"}], bake="1m")
    world.measures[("drift", "both")] = STEADY
    await world.until("Progressing")
    while world.weight() < 100:
        await world.tick(10)
    assert "frozen" in world.status["signals"][0]


async def test_a_value_without_a_sample_count_is_told_without_one():
    slow = {
        "name": "slow",
        "type": "PromQL",
        "query": "x",
        "threshold": {"max": 1, "window": "30s"},
    }
    world = new_world(signals=[slow])
    world.measures[("slow", "both")] = Scalar(0.5)
    while world.weight() < 10:
        await world.tick(10)
    world.measures[("slow", "candidate")] = Scalar(3.0)
    await world.tick(10)
    assert world.condition("Promoted") == ("False", "ThresholdCrossed")
    assert "slow: 3, the limit is ≤ 1; at 10 %" in world.status["message"]


async def test_no_data_in_warm_up_never_reverts_whatever_on_no_data_says():
    world = await at_weight(10, onNoData="Revert", analysis={"interval": "10s", "warmup": "5m"})
    world.trouble = Problem(ProblemKind.EMPTY, "no series")
    await world.run(200)
    assert world.weight() == 10


async def test_trouble_with_prometheus_is_no_reproach_while_the_weight_is_not_even_written():
    world = await at_weight(10)
    world.api_down = True
    await world.run(60)
    world.trouble = Problem(ProblemKind.EMPTY, "no series")
    await world.run(100)
    assert world.status["traffic"]["intended"] == 25
    assert (world.weight(), world.status["reason"]) == (10, "WeightNotVerified")


async def test_a_pause_at_zero_stops_the_start_deadline():
    world = new_world()
    world.workloads["fraud-v42"] = workload("fraud-v42", available=0)
    await world.tick(10)
    world.act("Pause")
    await world.run(1000, every=100)
    assert world.phase == "Paused"
    world.act("Resume")
    await world.tick(10)
    assert world.phase == "Pending"


async def test_a_tick_that_is_ended_while_it_writes_waits_for_no_event():
    world = await at_weight(25)
    world.reads(500)
    world.silent = True
    for _ in range(10):
        world.advance(10)
        tick = asyncio.create_task(reconcile(KEY, world.ports, world.now))
        await asyncio.sleep(0)
        if not tick.done():
            break
    tick.cancel()
    await asyncio.wait([tick], timeout=60)
    assert tick.cancelled()
    world.silent = False
    world.restart()
    await world.until("Reverted")
    assert world.reasons().count("ThresholdCrossed") == 1
