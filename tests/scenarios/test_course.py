"""The table "Life of a release", a story for each row."""

from dataclasses import replace

from surefoot.engine.world import BackendWeight
from surefoot.reconcile import reconcile
from tests.scenarios.memory import KEY
from tests.scenarios.specs import candidate, workload
from tests.scenarios.stories import at_weight, promoted
from tests.scenarios.world import arms, given_world, new_world

# first apply


async def test_first_apply_without_a_route_adopts_the_asserted_incumbent():
    world = new_world()
    await world.tick()
    assert world.status["incumbent"]["version"] == "fraud-v41"
    assert world.decided()[:2] == ["Adopted", "Started"]


async def test_first_apply_without_route_or_assertion_adopts_the_candidate_itself_without_steps():
    world = new_world(incumbent=None)
    await world.tick()
    assert world.phase == "Idle"
    assert world.status["incumbent"]["workload"] == "fraud-v42"
    assert world.condition("Promoted") == ("True", "Serving")
    assert world.status["traffic"]["intended"] == 100
    assert world.routes["fraud"].rules == ((BackendWeight("fraud-v42", 80, 100),),)


async def test_first_apply_adopts_the_arm_with_all_of_the_weight_of_an_existing_route():
    world = given_world((0, 100), incumbent=None)
    await world.tick()
    assert world.phase == "Idle"
    assert world.status["incumbent"]["workload"] == "fraud-v42"


async def test_first_apply_finds_an_unasserted_incumbent_by_its_backends_name():
    world = given_world((100, 0), incumbent=None)
    await world.tick()
    assert world.status["incumbent"]["workload"] == "fraud-v41"
    assert world.status["release"]["workload"] == "fraud-v42"


async def test_first_apply_on_a_split_route_goes_to_the_incumbent_first():
    world = given_world((60, 40))
    await world.tick()
    assert world.weights[0] == 0
    await world.until("Idle")
    assert world.weights == [0, 10, 25, 50, 100]


async def test_first_apply_on_a_route_that_does_not_tell_who_serves_is_stalled():
    world = given_world(incumbent=None)
    rule = (
        BackendWeight("a", 80, 50),
        BackendWeight("b", 80, 50),
        BackendWeight("fraud-v42", 80, 0),
    )
    world.routes["fraud"] = replace(world.routes["fraud"], rules=(rule,))
    await world.tick()
    assert world.condition("Stalled") == ("True", "IncumbentUnknown")
    assert world.weights == []


# a release


async def test_a_good_candidate_is_promoted_step_by_step():
    world = new_world()
    await world.until("Idle")
    assert world.weights == [0, 0, 10, 25, 50, 100]
    assert world.status["incumbent"]["version"] == "42"
    assert world.condition("Promoted") == ("True", "Promoted")
    assert [r["workload"] for r in world.status["retirable"]] == ["fraud-v41"]


async def test_git_needs_no_change_after_a_promotion():
    world = await promoted()
    writes = len(world.writes)
    await world.run(600, every=60)
    assert world.phase == "Idle"
    assert len(world.writes) == writes


async def test_a_release_waits_at_zero_for_its_candidates_pods():
    world = new_world()
    world.workloads["fraud-v42"] = workload("fraud-v42", available=1)
    await world.run(60)
    assert (world.phase, world.weight()) == ("Pending", 0)
    assert world.status["reason"] == "WaitingForCandidate"
    world.workloads["fraud-v42"] = workload("fraud-v42")
    await world.until("Idle")


async def test_a_candidate_that_is_not_there_by_the_start_deadline_is_reverted():
    world = new_world()
    world.workloads["fraud-v42"] = workload("fraud-v42", available=0)
    await world.run(320)
    assert world.phase == "Reverted"
    assert world.condition("Promoted") == ("False", "StartDeadlineExceeded")


async def test_a_new_fingerprint_mid_release_goes_back_first_and_then_starts_anew():
    world = await at_weight(25)
    world.workloads |= arms("fraud-v43")["workloads"]
    world.services["fraud-v43"] = (80,)
    world.apply(candidate=candidate("43"))
    world.weights.clear()
    await world.tick(1)
    assert "Superseded" in world.decided()
    assert world.status["release"]["version"] == "43"
    assert world.weights[0] == 0
    await world.until("Idle")
    assert world.status["incumbent"]["version"] == "43"


async def test_a_new_image_in_the_same_deployment_supersedes_too():
    world = await at_weight(25)
    world.workloads["fraud-v42"] = workload("fraud-v42", image="other")
    await world.tick(1)
    assert world.status["history"][-1]["outcome"] == "Superseded"
    assert world.status["release"]["fingerprint"] == "fp-other"


async def test_a_superseded_release_never_reads_as_a_failure():
    world = await at_weight(25)
    world.workloads["fraud-v42"] = workload("fraud-v42", image="other")
    seen = set()
    for _ in range(8):
        await reconcile(KEY, world.ports, world.now)
        kinds = ("Stalled", "Promoted", "Ready")
        seen.add((world.phase, *(world.condition(kind)[0] for kind in kinds)))
    assert seen == {
        ("Reverting", "False", "Unknown", "True"),
        ("Pending", "False", "Unknown", "True"),
    }


async def test_a_breach_reverts_with_the_numbers_and_is_never_tried_again():
    world = await at_weight(25)
    world.reads(bad=200)
    await world.tick(10)
    assert (world.weight(), world.phase) == (0, "Reverted")
    assert world.condition("Promoted") == ("False", "ThresholdCrossed")
    assert world.condition("Stalled")[0] == "True"
    assert "0.2, the limit is ≤ 0.05, 1000 samples; incumbent 0.001" in world.status["message"]
    world.reads(bad=0)
    await world.run(3600, every=300)
    assert (world.weight(), world.phase) == (0, "Reverted")


async def test_no_available_candidate_pod_reverts():
    world = await at_weight(25)
    world.workloads["fraud-v42"] = workload("fraud-v42", available=0)
    await world.tick(0)
    assert (world.weight(), world.phase) == (0, "Reverted")
    assert world.condition("Promoted") == ("False", "CandidateUnavailable")


async def test_a_deleted_candidate_reverts():
    world = await at_weight(25)
    del world.workloads["fraud-v42"]
    await world.tick(0)
    assert world.weight() == 0
    assert world.condition("Promoted") == ("False", "CandidateDeleted")


async def test_retry_starts_a_second_attempt():
    world = await at_weight(25)
    world.reads(bad=200)
    await world.tick(10)
    world.reads(bad=0)
    name = world.act("Retry")
    await world.tick(1)
    assert world.status["release"]["attempt"] == 2
    assert world.finished[name].phase == "Done"
    await world.until("Idle")
    assert world.status["incumbent"]["version"] == "42"


async def test_the_pointer_back_to_the_incumbent_acknowledges_the_revert():
    world = await at_weight(25)
    world.reads(bad=200)
    await world.tick(10)
    world.apply(candidate=candidate("41"), incumbent=None)
    await world.tick(1)
    assert world.phase == "Idle"
    assert world.condition("Promoted")[0] == "True"
    assert "RevertAcknowledged" in world.decided()
    assert world.condition("Stalled")[0] == "False"


async def test_the_pointer_back_to_the_incumbent_mid_release_takes_the_traffic_back():
    world = await at_weight(25)
    world.apply(candidate=candidate("41"), incumbent=None)
    await world.tick(1)
    assert (world.weight(), world.phase) == (0, "Idle")


async def test_a_version_in_the_rollback_window_goes_to_100_at_once():
    world = await promoted()
    world.weights.clear()
    world.apply(candidate=candidate("41"), incumbent=None)
    await world.tick(1)
    assert world.phase == "Idle"
    assert world.status["incumbent"]["workload"] == "fraud-v41"
    assert world.weights == [100]
    assert world.condition("Promoted") == ("True", "RolledBack")


async def test_a_rollback_asks_for_available_pods_only():
    world = await promoted()
    world.trouble = None
    world.workloads["fraud-v41"] = workload("fraud-v41", available=0)
    world.apply(candidate=candidate("41"), incumbent=None)
    await world.run(60)
    assert world.status["reason"] == "WaitingForCandidate"
    world.workloads["fraud-v41"] = workload("fraud-v41")
    await world.tick(10)
    assert world.status["incumbent"]["workload"] == "fraud-v41"


async def test_a_version_outside_of_the_rollback_window_takes_the_steps():
    world = await promoted(rollbackWindow=0)
    world.apply(candidate=candidate("41"), incumbent=None)
    await world.tick(10)
    assert world.status["step"]["position"] == "1/3"


async def test_steps_changed_mid_flight_keep_the_weight_and_go_on_from_the_first_above():
    world = await at_weight(25)
    world.weights.clear()
    world.apply(steps=[{"weight": w, "hold": "20s"} for w in (5, 40, 60)])
    await world.tick(1)
    assert world.weight() == 25
    await world.until("Idle")
    assert world.weights == [40, 60, 100]


async def test_deleted_mid_flight_takes_the_traffic_back():
    world = await at_weight(25)
    world.deleted = True
    report = await world.tick(0)
    assert world.weight() == 0
    assert report.requeue is None


async def test_deleted_mid_flight_with_leave_moves_nothing():
    world = await at_weight(25, onDelete="Leave")
    world.deleted = True
    await world.tick(0)
    assert world.weight() == 25


async def test_a_deleted_idle_release_leaves_its_route_serving():
    world = await promoted()
    world.deleted = True
    await world.tick(0)
    assert world.weight() == 100


async def test_an_incumbent_that_cannot_take_the_traffic_back_holds():
    world = await at_weight(25)
    world.workloads["fraud-v41"] = workload("fraud-v41", available=1)
    await world.run(120)
    assert (world.weight(), world.phase) == (25, "Holding")
    assert world.status["reason"] == "IncumbentNotReady"
    assert world.status["traffic"]["revertCapacity"] == 0.5
    world.workloads["fraud-v41"] = workload("fraud-v41")
    await world.until("Idle")


async def test_an_incumbent_scaled_down_mid_release_holds():
    world = await at_weight(25)
    world.workloads["fraud-v41"] = workload("fraud-v41", replicas=1)
    await world.run(120)
    assert world.weight() == 25


async def test_with_both_arms_broken_the_weights_stay_and_the_revert_follows_later():
    world = await at_weight(25)
    world.workloads["fraud-v41"] = workload("fraud-v41", available=0)
    world.workloads["fraud-v42"] = workload("fraud-v42", available=0)
    await world.tick(0)
    assert world.weight() == 25
    assert world.condition("Stalled") == ("True", "BothArmsBroken")
    world.workloads["fraud-v41"] = workload("fraud-v41", available=1)
    await world.tick(0)
    assert (world.weight(), world.phase) == (0, "Reverted")


async def test_a_breach_is_remembered_while_the_incumbent_is_away():
    world = await at_weight(25)
    world.workloads["fraud-v41"] = workload("fraud-v41", available=0)
    world.reads(bad=500)
    await world.tick(10)
    assert world.weight() == 25
    world.reads(bad=0)
    await world.tick(10)
    world.workloads["fraud-v41"] = workload("fraud-v41")
    await world.tick(1)
    assert world.condition("Promoted") == ("False", "ThresholdCrossed")
    assert world.weight() == 0
