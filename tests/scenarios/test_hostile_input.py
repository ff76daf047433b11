"""Hostile and broken input: whatever is written into a spec, a status, a route or an answer, a tick ends
with a sound status and a sentence. `hack/fuzz` tries many more of these."""

import contextlib
import copy
import os
import time
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from surefoot.adapters.kubernetes.cache import Cache
from surefoot.api.base import MOST_COUNTED
from surefoot.api.plain import MOST
from surefoot.api.status import ModelReleaseStatus
from surefoot.engine.questions import Problem, ProblemKind
from surefoot.ports import ConflictError
from surefoot.stats.measures import Counts
from tests.fuzz.answers import sound
from tests.fuzz.drive import drive, sentence_faults
from tests.fuzz.making import HOSTILE, TIMES
from tests.fuzz.memory import MemoryApi, MemoryPrometheus, Notes, ports_on
from tests.fuzz.schema import faults, schema_of
from tests.fuzz.stories import in_flight, reconciled
from tests.scenarios.specs import candidate, errors
from tests.scenarios.stories import at_weight, promoted
from tests.scenarios.world import new_world

# After any release that was recorded.
LATER = "2100-01-01T00:00:00Z"


@pytest.mark.slow
@settings(
    max_examples=15 if os.environ.get("SUREFOOT_EXAMPLES") else 50,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.randoms(use_true_random=False))
def test_no_input_breaks_a_tick(chance):
    drive(chance)


def is_sound(status):
    """As the API server and the next tick see it."""
    assert list(faults(status, schema_of("ModelRelease", "status"), "status")) == []
    assert ModelReleaseStatus.model_validate(status).holds_together
    said = [status["message"], *(c["message"] for c in status["conditions"] if c.get("message"))]
    assert [fault for text in said for fault in sentence_faults(text, "it")] == []
    return True


# words of people


@pytest.mark.parametrize("text", [text for text in HOSTILE if text.strip()])
async def test_what_a_person_writes_is_told_in_one_line(text):
    world = await at_weight(25)
    world.act("Abort", by=text[:256], message=text[:1024])
    await world.tick(1)
    assert is_sound(world.status)
    assert all(not list(sentence_faults(e.message[:MOST], "it")) for e in world.events)
    assert all(not list(sentence_faults(f.message, "it")) for f in world.finished.values())
    assert world.weight() == 0


@pytest.mark.parametrize("text", ["\x1b[2J\nPass", "\u202e42", "x" * 64])
async def test_a_version_of_any_text_is_told_in_one_line(text):
    world = new_world(candidate=candidate("42") | {"version": text})
    await world.until("Idle")
    assert is_sound(world.status)
    assert world.status["incumbent"]["version"] == text


def test_a_name_of_which_nothing_is_seen_acts_all_the_same():
    """Each of its characters is told as six: longer than what a decision keeps of a name."""
    act = {"releaseName": "fraud", "type": "Abort", "requestedBy": "\u200b" * 256}
    meta = {"name": "stop", "namespace": "risk", "uid": "a", "creationTimestamp": LATER}
    action = {"kind": "ReleaseAction", "metadata": meta, "spec": act}
    after = ticks_on(lambda status: status, bad=False, more=[action])
    assert is_sound(after)
    assert after["release"]["reason"] == "Aborted"
    assert after["decisions"][-1]["by"].startswith(r"\u200b")


async def test_an_editor_of_any_name_is_told_in_one_line():
    world = await at_weight(25)
    world.edit_weight(60, manager="\x1b[2Jall is well\n" + "x" * 1100)
    await world.tick(1)
    assert is_sound(world.status)
    assert r"by \x1b[2Jall is well\n" in world.events[-1].message


async def test_what_prometheus_says_is_told_in_one_line():
    world = await at_weight(25)
    world.trouble = Problem(ProblemKind.QUERY, "no\x1b[2J\n" + "x" * 2000)
    await world.run(20)
    assert is_sound(world.status)
    assert world.weight() == 25


async def test_a_reason_that_was_wiped_from_the_status_is_told_by_its_name():
    world = await at_weight(25)
    world.status["release"] |= {"reason": "Regression", "message": " "}
    await world.tick(1)
    assert is_sound(world.status)
    assert world.condition("Promoted") == ("False", "Regression")
    assert world.weight() == 0


# statuses edited by hand


async def test_what_serves_without_its_route_does_not_hold_together():
    world = await promoted()
    found = ModelReleaseStatus.model_validate(world.status)
    assert found.holds_together
    assert not found.model_copy(update={"traffic": None}).holds_together
    assert not found.model_copy(update={"incumbent": None}).holds_together
    assert ModelReleaseStatus().holds_together


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("release", "attempt", 2**63 - 1),
        ("release", "attempt", -1),
        ("release", "incumbentReplicas", 2**31),
        ("release", "pausedSeconds", -1.0),
        ("release", "pausedSeconds", 1e300),
        ("traffic", "repairs", 2**63 - 1),
        ("step", "verifiedAt", "0001-01-01T00:00:00+14:00"),
        ("step", "verifiedAt", "9999-12-31T23:59:59-12:00"),
    ],
)
async def test_a_number_or_time_that_nobody_counts_to_makes_the_status_unreadable(
    part, field, value
):
    status = copy.deepcopy((await at_weight(25)).status)
    status[part][field] = value
    with pytest.raises(ValueError, match=part):
        ModelReleaseStatus.model_validate(status)
    assert "+14" in str(value) or "-12" in str(value) or list(
        faults(status, schema_of("ModelRelease", "status"))
    ), "the API server takes it"  # fmt: skip


@pytest.mark.parametrize("time", [t for t in TIMES if t[:2] == "20" and ":60" not in t])
async def test_a_time_without_a_zone_or_in_another_one_is_read(time):
    world = await at_weight(25)
    world.status["step"]["verifiedAt"] = time
    world.reads(bad=500)
    await world.run(20)
    assert is_sound(world.status)
    assert world.weight() == 0


async def test_counts_that_were_written_to_their_limit_stay_there():
    world = await at_weight(25)
    world.status["traffic"] |= {"repairs": MOST_COUNTED, "repairedAt": world.now.isoformat()}
    world.status["history"][0] |= {"attempt": MOST_COUNTED}
    world.status["history"][0]["fingerprint"] = world.workloads["fraud-v42"].fingerprint
    for signal in world.status["signals"]:
        signal["breaches"] = MOST_COUNTED
    world.edit_weight(60)
    world.reads(bad=500)
    await world.run(60)
    assert is_sound(world.status)
    assert world.weight() == 0
    world.act("Retry")
    await world.run(20)
    assert is_sound(world.status)
    assert world.status["release"]["attempt"] == MOST_COUNTED


async def test_evidence_that_was_written_beyond_all_numbers_stays_finite():
    compared = errors(compare={"revertMargin": {"relative": 0.1}})
    world = await at_weight(25, signals=[compared, {**compared, "name": "more"}])
    for signal in world.status["evidence"]["signals"]:
        signal |= {"value": 1e308, "share": 1.0}
    await world.tick(10)
    assert is_sound(world.status)
    assert world.weight() == 0


@pytest.mark.parametrize("samples", [-1, 2**53 + 1, 10**30])
async def test_more_samples_than_anybody_counts_make_the_status_unreadable(samples):
    world = await at_weight(25)
    await world.tick(10)
    status = copy.deepcopy(world.status)
    status["signals"][0]["samples"] = samples
    with pytest.raises(ValueError, match="samples"):
        ModelReleaseStatus.model_validate(status)


async def test_fewer_than_no_samples_are_none():
    world = await at_weight(25)
    world.measures["errors", "candidate"] = Counts(1.0, -1e308)
    await world.tick(10)
    assert is_sound(world.status)
    assert world.status["signals"][0]["samples"] == 0
    assert world.status["signals"][0]["verdict"] == "NoData"


# sizes


def ticks_on(status, bad=True, more=()):
    """A recorded release whose status was written anew, and whose candidate fails: the status after
    three ticks. `more` objects are there as well."""
    scene = next(s for s in in_flight() if s.name.startswith("every signal"))
    release = scene.of("ModelRelease")[0]
    cache = Cache()
    changed = {**release, "status": status(release["status"])}
    api = MemoryApi([changed, *scene.objects[1:], *more], cache)
    metrics = MemoryPrometheus(lambda question, now: sound(question, now, bad=bad))
    began = time.process_time()
    for number in range(3):
        with contextlib.suppress(ConflictError):
            now = scene.now + timedelta(seconds=10 * number)
            reconciled(ports_on(api, cache, metrics, Notes()), now)
    assert time.process_time() - began < 10
    return api.objects["modelreleases", "fraud"]["status"]


@pytest.mark.slow
@pytest.mark.parametrize("part", ["decisions", "history", "retirable", "signals", "conditions"])
def test_a_status_with_10_000_entries_is_read_and_reverts_all_the_same(part):
    after = ticks_on(lambda status: {**status, part: status.get(part, [{}])[:1] * 10_000})
    assert is_sound(after)
    assert after["release"]["outcome"] == "Reverted"
    assert len(after["decisions"]) <= 20


@pytest.mark.parametrize("size", [1_048_576])
def test_a_status_of_a_mebibyte_of_text_counts_as_none(size):
    after = ticks_on(lambda status: {**status, "message": "x" * size})
    assert is_sound(after)
    assert after["decisions"][0]["reason"] == "StatusLost"


@pytest.mark.parametrize("sound_spec", [True, False])
async def test_an_accepted_spec_of_any_depth_is_let_go_and_reverts_all_the_same(sound_spec):
    deep: dict = {}
    for _ in range(400):
        deep = {"a": [deep]}
    world = await at_weight(25)
    world.status["release"]["acceptedSpec"] |= {"newerField": deep}
    if not sound_spec:
        world.apply(steps=[])
    world.act("Abort")
    await world.tick(1)
    assert is_sound(world.status)
    assert world.weight() == 0


async def test_intervals_that_nobody_counts_to_are_no_forecast_and_no_obstacle():
    hope = {"signal": "errors", "improveBy": {"relative": 0.5}}
    compared = errors(compare={"revertMargin": {"relative": 0.1}})
    quick = {"interval": "10s", "warmup": "0s", "evidenceInterval": "10s"}
    steps = [{"weight": 25, "hold": "1h"}]
    world = await at_weight(25, signals=[compared], hypothesis=hope, analysis=quick, steps=steps)
    await world.run(60)
    world.status["hypothesis"]["intervals"] = 2**62
    with pytest.raises(ValueError, match="intervals"):
        ModelReleaseStatus.model_validate(world.status)
    world.status["hypothesis"]["intervals"] = MOST_COUNTED
    for signal in world.status["evidence"]["signals"]:
        signal |= {"intervals": MOST_COUNTED, "blind": MOST_COUNTED}
    await world.run(60)
    assert is_sound(world.status)
    assert world.status["hypothesis"]["intervals"] == MOST_COUNTED
    world.reads(bad=500)
    await world.run(30)
    assert world.weight() == 0
