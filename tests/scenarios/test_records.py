"""Stories of ReleaseRecords: opened before the route moves, sealed after the end, read when status
was lost."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest

from surefoot.engine.recording import KEPT_RECORDS
from surefoot.ports import PermanentError
from tests.scenarios.memory import CrashError
from tests.scenarios.specs import candidate, workload
from tests.scenarios.world import World, new_world


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


async def test_without_the_right_to_answer_actions_the_record_is_sealed_all_the_same():
    world = await at_weight(25)
    world.no_answers = True
    world.act("Pause")
    await world.until("Paused")
    world.act("Resume")
    await world.until("Idle")
    assert end_of(world)["outcome"] == "Promoted"
    carried = world.routes["fraud"].rules
    world.deleted_while_down()
    await world.run(60)
    assert world.routes["fraud"].rules == carried


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
