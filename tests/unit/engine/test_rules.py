"""Each rule alone: it leans on none of those that speak before it."""

from datetime import timedelta

import pytest

from surefoot.api.vocabulary import Outcome, Phase, Rule
from surefoot.engine import rules_adopt
from surefoot.engine import rules_course as course
from surefoot.engine import rules_hands as hands
from surefoot.engine import rules_progress as progress
from surefoot.engine import rules_safety as safety
from surefoot.engine.conditions import TABLE
from surefoot.engine.decide import RULES, decide
from surefoot.engine.look import look
from surefoot.engine.questions import ProblemKind
from surefoot.engine.tick import plan_of, revert_capacity
from surefoot.engine.values import value_of
from surefoot.engine.world import Observation
from surefoot.stats.measures import Counts, Histogram
from tests.scenarios.specs import errors, workload
from tests.unit.engine.builders import (
    NOW,
    V41,
    V42,
    answer,
    idle,
    in_flight,
    observation,
    plan,
    route,
    signal,
    tick_of,
    trouble,
)

GOOD = {"errors": answer(Counts(0, 1000), Counts(0, 1000))}


def covered(index=0, weight=10, **changes):
    """In flight, with its hold covered."""
    status = in_flight(index, weight, **changes)
    assert status.step is not None
    status.step.covered_seconds = status.step.hold_seconds
    status.last_evaluated_time = NOW
    return status


@pytest.mark.parametrize(
    "rule",
    [
        safety.revert,
        hands.repair,
        hands.held_by_hand,
        hands.still_held,
        hands.fighting,
        course.supersede,
        course.follow_steps,
        progress.hold,
        progress.gate,
        progress.advance,
        progress.promote,
    ],
)
def test_a_rule_of_a_running_release_says_nothing_when_none_runs(rule):
    assert rule(tick_of(idle())) is None


@pytest.mark.parametrize(
    "rule", [safety.suspended, safety.deleted, rules_adopt.adopt, course.start]
)
def test_a_healthy_running_release_is_no_business_of_the_others(rule):
    assert rule(tick_of(in_flight())) is None


@pytest.mark.parametrize("status", [None, idle(), in_flight(), in_flight(3, 100)])
@pytest.mark.parametrize("sound", [True, False])
@pytest.mark.parametrize("deleted", [True, False])
def test_some_rule_always_speaks(status, sound, deleted):
    spec = plan() if sound else None
    tick = tick_of(status, spec=spec, problem="no good", deleted=deleted)
    assert any(rule(tick) is not None for rule in RULES)


def test_the_same_observation_leads_to_the_same_decision_and_is_left_as_it_was():
    obs = observation(covered(), answers=GOOD)
    first = decide(obs)
    assert decide(obs) == first
    assert obs.status == covered()


# a step up needs an answer for every signal, in this tick


def test_a_covered_hold_and_clean_signals_lead_one_step_up():
    decision = decide(observation(covered(), answers=GOOD))
    assert (decision.rule, decision.status.traffic.intended) == (Rule.ADVANCE, 25)


def test_a_signal_without_an_answer_is_no_pass():
    spec = plan(signals=[errors(), errors("more")])
    status = covered()
    status.release.accepted_spec = spec.as_written()
    decision = decide(observation(status, spec=spec, answers=GOOD))
    assert (decision.rule, decision.status.traffic.intended) == (Rule.GATE, 10)


def test_no_answers_yet_is_no_pass():
    decision = decide(observation(covered(), answers=None))
    assert (decision.rule, decision.status.traffic.intended) == (Rule.GATE, 10)


@pytest.mark.parametrize("kind", list(ProblemKind))
def test_a_problem_is_no_pass_and_no_breach(kind):
    decision = decide(observation(covered(), answers={"errors": trouble(kind)}))
    assert (decision.rule, decision.status.traffic.intended) == (Rule.HOLD, 10)


def test_a_breach_speaks_before_anything_that_would_step_up():
    bad = {"errors": answer(Counts(500, 1000), Counts(0, 1000))}
    decision = decide(observation(covered(), answers=bad))
    assert (decision.rule, decision.status.traffic.intended) == (Rule.REVERT, 0)


def test_after_a_revert_the_weights_are_still_enforced():
    status = in_flight()
    status.release.outcome = Outcome.REVERTED
    assert hands.enforces(tick_of(status))


# what is asked of Prometheus


def test_a_running_release_asks_for_every_signal_of_its_plan():
    seen = look(observation(in_flight()))
    asked, interval = seen.questions, seen.interval
    assert [q.signal.name for q in asked] == ["errors"]
    assert interval == timedelta(seconds=10)


@pytest.mark.parametrize(
    "changes",
    [
        {"deleted": True},
        {"spec": plan(suspend=True)},
        {"workloads": {"fraud-v41": workload("fraud-v41")}},
    ],
)
def test_what_the_world_alone_decides_asks_for_nothing(changes):
    assert look(observation(in_flight(), **changes)).questions == ()


def test_at_zero_the_incumbent_is_asked_about_over_the_window_before_the_release():
    (asked,) = look(observation(in_flight(-1, 0))).questions
    assert asked.start == NOW - asked.signal.threshold.window


def test_without_a_plan_the_interval_is_the_default():
    assert look(observation(idle(), spec=None)).interval == timedelta(seconds=15)


# plain questions of a tick


def test_what_guides_is_the_sound_spec_else_the_accepted_one_of_a_running_release():
    status = in_flight()
    kept = plan_of(observation(status, spec=None), status)
    assert kept is not None
    assert kept.as_written() == plan().as_written()
    ended = status.model_copy(deep=True)
    ended.release.outcome = Outcome.REVERTED
    assert plan_of(observation(ended, spec=None), ended) is None


def test_nobody_who_serves_or_no_deployment_can_take_nothing_back():
    nobody, somebody = in_flight(incumbent=None), in_flight()
    assert revert_capacity(nobody, observation(nobody)) == 0.0
    assert revert_capacity(somebody, observation(somebody, workloads={})) == 0.0
    assert revert_capacity(somebody, observation(somebody, services={"fraud-v41": None})) == 0.0


def test_capacity_is_counted_in_pods_of_when_the_release_started():
    status = in_flight()
    status.release.incumbent_replicas = 4
    seen = observation(status, workloads={"fraud-v41": workload("fraud-v41", replicas=1)})
    assert revert_capacity(status, seen) == 0.25


def test_every_phase_has_its_row_in_the_truth_table():
    assert set(TABLE) == set(Phase)


def test_drift_without_scores_has_no_value():
    empty, full = Histogram((0.5,), (0.0, 0.0)), Histogram((0.5,), (1.0, 1.0))
    assert value_of(signal("Drift"), empty, None, full).number is None


@pytest.mark.parametrize(
    ("ports", "wanted", "found"),
    [
        (None, None, None),
        ((80,), None, V42),
        ((80, 81), None, None),
        ((80, 81), 80, V42),
        ((81,), 80, None),
    ],
)
def test_a_backend_is_the_named_port_else_the_only_one(ports, wanted, found):
    obs = Observation(NOW, "risk", "fraud", "uid", 1, NOW, services={"fraud-v42": ports})
    assert obs.port_of("fraud-v42", wanted) == found


# weights that are not ours to touch


@pytest.mark.parametrize("weights", [(0, 0), (100, 0), (3, 1)])
def test_a_promoted_release_never_writes_weights(weights):
    status = in_flight(3, 100)
    status.release.outcome = Outcome.PROMOTED
    status.incumbent = status.incumbent.model_copy(update={"workload": "fraud-v42", "backend": V42})
    decision = decide(observation(status, route=route(*weights, managed=False)))
    assert decision.effects == ()
    assert decision.status.incumbent.backend != V41
