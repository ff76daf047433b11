"""Stories that a careful reader found to end badly; each ends well now."""

from dataclasses import replace
from datetime import timedelta

import pytest

from surefoot.engine.questions import Problem, ProblemKind
from surefoot.engine.world import BackendWeight, Rival
from surefoot.ports import ConflictError
from tests.scenarios.memory import T0, CrashError
from tests.scenarios.specs import candidate, errors, given_route, workload
from tests.scenarios.stories import at_weight, promoted
from tests.scenarios.test_rules import calibration
from tests.scenarios.world import NO_PROMETHEUS, arms, new_world

EMPTY = Problem(ProblemKind.EMPTY, "no series")


async def test_a_breach_is_judged_again_at_once_when_the_status_could_not_be_saved(monkeypatch):
    world = await at_weight(25)
    await world.tick(10)
    world.reads(bad=500)
    save, failures = world.store.save_status, [ConflictError("stale")]

    async def failing(release, status):
        if failures:
            raise failures.pop()
        await save(release, status)

    monkeypatch.setattr(world.store, "save_status", failing)
    await world.tick(10)
    assert (world.weight(), failures) == (0, [])


async def test_a_candidates_service_that_lost_its_port_sends_the_traffic_back():
    world = await at_weight(25)
    world.services["fraud-v42"] = (8080,)
    await world.tick(0)
    assert world.weight() == 0
    assert world.condition("Promoted") == ("False", "CandidateBackendMissing")


async def test_an_incumbent_without_its_service_takes_nothing_back_and_nothing_steps_up():
    world = await at_weight(10)
    del world.services["fraud-v41"]
    await world.run(120)
    assert (world.weight(), world.status["reason"]) == (10, "IncumbentNotReady")
    world.reads(bad=500)
    await world.tick(10)
    assert (world.weight(), world.condition("Stalled")) == (10, ("True", "BothArmsBroken"))


async def test_nothing_starts_while_the_incumbent_could_not_take_it_back():
    world = new_world()
    world.workloads["fraud-v41"] = workload("fraud-v41", available=0)
    await world.run(60)
    assert (world.weight(), world.status["reason"]) == (0, "IncumbentNotReady")


async def intended_only():
    """25 is intended; killed before the route was written, which still says 10."""
    world = await at_weight(10)
    await world.run(20)
    world.crash_after = 1
    with pytest.raises(CrashError):
        await world.tick(10)
    assert (world.weight(), world.status["traffic"]["intended"]) == (10, 25)
    return world


async def test_a_raise_is_put_right_to_what_was_written_not_to_a_step_that_is_held():
    world = await intended_only()
    world.workloads["fraud-v41"] = workload("fraud-v41", available=1)
    await world.run(60)
    assert world.phase == "Holding"
    world.edit_weight(60)
    await world.run(60)
    assert world.weight() == 10
    assert 25 not in world.weights
    assert [e.message for e in world.events if e.reason == "WeightRaised"] == [
        "the candidate's weight was raised from 10 to 60 by kubectl-edit: put right"
    ]
    world.workloads["fraud-v41"] = workload("fraud-v41")
    await world.until("Idle")


async def test_a_superseded_release_that_cannot_go_back_is_not_stepped_up():
    world = await intended_only()
    world.workloads |= arms("fraud-v43")["workloads"]
    world.services["fraud-v43"] = (80,)
    world.workloads["fraud-v41"] = workload("fraud-v41", available=0)
    world.apply(candidate=candidate("43"))
    await world.run(60)
    assert (world.weight(), world.status["reason"]) == (10, "IncumbentNotReady")
    assert 25 not in world.weights
    world.workloads["fraud-v41"] = workload("fraud-v41")
    await world.tick(1)
    assert world.status["history"][-1]["outcome"] == "Superseded"


async def test_a_step_that_was_intended_before_a_crash_is_not_written_into_a_hold():
    world = await intended_only()
    world.workloads["fraud-v41"] = workload("fraud-v41", available=1)
    world.trouble = NO_PROMETHEUS
    world.metrics.last = None
    await world.run(60)
    assert world.weight() == 10
    world.workloads["fraud-v41"] = workload("fraud-v41")
    world.trouble = None
    await world.until("Idle")


async def test_a_signal_that_is_not_due_blocks_nothing_for_want_of_data():
    world = new_world(signals=[errors(), calibration(labelDelay="1h")])
    world.measures[("calibration", "candidate")] = EMPTY
    await world.until("Idle")


async def test_no_data_of_one_signal_reverts_while_another_has_data():
    world = await at_weight(10, onNoData="Revert", signals=[errors(), errors("other")])
    world.measures[("other", "candidate")] = EMPTY
    await world.until("Reverted")


async def test_an_observed_signal_without_data_does_not_stop_the_start():
    world = new_world(signals=[errors(), errors("other", onBreach="Observe")])
    world.measures[("other", "incumbent")] = EMPTY
    await world.run(30)
    assert world.weight() == 10


async def test_an_older_rival_that_appears_mid_release_holds_it():
    world = await at_weight(10)
    world.rivals = [Rival("fraud-eu", "uid-2", T0 - timedelta(hours=1))]
    await world.run(120)
    assert (world.weight(), world.status["reason"]) == (10, "RouteConflict")


async def test_the_event_of_a_revert_is_told_though_the_route_write_failed():
    world = await at_weight(25)
    world.api_down = True
    world.reads(bad=500)
    await world.tick(10)
    assert "ThresholdCrossed" in world.reasons()


async def test_a_managed_route_without_the_incumbent_is_mended_by_the_revert():
    world = await at_weight(25)
    old = world.routes["fraud"]
    rule = (BackendWeight("fraud-v42", 80, 100),)
    world.routes["fraud"] = replace(old, generation=old.generation + 1, rules=(rule,))
    world.act("Abort")
    await world.tick(1)
    assert ("fraud-v41", 100) in [(b.name, b.weight) for b in world.routes["fraud"].rules[0]]
    assert world.weight() == 0


async def test_pods_that_were_ready_once_are_not_late_later():
    world = new_world()
    world.trouble = NO_PROMETHEUS
    await world.run(400)
    world.workloads["fraud-v42"] = workload("fraud-v42", available=1)
    await world.tick(10)
    assert world.phase == "Pending"


async def test_a_hold_does_not_pass_without_a_single_request():
    world = await at_weight(10)
    world.reads(bad=0, total=0)
    await world.run(60)
    assert world.status["step"]["coveredSeconds"] <= 10


async def test_a_hold_does_not_pass_while_suspended():
    world = await at_weight(10, signals=None)
    before = world.status["step"]["coveredSeconds"]
    world.apply(suspend=True)
    await world.run(120)
    world.apply(suspend=False)
    await world.tick(1)
    assert (world.weight(), world.status["step"]["coveredSeconds"] <= before + 20) == (10, True)


@pytest.mark.parametrize("bad", [True, False])
async def test_suspending_an_ended_release_does_not_change_how_it_ended(bad):
    world = await (at_weight(25) if bad else promoted())
    if bad:
        world.reads(bad=500)
        await world.tick(10)
    before = [world.condition(kind)[0] for kind in ("Ready", "Promoted", "Stalled")]
    world.apply(suspend=True)
    await world.tick(1)
    assert world.phase == "Suspended"
    assert [world.condition(kind)[0] for kind in ("Ready", "Promoted", "Stalled")] == before


async def test_a_pause_and_a_resume_seen_together_are_both_carried_out():
    world = await at_weight(10)
    pause = world.act("Pause")
    resume = world.act("Resume")
    await world.tick(1)
    assert {world.finished[name].phase for name in (pause, resume)} == {"Done"}
    assert world.phase == "Progressing"


async def test_after_a_revert_a_raised_weight_is_put_right_within_two_seconds_every_time():
    world = await at_weight(25)
    world.reads(bad=500)
    await world.tick(10)
    for _ in range(8):
        world.edit_weight(50)
        await world.tick(2)
        assert world.weight() == 0


async def test_an_idle_release_follows_a_route_that_was_named_instead():
    world = await promoted()
    rule = (BackendWeight("fraud-v42", 80, 100),)
    world.routes["mine"] = replace(world.routes["fraud"], name="mine", managed=False, rules=(rule,))
    world.apply(traffic=given_route("mine"))
    await world.tick(1)
    assert world.status["traffic"]["route"] == {
        "kind": "HTTPRoute",
        "name": "mine",
        "managed": False,
    }
