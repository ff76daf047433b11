"""Stories of a release and its ReleaseClass: resolved, locked, changed and removed in flight."""

from typing import Any

import pytest

from surefoot.api.metrics_source import SourceKind
from tests.scenarios.specs import candidate, errors
from tests.scenarios.world import World, new_world

CLASS: dict[str, Any] = {
    "steps": [{"weight": 10, "hold": "30s"}, {"weight": 50, "hold": "30s"}],
    "bake": "30s",
    "analysis": {"interval": "10s", "warmup": "0s"},
    "signals": [errors()],
    "metrics": {
        "address": "https://thanos.example",
        "kind": "Thanos",
        "matchers": [{"label": "cluster", "value": "eu-1"}],
    },
}


def ten_lines(class_: dict[str, Any] | None = None, **changes: Any) -> World:
    """A release that says nothing of how: its class does."""
    bare = dict.fromkeys(("steps", "bake", "analysis", "signals"))
    world = new_world(releaseClassName="tier1", **{**bare, **changes})
    world.classes["tier1"] = CLASS if class_ is None else class_
    return world


async def at_ten_percent(world: World) -> World:
    await world.until("Progressing")
    await world.tick(10)
    assert world.weight() == 10
    return world


async def test_a_release_of_ten_lines_is_promoted_by_the_steps_of_its_class():
    world = ten_lines()
    await world.until("Idle")
    assert list(dict.fromkeys(world.weights)) == [0, 10, 50, 100]
    assert world.condition("Promoted") == ("True", "Promoted")


async def test_the_signals_of_the_class_take_the_traffic_back():
    world = await at_ten_percent(ten_lines())
    world.reads(500)
    await world.until("Reverted")
    assert world.condition("Promoted") == ("False", "ThresholdCrossed")


async def test_metrics_are_asked_for_where_the_class_says_and_with_its_matchers():
    world = await at_ten_percent(ten_lines())
    source = world.metrics.source
    assert source is not None
    assert (source.address, source.kind) == ("https://thanos.example", SourceKind.THANOS)
    assert {q.matchers for asked in world.metrics.asked for q in asked} == {(("cluster", "eu-1"),)}


async def test_without_a_class_the_operators_own_prometheus_is_asked():
    world = new_world()
    await world.until("Progressing")
    assert world.metrics.source is None
    assert {q.matchers for asked in world.metrics.asked for q in asked} == {()}


async def test_nothing_starts_while_the_class_is_missing_and_all_goes_on_once_it_is_there():
    world = ten_lines()
    del world.classes["tier1"]
    await world.tick()
    assert world.phase == "Stalled"
    assert world.condition("Accepted") == ("False", "ReleaseClassMissing")
    assert "ReleaseClass tier1 does not exist: create it" in world.status["message"]
    world.classes["tier1"] = CLASS
    await world.until("Progressing")
    assert world.condition("Accepted") == ("True", "Valid")


async def test_a_class_that_cannot_be_read_is_told_by_its_release():
    world = ten_lines({**CLASS, "bake": "soon"})
    await world.tick()
    assert world.condition("Accepted") == ("False", "ReleaseClassInvalid")
    assert (
        "ReleaseClass tier1 is not valid: spec.bake: 'soon' is not a duration"
        in (world.status["message"])
    )


async def test_a_release_that_loosens_what_is_locked_does_not_start():
    world = ten_lines(signals=[errors(threshold={"max": 0.2})])
    await world.tick()
    assert world.condition("Accepted") == ("False", "InvalidSpec")
    assert world.status["message"] == (
        "signal errors: threshold.max is 0.2: it must be 0.05 or less (locked by ReleaseClass tier1)"
    )


async def test_a_removed_class_stops_nothing_that_is_under_way():
    world = await at_ten_percent(ten_lines())
    decided = world.decided()
    del world.classes["tier1"]
    await world.tick(10)
    assert world.condition("Accepted") == ("False", "ReleaseClassMissing")
    said = next(c for c in world.status["conditions"] if c["type"] == "Accepted")["message"]
    assert "does not exist any more: the release goes on by the plan that was accepted" in said
    assert world.decided() == decided
    assert world.metrics.source is not None
    assert world.metrics.source.address == "https://thanos.example"
    # The last step passes, the bake passes, and it is promoted; then there is no plan any more.
    for _ in range(30):
        await world.tick(10)
    assert "Promoted" in world.decided()
    assert world.weight() == 100
    assert world.condition("Accepted") == ("False", "ReleaseClassMissing")


async def test_without_its_class_a_bad_candidate_is_still_reverted():
    world = await at_ten_percent(ten_lines())
    del world.classes["tier1"]
    world.reads(500)
    await world.until("Reverted")
    assert world.condition("Promoted") == ("False", "ThresholdCrossed")


async def test_an_edit_without_its_class_holds_the_release_which_stays_guarded():
    world = await at_ten_percent(ten_lines())
    del world.classes["tier1"]
    world.apply(steps=[{"weight": 90, "hold": "10s"}])
    await world.run(120)
    assert (world.phase, world.weight()) == ("Holding", 10)
    assert world.status["reason"] == "ReleaseClassMissing"
    world.reads(500)
    await world.until("Reverted")


async def test_suspend_is_obeyed_also_without_the_class():
    world = await at_ten_percent(ten_lines())
    del world.classes["tier1"]
    world.apply(suspend=True)
    await world.tick(10)
    assert world.phase == "Suspended"
    world.apply(suspend=None)
    await world.tick(10)
    assert world.phase == "Progressing"


async def test_a_changed_class_is_followed_like_an_edit_and_says_so():
    world = await at_ten_percent(ten_lines())
    world.classes["tier1"] = {**CLASS, "steps": [{"weight": w, "hold": "30s"} for w in (10, 20)]}
    await world.tick(10)
    changed = world.status["decisions"][-1]
    assert changed["message"].startswith("ReleaseClass tier1 changed: the weight stays")
    await world.until("Idle")
    assert list(dict.fromkeys(world.weights)) == [0, 10, 20, 100]


async def test_an_edit_of_the_release_is_told_as_one():
    world = await at_ten_percent(ten_lines())
    world.apply(bake="1m")
    await world.tick(10)
    assert world.status["decisions"][-1]["message"].startswith("the spec changed")


async def test_a_change_of_the_class_that_the_release_now_loosens_holds_it():
    world = await at_ten_percent(ten_lines(bake="10s"))
    world.classes["tier1"] = {**CLASS, "locked": ["bake"]}
    await world.run(120)
    assert (world.phase, world.weight()) == ("Holding", 10)
    assert "bake is 10s: it must be 30s or more" in world.status["message"]


@pytest.mark.parametrize("damage", [{}, {"releaseClassName": "tier1"}, {"steps": "none"}])
async def test_a_damaged_account_is_no_plan_to_go_on_by(damage):
    world = await at_ten_percent(ten_lines())
    del world.classes["tier1"]
    world.status["release"]["acceptedSpec"] = damage
    await world.run(60)
    assert world.weight() == 10
    assert world.status["reason"] == "ReleaseClassMissing"


async def test_a_new_candidate_without_the_class_waits_for_it():
    world = await at_ten_percent(ten_lines())
    del world.classes["tier1"]
    world.apply(candidate=candidate("43"))
    await world.run(60)
    assert (world.phase, world.weight()) == ("Holding", 10)
