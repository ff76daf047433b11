"""Weights that someone else moves, and what happens to routes and pods after a promotion."""

from dataclasses import replace

import pytest

from surefoot.engine.world import BackendWeight, Route
from tests.scenarios.memory import CrashError
from tests.scenarios.specs import candidate, errors, given_route, workload
from tests.scenarios.stories import at_weight, promoted
from tests.scenarios.world import given_world


async def test_a_lowered_weight_holds_until_resume():
    world = await at_weight(25)
    await world.tick(10)
    world.edit_weight(5)
    await world.run(300)
    assert (world.weight(), world.phase) == (5, "Paused")
    assert world.status["reason"] == "WeightLowered"
    assert "kubectl-edit" in world.status["message"]
    world.act("Resume")
    await world.tick(1)
    assert world.weight() == 25
    await world.until("Idle")


@pytest.mark.parametrize(("left", "raised"), [(0, 60), (0, 20), (5, 25), (5, 6)])
async def test_a_lowered_weight_is_what_a_raise_is_put_right_to(left, raised):
    world = await at_weight(25)
    await world.tick(10)
    world.edit_weight(left)
    await world.tick(1)
    world.edit_weight(raised, manager="argocd")
    await world.run(300)
    assert (world.weight(), world.phase) == (left, "Paused")
    assert world.decided()[-2:] == ["WeightLowered", "WeightRaised"]
    assert f"raised from {left} to {raised} by argocd" in world.status["decisions"][-1]["message"]
    world.act("Resume")
    await world.until("Idle")


async def test_a_weight_that_is_lowered_twice_stays_where_it_was_left_last():
    world = await at_weight(25)
    await world.tick(10)
    for left in (10, 5):
        world.edit_weight(left)
        await world.tick(10)
    world.restart()
    world.edit_weight(60, manager="argocd")
    await world.run(60)
    assert (world.weight(), world.phase) == (5, "Paused")
    assert world.decided().count("WeightLowered") == 2


async def test_each_rule_keeps_what_it_was_left_with():
    world = given_world()
    world.routes["fraud"] = replace(world.routes["fraud"], rules=2 * world.routes["fraud"].rules)
    while world.weight() != 25:
        await world.tick(10)
    await world.tick(10)

    def gives(*weights):
        old = world.routes["fraud"]
        rules = tuple(
            tuple(
                replace(b, weight=weight if b.name == "fraud-v42" else 100 - weight) for b in rule
            )
            for rule, weight in zip(old.rules, weights, strict=True)
        )
        world.routes["fraud"] = replace(old, generation=old.generation + 1, rules=rules)

    gives(5, 25)
    await world.tick(1)
    gives(40, 40)
    await world.tick(1)
    assert [rule[1].weight for rule in world.routes["fraud"].rules] == [5, 25]


async def test_a_lowered_weight_stays_while_another_candidate_waits_for_the_incumbent():
    world = await at_weight(25)
    await world.tick(10)
    world.edit_weight(5)
    await world.tick(1)
    world.workloads["fraud-v41"] = workload("fraud-v41", available=0)
    world.workloads["fraud-v43"] = workload("fraud-v43")
    world.services["fraud-v43"] = (80,)
    world.apply(candidate=candidate("43"))
    await world.run(60)
    assert (world.weight(), world.status["reason"]) == (5, "IncumbentNotReady")


async def test_a_lowered_weight_still_reverts_on_a_breach():
    world = await at_weight(25)
    await world.tick(10)
    world.edit_weight(5)
    await world.tick(0)
    world.reads(bad=500)
    await world.tick(10)
    assert (world.weight(), world.phase) == (0, "Reverted")


async def test_a_raised_weight_is_put_right():
    world = await at_weight(25)
    await world.tick(10)
    world.edit_weight(90)
    await world.tick(0)
    assert world.weight() == 25
    assert "WeightRaised" in world.reasons()
    assert world.condition("Stalled")[0] == "False"


async def test_a_weight_raised_three_times_in_a_row_stalls_and_names_who_did_it():
    world = await at_weight(25)
    for _ in range(3):
        await world.tick(1)
        world.edit_weight(90, manager="argocd-controller")
        await world.tick(0)
    assert world.weight() == 25
    assert world.condition("Stalled") == ("True", "WeightFight")
    assert "argocd-controller" in world.status["message"]
    world.edit_weight(90)
    await world.tick(0)
    assert world.weight() == 90
    await world.tick(3)
    assert world.weight() == 25


async def test_a_weight_raised_after_a_revert_is_put_back_to_zero():
    world = await at_weight(25)
    world.reads(bad=500)
    await world.tick(10)
    world.edit_weight(40)
    await world.tick(0)
    assert world.weight() == 0


async def test_a_repair_that_was_cut_short_counts_once():
    world = await at_weight(25)
    await world.tick(10)
    world.edit_weight(90)
    world.crash_after = 1
    with pytest.raises(CrashError):
        await world.tick(1)
    assert world.weight() == 90
    await world.tick(1)
    assert world.weight() == 25
    assert world.decided().count("WeightRaised") == 1
    assert world.status["traffic"]["repairs"] == 1


async def test_a_route_made_anew_with_a_raised_weight_is_another_raise_each_time():
    world = await at_weight(25)
    world.reads(bad=500)
    await world.tick(10)
    raised = (BackendWeight("fraud-v41", 80, 50), BackendWeight("fraud-v42", 80, 50))
    for number in range(5):
        world.routes["fraud"] = Route(
            "fraud", 1, True, (raised,), manager="argocd", uid=f"uid-{number}"
        )
        await world.tick(10)
        assert world.weight() == 0
    repairs = ["WeightRaised"] * 2 + ["WeightFight"] * 3
    assert world.decided()[-5:] == repairs
    assert world.reasons()[-5:] == repairs
    assert world.status["traffic"]["repairs"] == 5


async def test_after_promotion_weights_are_not_enforced_but_reported():
    world = await promoted()
    old = world.routes["fraud"]
    rule = (BackendWeight("fraud-v41", 80, 40), BackendWeight("fraud-v42", 80, 60))
    world.routes["fraud"] = replace(old, generation=old.generation + 1, rules=(rule,))
    await world.tick(10)
    assert world.weight() == 60
    assert world.status["reason"] == "WeightsDiffer"
    assert world.condition("Promoted")[0] == "True"


async def test_after_promotion_the_losers_workload_and_service_may_vanish():
    world = await promoted()
    del world.workloads["fraud-v41"]
    del world.services["fraud-v41"]
    await world.run(60)
    assert (world.phase, world.weight()) == ("Idle", 100)
    assert world.condition("Stalled")[0] == "False"


async def test_a_restart_of_the_candidates_pods_only_starts_warm_up_again():
    world = await at_weight(25, analysis={"interval": "10s", "warmup": "20s"}, signals=[errors()])
    before = world.status["release"]["warmupFrom"]
    world.workloads["fraud-v42"] = replace(workload("fraud-v42"), template_hash="restarted")
    await world.tick(10)
    assert world.status["release"]["warmupFrom"] > before
    assert world.status["release"]["attempt"] == 1
    await world.until("Idle")


async def test_the_incumbent_rolled_in_place_is_reported():
    world = await promoted()
    world.workloads["fraud-v42"] = workload("fraud-v42", image="rebuilt")
    await world.tick(1)
    assert "IncumbentChanged" in world.decided()
    assert world.phase == "Idle"


async def test_a_route_changed_mid_flight_goes_back_on_the_old_one_first():
    world = given_world()
    await world.run(40)
    assert world.weight() > 0
    world.routes["other"] = Route("other", 1, False, given_world().routes["fraud"].rules)
    world.apply(traffic=given_route("other"))
    await world.tick(1)
    assert world.weight("fraud") == 0
    await world.until("Idle")
    assert world.weight("other") == 100


async def test_a_service_port_changed_mid_flight_supersedes():
    world = await at_weight(25)
    world.services["fraud-v42"] = (80, 81)
    world.apply(candidate=candidate("42", backendRef={"name": "fraud-v42", "port": 81}))
    await world.tick(1)
    assert world.status["history"][-1]["outcome"] == "Superseded"
    assert world.status["release"]["backend"]["port"] == 81


async def test_a_managed_route_that_was_deleted_while_idle_is_made_again():
    world = await promoted()
    del world.routes["fraud"]
    await world.tick(10)
    assert world.weight() == 100


async def test_a_managed_route_follows_its_hostnames():
    world = await promoted()
    world.apply(
        traffic={"managedRoute": {"parentRefs": [{"name": "public"}], "hostnames": ["new.example"]}}
    )
    await world.tick(1)
    assert world.routes["fraud"].hostnames == ("new.example",)
    assert world.weight() == 100


@pytest.mark.parametrize("arms", [("fraud-v42",), ("fraud-v41", "fraud-v42"), ("fraud-v41",)])
async def test_a_port_that_is_edited_under_way_keeps_no_traffic_on_a_bad_candidate(arms):
    world = given_world()
    while world.weight() < 25:
        await world.tick(10)
    route = world.routes["fraud"]
    edited = tuple(replace(b, port=8080) if b.name in arms else b for b in route.rules[0])
    world.routes["fraud"] = replace(route, generation=route.generation + 1, rules=(edited,))
    world.reads(bad=500)
    await world.until("Reverted")
    await world.run(60)
    assert [b.weight for b in world.routes["fraud"].rules[0]] == [100, 0]
    assert world.status["traffic"]["observed"] == 0


async def test_a_rule_of_other_ports_is_nobodys_business():
    world = given_world()
    grpc = tuple(replace(b, port=9090) for b in world.routes["fraud"].rules[0])
    route = world.routes["fraud"]
    world.routes["fraud"] = replace(route, rules=(*route.rules, grpc))
    await world.until("Idle")
    assert world.routes["fraud"].rules[1] == grpc


async def two_rules():
    """In flight at 25 on both of a route's rules; then someone takes the incumbent out of the second."""
    world = given_world()
    route = world.routes["fraud"]
    world.routes["fraud"] = replace(route, rules=route.rules * 2)
    while world.weight() < 25:
        await world.tick(10)
    route = world.routes["fraud"]
    rules = (route.rules[0], route.rules[1][1:])
    world.routes["fraud"] = replace(route, generation=route.generation + 1, rules=rules)
    return world


async def test_a_rule_that_lost_the_incumbent_under_way_holds_and_says_what_to_do():
    world = await two_rules()
    await world.run(900)
    assert world.condition("Stalled") == ("True", "BackendMissing")
    assert world.routes["fraud"].rules[0][1].weight == 25
    assert world.status["traffic"]["observed"] == 100
    assert "rule 2 of HTTPRoute fraud" in world.status["message"]
    route = world.routes["fraud"]
    world.routes["fraud"] = replace(
        route, generation=route.generation + 1, rules=route.rules[:1] * 2
    )
    await world.until("Idle")


async def test_a_revert_tells_of_a_rule_that_it_can_take_nothing_back_from():
    world = await two_rules()
    world.reads(bad=500)
    await world.run(90)
    assert world.phase == "Reverting"
    assert [b.weight for b in world.routes["fraud"].rules[0]] == [100, 0]
    assert world.status["release"]["outcome"] == "Reverted"
    assert world.condition("Stalled") == ("True", "BackendMissing")
    assert world.status["traffic"]["observed"] == 100


async def test_a_rule_that_gave_the_candidate_everything_from_the_start_is_nobodys_business():
    world = given_world()
    route = world.routes["fraud"]
    only = (BackendWeight("fraud-v42", 80, 1),)
    world.routes["fraud"] = replace(route, rules=(*route.rules, only))
    await world.until("Idle")
    assert world.routes["fraud"].rules[1] == only
