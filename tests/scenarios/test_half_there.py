"""Routes, Deployments and specs that are there by half."""

from dataclasses import replace

from surefoot.engine.world import BackendWeight, Route
from tests.scenarios.specs import candidate, given_route, workload
from tests.scenarios.stories import at_weight, promoted
from tests.scenarios.world import given_world, new_world


async def test_a_route_that_does_not_tell_and_whose_other_arm_has_no_deployment_is_stalled():
    world = given_world(incumbent=None)
    rule = (BackendWeight("nobody", 80, 100), BackendWeight("fraud-v42", 80, 0))
    world.routes["fraud"] = replace(world.routes["fraud"], rules=(rule,))
    await world.tick()
    assert world.condition("Stalled") == ("True", "IncumbentUnknown")


async def test_a_first_apply_with_an_invalid_spec_is_stalled_with_its_problem():
    world = new_world(steps=[])
    await world.tick()
    assert world.condition("Stalled") == ("True", "InvalidSpec")
    assert world.condition("Promoted") == ("Unknown", "InvalidSpec")


async def test_an_invalid_spec_while_idle_is_stalled_and_moves_nothing():
    world = await promoted()
    writes = world.writes.count("route")
    world.apply(steps=[])
    await world.tick(1)
    assert world.condition("Stalled") == ("True", "InvalidSpec")
    assert world.writes.count("route") == writes


async def test_a_new_pointer_after_a_revert_to_a_deployment_that_is_missing_is_stalled():
    world = await at_weight(25)
    world.reads(bad=500)
    await world.tick(10)
    world.apply(candidate=candidate("43"))
    await world.tick(1)
    assert world.phase == "Stalled"
    assert world.condition("Stalled") == ("True", "WorkloadMissing")


async def test_a_serving_deployment_that_is_gone_is_stalled_and_not_ready():
    world = await promoted()
    del world.workloads["fraud-v42"]
    await world.tick(1)
    assert world.condition("Stalled") == ("True", "WorkloadMissing")
    assert world.condition("Ready")[0] == "False"


async def test_a_serving_deployment_without_pods_is_not_ready():
    world = await promoted()
    world.workloads["fraud-v42"] = workload("fraud-v42", available=0)
    world.status["conditions"] = []
    world.status["reason"] = "InFlight"
    await world.tick(1)
    assert world.condition("Ready") == ("False", "IncumbentNotReady")


async def test_a_given_route_that_vanishes_while_idle_is_stalled():
    world = given_world((0, 100), incumbent=None)
    await world.tick()
    del world.routes["fraud"]
    await world.tick(1)
    assert world.condition("Stalled") == ("True", "RouteMissing")


async def test_arms_in_different_rules_never_carry_a_weight_and_ask_for_a_person():
    world = given_world()
    apart = ((BackendWeight("fraud-v41", 80, 1),), (BackendWeight("fraud-v42", 80, 0),))
    world.routes["fraud"] = replace(world.routes["fraud"], rules=apart)
    await world.run(60)
    assert world.condition("Stalled") == ("True", "BackendMissing")
    assert world.status["message"] == ("no rule of the route lists both arms: list them in one")
    assert world.routes["fraud"].rules == apart


async def test_a_candidate_that_loses_some_of_its_pods_holds():
    world = await at_weight(25)
    world.workloads["fraud-v42"] = workload("fraud-v42", available=1)
    await world.run(120)
    assert (world.weight(), world.status["reason"]) == (25, "CandidateNotReady")


async def test_no_gateway_that_has_judged_the_route_is_told_once_after_a_while():
    world = new_world()
    world.accepts = None
    await world.run(120)
    assert (world.weight(), world.phase) == (0, "Pending")
    assert world.reasons().count("RouteNotAccepted") == 1


async def test_a_weight_that_no_gateway_has_judged_yet_is_awaited():
    world = await at_weight(10)
    del world.status["step"]["verifiedAt"]
    world.accepts = None
    await world.tick(10)
    assert world.status["reason"] == "WeightNotVerified"


async def test_a_route_that_was_pointed_elsewhere_is_named_when_it_is_missing():
    world = given_world()
    await world.run(30)
    world.apply(traffic=given_route("other"))
    await world.tick(1)
    assert world.weight("fraud") == 0
    await world.run(30)
    assert world.condition("Stalled") == ("True", "RouteMissing")
    world.routes["other"] = Route("other", 1, False, given_world().routes["fraud"].rules)
    await world.until("Idle", most=2400)
    assert world.weight("other") == 100
