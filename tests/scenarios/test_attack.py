"""Input that an attacker tried, or that a person may write by mistake: traffic stays or comes back."""

from dataclasses import replace
from datetime import timedelta

import pytest

from surefoot.api.status import ModelReleaseStatus
from surefoot.engine.world import BackendWeight, Route
from surefoot.reconcile import reconcile
from tests.scenarios.memory import KEY, REFUSED, T0
from tests.scenarios.specs import candidate, workload
from tests.scenarios.stories import at_weight, promoted
from tests.scenarios.world import given_world, new_world

UNWRITABLE = {"managedRoute": {"parentRefs": [{"name": "public"}], "hostnames": REFUSED}}


def set_weights(world, *weights):
    """Someone writes these into the route's only rule."""
    route = world.routes["fraud"]
    rule = tuple(replace(b, weight=w) for b, w in zip(route.rules[0], weights, strict=True))
    world.routes["fraud"] = replace(
        route, generation=route.generation + 1, rules=(rule,), manager="kubectl"
    )


# a managed route that cannot be written


async def test_a_managed_route_that_cannot_be_written_does_not_stand_in_the_way_back():
    world = await at_weight(25)
    world.apply(traffic=UNWRITABLE)
    await world.tick(1)
    assert world.weight() == 0


async def test_an_abort_goes_through_while_the_managed_route_cannot_be_written():
    world = await at_weight(25)
    world.apply(traffic=UNWRITABLE)
    name = world.act("Abort")
    await world.tick(1)
    assert world.weight() == 0
    assert name in world.finished


async def test_a_first_managed_route_that_cannot_be_written_says_what_to_correct():
    world = new_world(traffic=UNWRITABLE)
    await world.run(60)
    assert world.condition("Stalled") == ("True", "RouteRefused")
    assert world.condition("Accepted")[0] == "False"
    assert "refuses the managed HTTPRoute: hostnames: no such" in world.status["message"]
    world.apply(traffic={"managedRoute": {"parentRefs": [{"name": "public"}]}})
    await world.until("Idle")


async def test_a_route_that_serves_keeps_serving_while_a_change_of_it_is_refused():
    world = await promoted()
    world.apply(traffic=UNWRITABLE)
    await world.run(60)
    assert world.condition("Stalled") == ("True", "RouteRefused")
    assert [b.weight for b in world.routes["fraud"].rules[0]] == [0, 100]


# clocks


@pytest.mark.parametrize("ahead", [timedelta(minutes=30), timedelta(days=360_000)])
@pytest.mark.parametrize(("part", "field"), [("step", "verifiedAt"), ("release", "warmupFrom")])
async def test_times_of_a_clock_that_was_set_back_leave_nothing_unguarded(part, field, ahead):
    world = await at_weight(25)
    await world.tick(10)
    world.status[part][field] = (T0 + ahead).isoformat()
    await world.tick(10)
    world.reads(bad=500)
    await world.run(20)
    assert (world.weight(), world.phase) == (0, "Reverted")


# weights that serve nobody


async def test_a_rule_that_serves_nobody_gives_the_incumbent_everything_and_holds():
    world = await at_weight(25)
    set_weights(world, 0, 0)
    await world.tick(1)
    assert [b.weight for b in world.routes["fraud"].rules[0]] == [100, 0]
    assert world.status["reason"] == "WeightLowered"
    await world.run(60)
    assert world.weight() == 0
    world.act("Resume")
    await world.run(20)
    assert world.weight() == 25


async def test_a_rule_that_serves_nobody_after_the_promotion_is_told():
    world = await promoted()
    set_weights(world, 0, 0)
    await world.tick(1)
    assert world.status["reason"] == "WeightsDiffer"
    assert "gives it 0 %" in world.status["message"]


# one Service, one backend


async def test_a_candidate_behind_the_service_of_what_serves_is_refused():
    world = await promoted()
    shared = candidate("41", backendRef={"name": "fraud-v42"})
    world.apply(candidate=shared, incumbent=None)
    await world.run(60)
    assert world.condition("Stalled") == ("True", "BackendShared")
    assert "give it a Service of its own" in world.status["message"]
    assert [b.weight for b in world.routes["fraud"].rules[0]] == [0, 100]


async def test_a_route_that_lists_an_arm_twice_is_refused_and_never_gives_more_than_intended():
    world = given_world()
    listed = [("fraud-v41", 100), ("fraud-v42", 0), ("fraud-v42", 0)]
    rule = tuple(BackendWeight(name, 80, weight) for name, weight in listed)
    world.routes["fraud"] = Route("fraud", 1, False, (rule,))
    await world.run(60)
    assert world.condition("Stalled") == ("True", "RouteUnsuitable")
    assert "more than once" in world.status["message"]
    world = given_world()
    await world.until("Progressing")
    route = world.routes["fraud"]
    twice = (*route.rules[0], BackendWeight("fraud-v42", 80, 100))
    world.routes["fraud"] = replace(route, generation=route.generation + 1, rules=(twice,))
    await world.tick(1)
    assert [b.weight for b in world.routes["fraud"].rules[0]] == [90, 10, 0]


@pytest.mark.parametrize("name", ["My_Svc.example", "foo?x=1", "a" * 200, "?", ".."])
async def test_a_backend_whose_name_is_none_of_a_service_tells_nothing(name):
    world = given_world(incumbent=None)
    rule = (BackendWeight(name, 80, 100), BackendWeight("fraud-v42", 80, 0))
    world.routes["fraud"] = Route("fraud", 1, False, (rule,))
    await world.run(20)
    assert world.condition("Stalled") == ("True", "IncumbentUnknown")


async def test_weights_above_what_the_gateway_api_allows_still_go_back():
    world = given_world()
    await world.until("Progressing")
    route = world.routes["fraud"]
    others = (BackendWeight("x", 80, 1),)
    rule = tuple(replace(b, weight=600_000) for b in route.rules[0]) + others
    world.routes["fraud"] = replace(route, generation=route.generation + 1, rules=(rule,))
    world.act("Abort")
    await world.run(20)
    assert [b.weight for b in world.routes["fraud"].rules[0]] == [1_000_000, 0, 1]


# damaged statuses


async def test_a_service_without_ports_is_told_apart_from_one_with_several():
    world = new_world()
    world.services["fraud-v42"] = ()
    await world.run(20)
    assert "has no port: give it one" in world.status["message"]


@pytest.mark.parametrize("spec", [{}, {"candidate": None}, {"steps": 7}])
async def test_an_accepted_spec_that_was_damaged_is_replaced_and_reverts_all_the_same(spec):
    world = await at_weight(25)
    world.status["release"]["acceptedSpec"] = spec
    await world.tick(10)
    assert world.status["release"]["acceptedSpec"]["candidate"]["version"] == "42"
    assert world.weight() == 25
    world.reads(bad=500)
    await world.run(20)
    assert world.weight() == 0


async def test_with_neither_a_sound_spec_nor_an_accepted_one_an_abort_still_reverts():
    world = await at_weight(25)
    world.status["release"]["acceptedSpec"] = {}
    world.apply(steps=[])
    world.act("Abort")
    await reconcile(KEY, world.ports, world.now)
    assert world.weight() == 0


async def damaged(**changes):
    """The status of a release at 25 % with some of its parts replaced."""
    world = await at_weight(25)
    found = {**world.status, **changes}
    return ModelReleaseStatus.model_validate({k: v for k, v in found.items() if v is not None})


async def test_a_status_in_flight_that_lacks_a_part_does_not_hold_together():
    assert (await damaged()).holds_together
    assert (await damaged(release=None, step=None)).holds_together
    for part in ("incumbent", "step", "traffic"):
        assert not (await damaged(**{part: None})).holds_together
    beyond = {"index": 3, "count": 3, "coveredSeconds": 1e8}
    assert not (await damaged(step=beyond)).holds_together
    assert not (await damaged(step={"index": 9, "count": 3})).holds_together


# versions and names that do not fit together


async def test_a_version_raised_without_its_deployment_does_not_read_as_promoted():
    world = await promoted()
    world.apply(candidate={"version": "99", "workloadRef": {"name": "fraud-v42"}}, incumbent=None)
    await world.tick(10)
    assert world.condition("Stalled") == ("True", "VersionMismatch")
    assert world.condition("Promoted")[0] != "True"
    assert "name the Deployment of 99" in world.status["message"]
    assert world.status["incumbent"]["version"] == "42"
    world.apply(candidate=candidate("42"))
    await world.tick(10)
    assert world.condition("Promoted") == ("True", "Promoted")


async def test_what_was_adopted_without_a_version_takes_the_one_that_the_spec_says():
    world = await at_weight(25)
    world.reads(bad=500)
    await world.until("Reverted")
    assert world.status["incumbent"]["version"] == "fraud-v41"
    world.apply(candidate=candidate("41"), incumbent=None)
    await world.run(30)
    assert world.condition("Promoted")[0] == "True"
    assert world.status["incumbent"]["version"] == "41"


async def test_an_image_rolled_without_a_release_takes_the_version_that_the_spec_says():
    world = await promoted()
    world.workloads["fraud-v42"] = workload("fraud-v42", image="other")
    world.apply(candidate={"version": "42b", "workloadRef": {"name": "fraud-v42"}})
    await world.tick(10)
    assert "IncumbentChanged" in world.reasons()
    assert world.status["incumbent"]["version"] == "42b"


async def test_old_pods_under_a_new_version_are_no_rollback():
    world = await promoted(incumbent={"version": "41", "workloadRef": {"name": "fraud-v41"}})
    world.apply(candidate={"version": "43", "workloadRef": {"name": "fraud-v41"}}, incumbent=None)
    world.weights.clear()
    await world.until("Progressing")
    assert world.weight() == 10


# Gateways


@pytest.mark.parametrize("accepts", [False, None])
async def test_what_no_gateway_takes_is_not_ready(accepts):
    world = new_world(incumbent=None)
    world.accepts, world.gateway_says = (
        accepts,
        "Gateway public says no" if accepts is False else "",
    )
    await world.run(60)
    assert world.condition("Ready") == ("False", "RouteNotAccepted")
    conditions = {c["type"]: c["message"] for c in world.status["conditions"]}
    wanted = "says no" if accepts is False else "check its parentRefs (public)"
    assert wanted in conditions["Ready"]
    world.accepts = True
    await world.tick(10)
    assert world.condition("Ready")[0] == "True"


@pytest.mark.parametrize("accepts", [False, None])
async def test_a_release_that_waits_for_a_gateway_asks_for_a_person(accepts):
    world = new_world()
    world.accepts = accepts
    await world.run(90)
    assert world.condition("Stalled") == ("True", "RouteNotAccepted")
    world.accepts = True
    await world.until("Progressing")
    assert world.condition("Stalled")[0] == "False"


async def test_a_port_that_the_service_lacks_is_named_with_those_that_it_has():
    world = new_world(candidate=candidate("42", backendRef={"name": "fraud-v42", "port": 81}))
    await world.run(20)
    assert world.condition("Stalled") == ("True", "PortMissing")
    assert "has no port 81 (it has 80)" in world.status["message"]
