"""What a release refers to: routes, backends, rivals, presets."""

from dataclasses import replace
from datetime import timedelta

import pytest

from surefoot.engine.world import BackendWeight, Rival, Route
from tests.scenarios.memory import T0
from tests.scenarios.specs import candidate, errors, workload
from tests.scenarios.stories import at_weight, promoted
from tests.scenarios.world import given_world, new_world


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
