"""Weights of a route: what a percentage means, for any pool and any other backends."""

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from surefoot.api.status import Backend, HandHold
from surefoot.api.vocabulary import Reason
from surefoot.engine.weights import (
    MOST_WEIGHT,
    back_to,
    changes,
    emptied,
    is_lowered,
    is_raised,
    kept_rules,
    left_by_hand,
    lists,
    observed_percent,
    share_of,
    split_rules,
    too_coarse,
    whole_percents,
)
from surefoot.engine.world import BackendWeight, Route
from tests.unit.engine.builders import NOW, V41, V42, in_flight

WEIGHTS = st.integers(0, 1_000_000)
PERCENTS = st.integers(0, 100)
OTHERS = st.lists(
    st.builds(BackendWeight, st.sampled_from("abc"), st.just(80), WEIGHTS), max_size=3
)


@st.composite
def rules(draw):
    """A rule with both arms, in any order, among others."""
    listed = [V41, V42, *draw(st.lists(st.sampled_from([V41, V42]), max_size=2))]
    arms = [BackendWeight(arm.name, arm.port, draw(WEIGHTS)) for arm in listed]
    return tuple(draw(st.permutations([*arms, *draw(OTHERS)])))


ROUTES = st.lists(rules(), min_size=1, max_size=3).map(lambda r: Route("fraud", 1, False, tuple(r)))


def applied(route, wanted):
    """The route after the writes."""
    table = [list(rule) for rule in route.rules]
    for change in wanted:
        at = table[change.rule][change.backend]
        assert at.name == change.name
        table[change.rule][change.backend] = replace(at, weight=change.weight)
    return replace(route, rules=tuple(map(tuple, table)))


def weights_of(rule, *names):
    return sum(b.weight for b in rule if b.name in names)


@given(ROUTES, PERCENTS)
def test_planned_weights_sum_to_the_pool(route, percent):
    for split in split_rules(route, V41, V42):
        assert sum(split.planned(percent)) == split.pool


@given(ROUTES, PERCENTS)
def test_the_planned_share_never_exceeds_the_intent(route, percent):
    for split in split_rules(route, V41, V42):
        incumbent, candidate = split.planned(percent)
        assert min(incumbent, candidate) >= 0
        assert candidate * 100 <= percent * split.pool


@given(ROUTES)
def test_at_0_and_100_one_arm_has_all_of_the_pool(route):
    for split in split_rules(route, V41, V42):
        assert split.planned(0) == (split.pool, 0)
        assert split.planned(100) == (0, split.pool)


@given(ROUTES, PERCENTS)
def test_changes_once_applied_leave_nothing_to_change(route, percent):
    after = applied(route, changes(split_rules(route, V41, V42), percent))
    assert changes(split_rules(after, V41, V42), percent) == ()


@given(ROUTES, PERCENTS)
def test_changes_touch_neither_other_backends_nor_what_the_arms_share_with_them(route, percent):
    after = applied(route, changes(split_rules(route, V41, V42), percent))
    for old, new in zip(route.rules, after.rules, strict=True):
        assert [b for b in new if b.name in "abc"] == [b for b in old if b.name in "abc"]
        if weights_of(old, *"abc"):
            arms = (V41.name, V42.name)
            assert weights_of(new, *arms) == min(weights_of(old, *arms), MOST_WEIGHT)


@given(ROUTES, PERCENTS)
def test_a_route_at_its_intent_is_neither_raised_nor_lowered(route, percent):
    splits = split_rules(applied(route, changes(split_rules(route, V41, V42), percent)), V41, V42)
    assert not is_raised(splits, percent)
    assert not is_lowered(splits, percent)


@given(ROUTES, PERCENTS, st.integers(1, 100))
def test_a_share_above_the_intent_is_seen_as_raised(route, percent, more):
    assume(percent + more <= 100)
    after = applied(route, changes(split_rules(route, V41, V42), percent + more))
    splits = split_rules(after, V41, V42)
    assume(any(split.percent > percent for split in splits))
    assert is_raised(splits, percent)


@given(ROUTES, PERCENTS)
def test_no_weight_is_ever_written_that_the_gateway_api_refuses(route, percent):
    assert all(c.weight <= MOST_WEIGHT for c in changes(split_rules(route, V41, V42), percent))


def test_a_backend_that_stands_twice_weighs_what_both_places_weigh_and_is_brought_to_one():
    listed = [("fraud-v41", 100), ("fraud-v42", 0), ("fraud-v42", 100)]
    route = Route("fraud", 1, False, (tuple(BackendWeight(n, 80, w) for n, w in listed),))
    (split,) = split_rules(route, V41, V42)
    assert (split.percent, split.repeats) == (50, True)
    after = applied(route, changes([split], 10))
    assert [b.weight for b in after.rules[0]] == [90, 10, 0]


def test_a_rule_that_serves_nobody_is_told_from_one_that_serves_others():
    nobody, others = (BackendWeight("fraud-v41", 80, 0), BackendWeight("fraud-v42", 80, 0)), 5
    route = Route("fraud", 1, False, (nobody, (*nobody, BackendWeight("a", 80, others))))
    assert [split.rule for split in emptied(split_rules(route, V41, V42))] == [0]
    assert share_of(route, V42) == 0


@given(ROUTES, st.data(), PERCENTS)
def test_back_to_what_was_left_gives_no_rule_more_than_that_or_than_it_has(route, data, percent):
    before = split_rules(route, V41, V42)
    left = data.draw(st.lists(PERCENTS, min_size=len(before), max_size=len(before)))
    after = split_rules(applied(route, back_to(before, left, percent)), V41, V42)
    for now, was, most in zip(whole_percents(after), whole_percents(before), left, strict=True):
        assert now <= min(was, most)


def test_a_rule_that_came_since_a_lowering_has_the_least_that_was_left():
    def held(*left):
        hold = HandHold(reason=Reason.WEIGHT_LOWERED, by="alice", since=NOW, left=list(left))
        return in_flight(hold=hold)

    rule = (BackendWeight("fraud-v41", 80, 75), BackendWeight("fraud-v42", 80, 25))
    splits = split_rules(Route("fraud", 1, False, (rule, rule)), V41, V42)
    assert left_by_hand(held(5, 10), splits) == [5, 10]
    assert left_by_hand(held(5, 10, 20), splits) == [5, 5]
    assert left_by_hand(held(), splits) == left_by_hand(in_flight(), splits) == []


def test_without_others_the_arms_are_brought_to_a_sum_of_100():
    route = Route(
        "fraud", 1, None, ((BackendWeight("fraud-v41", 80, 1), BackendWeight("fraud-v42", 80, 0)),)
    )
    assert [c.weight for c in changes(split_rules(route, V41, V42), 30)] == [70, 30]


def test_arms_at_zero_have_no_share_to_divide_by():
    rule = (BackendWeight("fraud-v41", 80, 0), BackendWeight("fraud-v42", 80, 0))
    assert observed_percent(split_rules(Route("fraud", 1, False, (rule,)), V41, V42)) == 0


def test_the_largest_share_over_the_rules_is_what_is_observed():
    def rule(weight):
        return BackendWeight("fraud-v41", 80, 100 - weight), BackendWeight("fraud-v42", 80, weight)

    route = Route("fraud", 1, False, (rule(10), rule(40)))
    assert observed_percent(split_rules(route, V41, V42)) == 40


def test_a_rule_with_one_arm_is_nobodys_business():
    route = Route("fraud", 1, False, ((BackendWeight("fraud-v42", 80, 7),),))
    assert split_rules(route, V41, V42) == []
    assert observed_percent([]) is None
    assert lists(route, V42)
    assert not lists(route, V41)


def test_another_port_of_the_same_service_is_another_backend():
    route = Route("fraud", 1, False, ((BackendWeight("fraud-v42", 81, 7),),))
    assert not lists(route, V42)


def test_a_sum_that_cannot_carry_the_percentage_is_too_coarse():
    rule = (
        BackendWeight("fraud-v41", 80, 9),
        BackendWeight("fraud-v42", 80, 0),
        BackendWeight("a", 80, 1),
    )
    splits = split_rules(Route("fraud", 1, False, (rule,)), V41, V42)
    assert too_coarse(splits, 11) == splits[0]
    assert too_coarse(splits, 12) is None
    assert too_coarse(splits, 0) is None


def test_the_smallest_share_over_the_rules_is_what_an_arm_serves():
    rule = (BackendWeight("fraud-v41", 80, 1), BackendWeight("a", 80, 3))
    route = Route("fraud", 1, False, (rule, (BackendWeight("fraud-v41", 80, 5),)))
    assert share_of(route, V41) == 25


def test_a_rule_without_the_arm_tells_no_share():
    route = Route("fraud", 1, False, ((BackendWeight("a", 80, 3),), ()))
    assert share_of(route, V41) is None


def test_two_ports_of_one_service_are_not_taken_for_each_other() -> None:
    incumbent, candidate = Backend(name="fraud", port=80), Backend(name="fraud", port=81)
    rule = (BackendWeight("fraud", 80, 90), BackendWeight("fraud", 8081, 10))
    assert kept_rules(Route("fraud", 1, False, (rule,)), incumbent, candidate) == []
