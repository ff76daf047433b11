"""What a comparison must never do: let traffic rise on what it has not seen, or stop the release."""

from datetime import timedelta

import pytest

from surefoot.engine.questions import Problem, ProblemKind
from surefoot.stats.measures import Counts, Histogram, LabeledHistogram, Scalar
from tests.scenarios.specs import errors
from tests.scenarios.test_compare import LONG, MINUTE, compared, evidence, reads, until
from tests.scenarios.world import new_world

# The quick tier has others of the kind.
pytestmark = pytest.mark.slow

EARLY = {"promoteMargin": {"relative": 0.5}}
QUERY = Problem(ProblemKind.QUERY, "the query gives 2 elements")
EMPTY = Problem(ProblemKind.EMPTY, "no samples")


def of_type(kind, compare, **more):
    signal = {"name": "s", "type": kind, "compare": compare, **more}
    return new_world(signals=[signal], steps=LONG, bake="20m", analysis=MINUTE)


def both(world, incumbent, candidate, name="s"):
    world.measures[(name, "incumbent")] = incumbent
    world.measures[(name, "candidate")] = candidate


def spoils_intervals(world, kinds, problem):
    """Closed intervals have a problem, the windows that are shown are sound."""
    sound = world.answer

    def answer(question, now):
        found = sound(question, now)
        if question.end is None or question.signal.type.value not in kinds:
            return found
        return type(found)(*(type(r)(problem=problem) for r in (found.candidate, found.incumbent)))

    world.answer = answer


async def test_a_histogram_of_a_hundred_bins_fits_into_the_status_and_its_drift_is_found():
    world = of_type("Drift", {}, source={"preset": "model-server"})
    edges = tuple(i / 100 for i in range(1, 101))
    flat, steep = (30.0,) * 101, tuple(0.6 * i for i in range(101))
    both(world, Histogram(edges, flat), Histogram(edges, steep))
    await until(world, "Reverted", 3600)
    assert len(evidence(world, "s")["state"]) <= 100


async def test_two_hundred_bins_of_labels_fit_too():
    world = of_type("Calibration", {}, metric="ECE", source={"preset": "model-server"})
    edges = tuple(i / 200 for i in range(1, 201))
    yes, no = (8.0,) * 201, (8.0,) * 201
    both(world, LabeledHistogram(edges, yes, no), LabeledHistogram(edges, (16.0,) * 201, no))
    await until(world, "Reverted", 3600)
    assert len(evidence(world, "s")["state"]) <= 100


async def test_what_was_shown_at_a_lower_weight_says_nothing_of_a_higher_one():
    margins = {"revertMargin": {"absolute": 0.02}, "promoteMargin": {"absolute": 0.05}}
    world = compared(compare=margins)
    reads(world, 600, 600)
    while world.weight() < 25:
        await world.tick(30)
    assert "early: shown to be no worse" in world.status["decisions"][-1]["message"]
    assert evidence(world)["promotion"]["value"] >= 20
    reads(world, 600, 3000)
    await until(world, "Reverted", 1800)
    assert 50 not in world.weights


async def test_a_required_hope_is_not_skipped_by_going_up_early():
    hope = {"signal": "errors", "improveBy": {"relative": 0.5}, "required": True}
    signal = {
        "name": "errors",
        "type": "ErrorRate",
        "source": {"preset": "envoy"},
        "compare": EARLY,
    }
    world = new_world(signals=[signal], steps=LONG, bake="20m", analysis=MINUTE, hypothesis=hope)
    reads(world, 30, 30)
    await world.run(5400, every=30)
    assert world.weight() == 50
    assert world.status["hypothesis"]["verdict"] != "Reached"


async def test_a_signal_that_comes_to_revert_gets_a_share_of_the_budget():
    world = compared(onBreach="Hold")
    reads(world, 30, 30)
    await world.run(300, every=30)
    world.apply(signals=[{**world.spec["signals"][0], "onBreach": "Revert"}])
    await world.tick(10)
    assert evidence(world)["share"] == 1
    reads(world, 30, 300)
    await until(world, "Reverted", 1800)
    world = compared()
    reads(world, 30, 45)
    await world.run(300, every=30)
    for wanted in ("Observe", "Revert"):
        world.apply(signals=[{**world.spec["signals"][0], "onBreach": wanted}])
        await world.tick(10)
    assert 0 <= evidence(world)["share"] <= 0.5


async def test_evidence_against_a_signal_that_holds_holds():
    world = compared(onBreach="Hold")
    reads(world, 30, 300)
    await world.run(3600, every=30)
    assert world.weight() == 10
    assert "evidence" in world.status["message"]
    assert world.status["signals"][0]["verdict"] == "Fail"
    reads(world, 30, 60)
    world = compared(onBreach="Hold")
    reads(world, 30, 75)
    for _ in range(60):
        await world.tick(30)
        if world.status["signals"] and world.status["signals"][0]["verdict"] == "Inconclusive":
            break
    assert "that the candidate is worse" in world.status["signals"][0]["reason"]


@pytest.mark.parametrize("problem", [QUERY, EMPTY, Problem(ProblemKind.EDGES, "other edges")])
async def test_a_comparison_that_sees_nothing_lets_nothing_rise(problem):
    world = compared()
    reads(world, 30, 30)
    spoils_intervals(world, ["ErrorRate"], problem)
    await world.run(3600, every=30)
    assert world.weight() == 10
    assert world.status["signals"][0]["verdict"] == "NoData"
    assert "could not be compared" in world.status["message"]


async def test_a_comparison_that_gets_no_answer_lags_and_lets_nothing_rise():
    world = compared()
    reads(world, 30, 30)
    spoils_intervals(world, ["ErrorRate"], Problem(ProblemKind.TIMEOUT, "slow"))
    await world.run(3600, every=30)
    assert world.weight() == 10
    assert "lags" in world.status["message"]


async def test_one_interval_whose_query_fails_for_ever_is_given_up():
    world = compared()
    reads(world, 30, 30)
    await world.run(150, every=30)
    sound = world.answer
    spoils_intervals(world, ["ErrorRate"], QUERY)
    await world.run(60, every=30)
    world.answer = sound
    reads(world, 30, 300)
    await until(world, "Reverted", 1200)


async def test_edges_that_change_under_way_hold():
    world = of_type("Latency", {}, quantile=0.99, source={"preset": "envoy"})
    both(world, *(Histogram((0.1, 1.0), (900.0, 95.0, 5.0)),) * 2)
    await world.run(300, every=30)
    both(world, *(Histogram((0.2, 2.0), (500.0, 95.0, 405.0)),) * 2)
    await world.run(3600, every=30)
    assert world.weight() == 10
    assert world.status["signals"][0]["verdict"] == "NoData"


async def test_a_clock_that_was_set_back_blinds_no_comparison():
    world = compared()
    reads(world, 30, 30)
    await world.run(600, every=30)
    before = evidence(world)
    world.now -= timedelta(hours=2)
    reads(world, 30, 600)
    await until(world, "Reverted", 1800)
    assert evidence(world)["share"] <= before["share"] / 2


async def test_shares_and_states_that_someone_wrote_stop_nothing():
    signals = [
        {"name": name, "type": "ErrorRate", "source": {"preset": "envoy"},
         "compare": {"revertMargin": {"absolute": 0.02}}}
        for name in ("a", "b")
    ]  # fmt: skip
    world = new_world(signals=signals, steps=LONG, bake="20m", analysis=MINUTE)
    for name in ("a", "b"):
        both(world, Counts(600, 6000), Counts(600, 6000), name)
    await world.run(300, every=30)
    for each in world.status["evidence"]["signals"]:
        each["share"] = 1.0
        each["state"][2:4] = [0.0, -5.0]
    await world.run(300, every=30)
    assert world.phase == "Progressing"
    both(world, Counts(600, 6000), Counts(1800, 6000), "a")
    await until(world, "Reverted", 1800)


@pytest.mark.parametrize(
    ("kind", "more", "incumbent", "candidate"),
    [
        ("PromQL", {"query": "x{{candidate.service}}",
                    "compare": {"worse": "Higher", "revertMargin": {"relative": 0.1}}},
         Scalar(1e200), Scalar(1e-200)),
        ("Drift", {"compare": {}, "source": {"preset": "model-server"}},
         Histogram((0.5,), (1e300, 1e300)), Histogram((0.5,), (1e-300, 1e300))),
        ("Calibration", {"compare": {}, "metric": "ECE", "source": {"preset": "model-server"}},
         LabeledHistogram((0.5,), (1e300, 1e300), (1e300, 1e300), 1e300),
         LabeledHistogram((0.5,), (1e200, 1e300), (1.0, 1e300), 1e300)),
        ("ErrorRate", {"compare": {}, "source": {"preset": "envoy"}},
         Counts(1e300, 1e305), Counts(1e305, 1e305)),
    ],
)  # fmt: skip
async def test_extreme_numbers_stop_no_other_signal(kind, more, incumbent, candidate):
    odd = {"name": "odd", "type": kind, "onBreach": "Observe", **more}
    world = new_world(signals=[odd, errors()], steps=LONG, bake="20m", analysis=MINUTE)
    both(world, incumbent, candidate, "odd")
    await world.run(600, every=30)
    assert world.phase == "Progressing"
    world.reads(bad=900)
    await world.run(60, every=30)
    assert world.condition("Promoted") == ("False", "ThresholdCrossed")


async def test_another_name_for_a_comparison_spends_no_budget_twice():
    world = compared()
    reads(world, 30, 45)
    await world.run(300, every=30)
    world.apply(signals=[{**world.spec["signals"][0], "name": "renamed"}])
    await world.tick(10)
    assert 0 < evidence(world, "renamed")["share"] <= 0.5


@pytest.mark.parametrize("number", [1e300, 1e308])
async def test_a_hope_outlives_numbers_that_no_arithmetic_bears_and_a_clock_set_back(number):
    hope = {"signal": "errors", "improveBy": {"relative": 0.5}}
    world = new_world(signals=[errors()], steps=LONG, bake="20m", analysis=MINUTE, hypothesis=hope)
    both(world, Counts(number / 2, number), Counts(number / 4, number), "errors")
    world.measures[("errors", "candidate")] = Counts(0.0, number)
    await world.run(300, every=30)
    world.now -= timedelta(hours=2)
    await world.run(300, every=30)
    assert world.phase == "Progressing"
