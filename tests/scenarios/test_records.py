"""Stories of ReleaseRecords: opened before the route moves, sealed after the end, read when status
was lost."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest

from surefoot.engine.recording import KEPT_RECORDS
from surefoot.engine.world import BackendWeight, Rival, Route
from surefoot.ports import PermanentError
from surefoot.reconcile import reconcile
from tests.scenarios.world import (
    KEY,
    T0,
    CrashError,
    World,
    candidate,
    given_world,
    new_world,
    workload,
)


async def at_weight(percent: int, **changes: Any) -> World:
    """A release that stands at a weight."""
    world = new_world(**changes)
    await reach(world, percent)
    return world


async def reach(world: World, percent: int) -> None:
    for _ in range(60):
        if world.status and world.weight() == percent:
            return
        await world.tick(10)
    raise AssertionError(world.status)


async def promoted(**changes: Any) -> World:
    world = new_world(**changes)
    await world.until("Idle")
    return world


async def reverted(**changes: Any) -> World:
    world = await at_weight(25, **changes)
    world.reads(500)
    await world.until("Reverted")
    return world


def end_of(world: World) -> dict[str, Any]:
    """How the newest record ends; nothing while it is open."""
    found: dict[str, Any] = world.accounts[-1].get("end", {})
    return found


# opened and sealed


async def test_a_record_is_opened_before_the_route_moves_and_says_what_is_known_by_then():
    world = new_world(onDelete="Leave")
    await world.tick()
    # The first route has the incumbent alone.
    written = [kind for kind in world.writes if kind != "event"]
    assert written[:5] == ["status", "route", "status", "record", "route"]
    (record,) = world.accounts
    release = world.status["release"]
    assert record == {
        "releaseName": "fraud",
        "releaseUid": "uid-fraud",
        "id": release["id"],
        "attempt": 1,
        "candidate": {
            key: release[key] for key in ("version", "workload", "backend", "fingerprint")
        },
        "incumbent": {
            "version": "fraud-v41",
            "workload": "fraud-v41",
            "backend": {"name": "fraud-v41", "port": 80},
            "fingerprint": "fp-fraud-v41",
        },
        "route": {"kind": "HTTPRoute", "name": "fraud", "managed": True},
        "onDelete": "Leave",
        "rollback": False,
        "startedAt": release["startedAt"],
    }


async def test_an_adoption_without_a_release_opens_no_record():
    world = new_world(incumbent=None)
    await world.tick()
    assert world.phase == "Idle"
    assert world.records == {}


async def test_a_promotion_seals_the_record_with_outcome_decisions_exposure_and_times():
    world = await promoted()
    (record,) = world.accounts
    end = record["end"]
    assert (end["outcome"], end["reason"]) == ("Promoted", "Promoted")
    assert end["message"] == world.status["release"]["message"]
    assert [d["weight"] for d in end["decisions"]] == [0, 10, 25, 50, 100, 100]
    assert end["decisions"][0]["reason"] == "Started"
    assert [e["weight"] for e in end["exposure"]] == [10, 25, 50, 100]
    assert all(e["seconds"] >= 30 for e in end["exposure"])
    start, over = (world.status["release"][k] for k in ("startedAt", "endedAt"))
    assert (record["startedAt"], end["endedAt"]) == (start, over)


async def test_exposure_adds_up_to_the_time_above_zero():
    world = await at_weight(25)
    first = next(d["time"] for d in world.status["decisions"] if d["weight"] == 10)
    world.act("Abort")
    await world.tick(5)
    end = end_of(world)
    above = seconds(end["endedAt"]) - seconds(first)
    assert sum(e["seconds"] for e in end["exposure"]) == pytest.approx(above, abs=0.2)
    assert {e["weight"] for e in end["exposure"]} == {10, 25}


def seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()


async def test_a_step_changed_mid_flight_goes_on_being_counted():
    world = await at_weight(25)
    world.apply(steps=[{"weight": w, "hold": "20s"} for w in (5, 25, 60)])
    await world.until("Idle")
    times = {e["weight"]: e["seconds"] for e in end_of(world)["exposure"]}
    assert list(times) == [10, 25, 60, 100]
    assert times[25] >= 20


async def test_a_clock_that_was_set_back_takes_no_exposure_away():
    world = await at_weight(10)
    world.now -= timedelta(hours=1)
    world.act("Abort")
    await world.tick()
    world.actions.clear()
    await world.tick(7200)
    world.act("Abort")
    await world.tick(1)
    assert all(e["seconds"] >= 0 for e in end_of(world)["exposure"])


async def test_a_revert_seals_the_record_after_the_weights():
    world = await at_weight(25)
    world.writes.clear()
    world.reads(500)
    await world.until("Reverted")
    assert world.writes.index("route") < world.writes.index("record")
    end = end_of(world)
    assert (end["outcome"], end["reason"]) == ("Reverted", "ThresholdCrossed")
    assert "0.5" in end["message"]


async def test_a_superseded_release_is_sealed_and_the_next_one_opens_its_own():
    world = await at_weight(25)
    world.workloads["fraud-v43"] = workload("fraud-v43")
    world.services["fraud-v43"] = (80,)
    world.apply(candidate=candidate("43"))
    await reach_version(world, "43")
    first, second = world.accounts
    assert first["end"]["outcome"] == "Superseded"
    assert "end" not in second
    assert second["candidate"]["version"] == "43"


async def reach_version(world: World, version: str) -> None:
    for _ in range(20):
        if world.status["release"]["version"] == version:
            return
        await world.tick(10)
    raise AssertionError(world.status)


async def test_each_attempt_has_a_record_of_its_own():
    world = await reverted()
    world.measures.clear()
    world.act("Retry")
    await world.until("Idle")
    assert [(r["attempt"], r["end"]["outcome"]) for r in world.accounts] == [
        (1, "Reverted"),
        (2, "Promoted"),
    ]


async def test_a_hypothesis_stands_in_the_record():
    hope = {"signal": "errors", "improveBy": {"relative": 0.5}}
    signal = {
        "name": "errors", "type": "ErrorRate", "source": {"preset": "envoy"},
        "compare": {"revertMargin": {"relative": 0.5}},
    }  # fmt: skip
    world = await at_weight(25, signals=[signal], hypothesis=hope)
    world.act("Abort")
    await world.tick(1)
    assert end_of(world)["hypothesis"]["verdict"] == "NotDecidable"


async def test_a_record_that_someone_deleted_is_opened_again():
    world = await at_weight(10)
    (before,) = world.records
    world.records.clear()
    await world.tick(1)
    assert list(world.records) == [before]


async def test_the_oldest_sealed_records_are_dropped():
    world = await reverted()
    for _ in range(KEPT_RECORDS + 2):
        world.act("Retry")
        await world.tick(10)
        world.act("Abort")
        await world.tick(10)
    assert len(world.records) == KEPT_RECORDS
    attempts = [r["attempt"] for r in world.accounts]
    assert attempts == list(range(4, KEPT_RECORDS + 4))


# crashes between the writes, and what cannot be written


@pytest.mark.parametrize("writes", range(1, 8))
async def test_killed_after_any_write_each_release_ends_with_one_sealed_record(writes):
    world = new_world()
    await at_first_crash(world, writes)
    await world.until("Idle")
    assert [r["end"]["outcome"] for r in world.accounts] == ["Promoted"]


async def at_first_crash(world: World, writes: int) -> None:
    world.crash_after = writes
    with pytest.raises(CrashError):
        await world.run(600)
    world.metrics.last, world.metrics.running = None, False


@pytest.mark.parametrize("writes", range(1, 4))
async def test_killed_while_reverting_the_record_is_sealed_by_the_next_tick(writes):
    world = await at_weight(25)
    world.reads(500)
    world.act("Abort")
    await at_first_crash(world, writes)
    await world.until("Reverted")
    assert end_of(world)["outcome"] == "Reverted"
    assert world.weight() == 0


async def test_no_weight_goes_up_while_the_record_cannot_be_written():
    world = new_world()
    world.no_records = True
    for _ in range(40):
        with suppress(PermanentError):
            await world.tick(10)
    assert world.status["release"]["version"] == "42"
    assert set(world.weights) <= {0}
    world.no_records = False
    await world.until("Idle")
    assert len(world.records) == 1


async def test_without_the_right_to_write_records_what_runs_goes_on_being_guarded():
    world = await at_weight(25)
    world.records.clear()
    world.no_records = True
    await world.tick(10)
    world.edit_weight(80)
    await world.tick(1)
    assert world.weight() == 25
    world.reads(500)
    await world.until("Reverted")
    assert world.weight() == 0


async def test_a_record_of_an_earlier_release_left_open_by_a_crash_is_sealed_from_the_history():
    world = await at_weight(25)
    (name,) = world.records
    kept = dict(world.records[name])
    world.act("Abort")
    await world.tick(1)
    world.act("Retry")
    await world.tick(10)
    world.records[name] = kept
    await world.tick(10)
    end = world.records[name]["end"]
    assert (end["outcome"], end["reason"]) == ("Reverted", "Aborted")
    assert [d["reason"] for d in end["decisions"]][-1] == "Aborted"


async def test_a_record_that_nothing_is_known_of_is_sealed_as_such():
    world = await promoted()
    (body,) = world.accounts
    stray = {**body, "id": "else-1"}
    del stray["end"]
    world.records["stray"] = stray
    await world.tick(10)
    assert world.records["stray"]["end"]["reason"] == "StatusLost"


async def test_odd_times_and_counts_in_a_status_stop_no_revert():
    world = await at_weight(25)
    world.status["step"]["enteredAt"] = "1970-01-01T00:00:00Z"
    world.status["release"]["attempt"] = 0
    world.records.clear()
    world.act("Abort")
    await world.tick(1)
    assert world.weight() == 0


async def test_a_status_without_the_time_of_the_end_stops_no_revert():
    world = await at_weight(25)
    world.status["traffic"]["intended"] = 0
    world.status["release"] |= {"outcome": "Reverted", "reason": "Aborted"}
    await world.tick(1)
    assert (world.weight(), world.phase) == (0, "Reverted")
    assert seconds(end_of(world)["endedAt"]) == world.now.timestamp()


# the ModelRelease is gone


async def test_deleted_mid_flight_takes_the_traffic_back_and_seals_the_record():
    world = await at_weight(25)
    world.deleted = True
    await world.tick()
    assert world.weight() == 0
    assert (end_of(world)["outcome"], end_of(world)["reason"]) == ("Reverted", "Deleted")
    assert end_of(world)["message"] == (
        "deleted at 25 %: all of the traffic goes back to the incumbent"
    )


async def test_deleted_while_the_operator_was_down_takes_the_traffic_back_too():
    world = await at_weight(25)
    world.deleted_while_down()
    report = await world.tick(3600)
    assert world.weight() == 0
    assert report.requeue is None
    assert (end_of(world)["outcome"], end_of(world)["reason"]) == ("Reverted", "Deleted")
    assert "deleted at 25 %" in end_of(world)["message"]
    assert (await reconcile(KEY, world.ports, world.now)).decision is None


async def test_deleted_while_the_operator_was_down_the_smallest_share_goes_back_too():
    world = given_world(steps=[{"weight": 1, "hold": "1h"}])
    heavy = (BackendWeight("fraud-v41", 80, 1000), BackendWeight("fraud-v42", 80, 0))
    await reach(world, 1)
    world.routes["fraud"] = Route(
        "fraud", 9, False, ((heavy[0], BackendWeight("fraud-v42", 80, 1)),)
    )
    world.deleted_while_down()
    await world.tick(1)
    assert world.weight() == 0


async def test_deleted_while_the_operator_was_down_with_leave_the_weights_stay():
    world = await at_weight(25, onDelete="Leave")
    world.deleted_while_down()
    await world.tick(1)
    assert world.weight() == 25
    assert (end_of(world)["outcome"], end_of(world)["reason"]) == ("Left", "Deleted")


async def test_deleted_before_any_traffic_only_the_record_is_sealed():
    world = new_world()
    world.workloads["fraud-v42"] = workload("fraud-v42", available=0)
    await world.tick()
    world.deleted_while_down()
    await world.tick(1)
    assert (end_of(world)["outcome"], end_of(world)["reason"]) == ("Reverted", "Deleted")


async def test_deleted_while_the_route_is_gone_there_is_nothing_to_take_back():
    world = await at_weight(25)
    world.routes.clear()
    world.deleted_while_down()
    await world.tick(1)
    assert end_of(world)["outcome"] == "Reverted"


async def test_deleted_while_suspended_hands_stay_off():
    world = await at_weight(25)
    world.apply(suspend=True)
    await world.tick(1)
    world.deleted = True
    await world.tick(1)
    assert world.weight() == 25
    assert (end_of(world)["outcome"], end_of(world)["reason"]) == ("Left", "Suspended")


async def test_deleted_without_an_incumbent_that_serves_it_is_tried_until_it_can_be_done():
    world = await at_weight(25)
    world.workloads["fraud-v41"] = workload("fraud-v41", available=0)
    world.deleted = True
    report = await world.tick(1)
    assert world.weight() == 25
    assert end_of(world) == {}
    assert report.requeue == timedelta(seconds=30)
    world.unseen = True
    world.workloads["fraud-v41"] = workload("fraud-v41")
    report = await world.tick(30)
    assert world.weight() == 0
    assert end_of(world)["outcome"] == "Reverted"
    assert report.requeue is None


async def test_a_delete_that_a_foreign_finalizer_keeps_is_not_recorded_again():
    world = await at_weight(25)
    world.deleted = True
    await world.tick(1)
    world.forgotten = False
    await world.tick(1)
    assert len(world.records) == 1


async def test_a_route_that_another_release_has_in_hand_is_not_touched_for_one_that_is_gone():
    world = await at_weight(25)
    world.rivals = [Rival("fraud-b", "uid-b", T0, adopted=True)]
    world.deleted_while_down()
    await world.tick(1)
    assert (world.weight(), end_of(world)) == (25, {})
    world.rivals = []
    await world.tick(30)
    assert world.weight() == 0


# the status was lost


async def test_status_lost_on_a_route_that_an_older_release_has_in_hand_moves_nothing():
    world = await at_weight(25)
    world.rivals = [Rival("fraud-b", "uid-b", T0 - timedelta(days=1), adopted=True)]
    world.applied_anew()
    await world.tick(1)
    assert world.weight() == 25
    assert world.condition("Stalled") == ("True", "RouteConflict")


async def test_status_lost_after_a_promotion_the_candidate_is_what_serves():
    world = await promoted()
    world.routes.clear()  # a managed route is in no Git
    world.applied_anew()
    await world.tick()
    assert world.phase == "Idle"
    assert world.status["incumbent"]["workload"] == "fraud-v42"
    assert world.status["incumbent"]["version"] == "42"
    assert world.routes["fraud"].rules == ((BackendWeight("fraud-v42", 80, 100),),)
    assert "as its ReleaseRecords say" in world.status["decisions"][0]["message"]
    assert [p["outcome"] for p in world.status["history"]] == ["Promoted", "Promoted"]


async def test_status_lost_after_a_revert_it_stays_reverted():
    world = await reverted()
    world.routes.clear()
    world.measures.clear()
    world.applied_anew()
    await world.run(120)
    assert world.phase == "Reverted"
    assert world.condition("Promoted") == ("False", "ThresholdCrossed")
    assert world.status["incumbent"]["workload"] == "fraud-v41"
    assert world.routes["fraud"].rules[0][0] == BackendWeight("fraud-v41", 80, 100)
    assert world.weight() == 0
    world.act("Retry")
    await world.until("Idle")
    assert [r["attempt"] for r in world.accounts] == [1, 2]


async def test_status_lost_after_a_revert_that_was_acknowledged_the_candidate_gets_nothing():
    world = await reverted()
    world.apply(candidate=candidate("41"), incumbent=None)
    await world.until("Idle")
    world.applied_anew()
    await world.until("Idle")
    assert world.status["incumbent"]["workload"] == "fraud-v41"
    assert world.weights[-1] == 0


async def test_a_version_promoted_before_the_status_was_lost_can_be_gone_back_to_at_once():
    world = await promoted()
    world.apply(candidate=candidate("41"), incumbent=None)
    await world.tick(1)
    assert world.condition("Promoted") == ("True", "RolledBack")
    world.applied_anew()
    await world.tick()
    assert world.status["incumbent"]["workload"] == "fraud-v41"
    world.weights.clear()
    world.apply(candidate=candidate("42"))
    await world.tick(1)
    assert world.weights == [100]
    assert world.condition("Promoted") == ("True", "RolledBack")


async def test_a_route_that_gives_the_recorded_version_nothing_wins():
    world = await promoted()
    world.routes["fraud"] = Route(
        "fraud", 1, True,
        ((BackendWeight("fraud-v41", 80, 100), BackendWeight("fraud-v42", 80, 0)),),
    )  # fmt: skip
    world.applied_anew()
    world.weights.clear()
    await world.tick()
    assert "(fraud-v41) is what serves: adopted" in world.status["decisions"][0]["message"]
    # It was promoted before, so it need not take the steps again.
    assert set(world.weights) == {0, 100}
    assert world.condition("Promoted") == ("True", "RolledBack")


@pytest.mark.parametrize("lost", ["workloads", "services"])
async def test_what_a_record_names_must_be_there(lost):
    world = await promoted()
    world.routes.clear()
    getattr(world, lost).pop("fraud-v42")
    world.applied_anew()
    await world.tick()
    assert world.status["incumbent"]["workload"] == "fraud-v41"


async def test_status_lost_mid_flight_the_traffic_goes_back_and_the_release_starts_anew():
    world = await at_weight(25)
    world.weights.clear()
    world.applied_anew("uid-fraud")
    await world.tick(1)
    assert world.weights[0] == 0
    assert end_of_first(world) == ("Superseded", "StatusLost")
    assert world.condition("Promoted")[0] == "Unknown"
    await world.until("Idle")
    assert list(dict.fromkeys(world.weights)) == [0, 10, 25, 50, 100]
    assert [r["attempt"] for r in world.accounts] == [1, 2]


def end_of_first(world: World) -> tuple[str, str]:
    end = world.accounts[0]["end"]
    return end["outcome"], end["reason"]


async def test_status_lost_in_the_bake_the_candidate_is_not_taken_for_what_serves():
    world = await at_weight(100)
    world.applied_anew("uid-fraud")
    await world.tick(1)
    assert world.status["incumbent"]["workload"] == "fraud-v41"
    assert world.weights[-1] == 0 or world.weight() == 0


async def test_applied_anew_after_a_delete_that_nobody_saw_the_traffic_goes_back_first():
    world = await at_weight(25)
    world.applied_anew()
    world.weights.clear()
    await world.tick(1)
    assert world.weights[0] == 0
    assert end_of_first(world) == ("Superseded", "StatusLost")


async def test_an_invalid_spec_does_not_keep_the_traffic_from_going_back():
    world = await at_weight(25)
    world.applied_anew()
    world.apply(steps="none")
    await world.tick(1)
    assert world.weight() == 0
    assert world.status["incumbent"]["workload"] == "fraud-v41"


async def test_on_another_route_the_traffic_goes_back_on_the_old_one_first():
    world = await at_weight(25)
    both = (BackendWeight("fraud-v41", 80, 100), BackendWeight("fraud-v42", 80, 0))
    world.routes["other"] = Route("other", 1, False, (both,))
    world.applied_anew()
    world.apply(traffic={"route": {"kind": "HTTPRoute", "name": "other"}})
    await world.tick(1)
    assert world.weight("fraud") == 0


async def test_status_lost_mid_flight_with_an_incumbent_that_cannot_serve_the_weights_stay():
    world = await at_weight(25)
    world.workloads["fraud-v41"] = workload("fraud-v41", available=0)
    world.applied_anew("uid-fraud")
    await world.run(60)
    assert world.weight() == 25
    assert world.status["reason"] == "BothArmsBroken"
    world.workloads["fraud-v41"] = workload("fraud-v41")
    await world.tick(10)
    assert world.weights[-1] in (0, 10)
    assert end_of_first(world) == ("Superseded", "StatusLost")


async def test_without_the_incumbent_of_an_open_record_nobody_is_taken_for_what_serves():
    world = await at_weight(25)
    del world.workloads["fraud-v41"]
    world.applied_anew()
    world.apply(incumbent=None)
    await world.tick(1)
    assert (world.phase, world.weight()) == ("Stalled", 25)
    assert world.condition("Stalled") == ("True", "WorkloadMissing")
    assert "Deployment fraud-v41" in world.status["message"]
    world.workloads["fraud-v41"] = workload("fraud-v41")
    await world.tick(30)
    assert end_of_first(world) == ("Superseded", "StatusLost")


async def test_an_open_record_that_is_deleted_by_hand_stands_in_nobodys_way():
    world = await at_weight(25)
    del world.workloads["fraud-v41"]
    world.routes.clear()
    world.applied_anew()
    world.apply(incumbent=None)
    await world.tick(1)
    world.records.clear()
    await world.tick(30)
    assert world.status["incumbent"]["workload"] == "fraud-v42"


async def test_suspended_a_lost_status_moves_nothing():
    world = await at_weight(25)
    world.applied_anew("uid-fraud")
    world.apply(suspend=True)
    await world.tick(1)
    assert world.weight() == 25
    world.apply(suspend=False)
    await world.tick(1)
    assert end_of_first(world) == ("Superseded", "StatusLost")
