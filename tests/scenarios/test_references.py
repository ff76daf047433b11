"""Drift from a reference: bins of one's own, or those of the promotion, and what is wrong with them."""

import json

import pytest

from surefoot.engine.questions import Problem, ProblemKind
from surefoot.ports import TransientError
from surefoot.stats.measures import Histogram
from tests.scenarios.specs import candidate, errors, workload
from tests.scenarios.world import new_world

EDGES = (0.25, 0.5, 0.75)
SAME, MOVED = (400.0, 300.0, 200.0, 100.0), (100.0, 200.0, 300.0, 400.0)
BINS = {"edges": list(EDGES), "counts": [4000, 3000, 2000, 1000]}


def drift(**changes):
    return {
        "name": "drift",
        "type": "Drift",
        "source": {"preset": "model-server"},
        "baseline": "Reference",
        "threshold": {"max": 0.25, "window": "30s"},
        **changes,
    }


GIVEN = {"reference": {"configMap": {"name": "training"}}}
WHERE = ("training", "reference.json")


def world_of(signal, found=SAME):
    world = new_world(signals=[errors(), signal])
    world.measures[("drift", "both")] = Histogram(EDGES, found)
    world.measures[("other", "both")] = Histogram(EDGES, SAME)
    return world


def shown(world):
    return next(s for s in world.status["signals"] if s["name"] == "drift")


async def test_scores_like_the_reference_pass():
    world = world_of(drift(**GIVEN))
    world.config[WHERE] = json.dumps(BINS)
    await world.until("Idle")
    assert "Promoted" in world.decided()


async def test_scores_unlike_the_reference_hold_and_do_not_revert():
    world = world_of(drift(**GIVEN), MOVED)
    world.config[WHERE] = json.dumps(BINS)
    await world.run(600)
    assert world.weight() == 10
    assert world.status["reason"] == "SignalBreach"
    assert shown(world)["verdict"] == "Fail"


async def test_unless_they_are_told_to():
    world = world_of(drift(**GIVEN, onBreach="Revert"), MOVED)
    world.config[WHERE] = json.dumps(BINS)
    await world.until("Reverted")
    assert world.condition("Promoted") == ("False", "ThresholdCrossed")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "does not exist: create it"),
        ("edges", "is no JSON"),
        ("[" * 60_000, "is no JSON"),
        ("[1]", "needs edges and counts"),
        ('{"edges": [0.5], "counts": ["a", 1]}', "needs finite numbers"),
        ('{"edges": [0.5], "counts": [1, true]}', "needs finite numbers"),
        ('{"edges": 0.5, "counts": [1, 2]}', "needs finite numbers"),
        ('{"edges": [0.5], "counts": [1, NaN]}', "needs finite numbers"),
        ('{"edges": [0.5], "counts": [1, 2], "total": "x"}', "needs finite numbers"),
        (f'{{"edges": [0.5], "counts": [1, 1{"0" * 400}]}}', "needs finite numbers"),
        (f'{{"edges": [0.5], "counts": [1, 2], "total": {"9" * 400}}}', "needs finite numbers"),
        ('{"edges": [0.5], "counts": [1e308, 1e308]}', "with a finite sum"),
        (json.dumps(BINS) + " " * 65_536, "65536 are read at most"),
        (
            json.dumps({"edges": [*range(401)], "counts": [1] * 402}),
            "has 401 edges: give at most 400",
        ),
        ('{"edges": [], "counts": [1]}', "needs edges that rise"),
        ('{"edges": [0.5, 0.5], "counts": [1, 2, 3]}', "needs edges that rise"),
        ('{"edges": [0.5], "counts": [1]}', "one count more than edges"),
        ('{"edges": [0.5], "counts": [1, -1]}', "not negative"),
        ('{"edges": [0.5], "counts": [0, 0]}', "not negative"),
        (TransientError("503 try later"), "cannot be read: 503 try later"),
        (RuntimeError("nobody thought of it"), "cannot be read (RuntimeError)"),
    ],
)
async def test_a_reference_that_is_none_keeps_the_release_at_0_and_says_why(text, said):
    world = world_of(drift(**GIVEN))
    if text is not None:
        world.config[WHERE] = text
    await world.run(300)
    assert world.weight() == 0
    assert said in world.status["message"]
    assert "ConfigMap training, key reference.json," in world.status["message"]
    world.config[WHERE] = json.dumps(BINS)
    await world.until("Idle")


async def test_a_reference_that_vanishes_under_way_holds():
    world = world_of(drift(**GIVEN))
    world.config[WHERE] = json.dumps(BINS)
    await world.run(20)
    assert world.weight() == 10
    del world.config[WHERE]
    await world.run(300)
    assert world.weight() == 10
    assert shown(world)["verdict"] == "Error"


@pytest.mark.slow
async def test_a_reference_is_parsed_once_and_not_at_every_tick(monkeypatch):
    texts = []
    parse = json.loads
    monkeypatch.setattr(json, "loads", lambda text: texts.append(text) or parse(text))
    world = new_world(signals=[errors(), *(drift(name=f"d{n}", **GIVEN) for n in range(3))])
    for n in range(3):
        world.measures[(f"d{n}", "both")] = Histogram(EDGES, SAME)
    world.config[WHERE] = json.dumps({**BINS, "total": 12.345})
    await world.until("Idle")
    assert "Promoted" in world.decided()
    assert texts.count(world.config[WHERE]) == 1


async def test_a_reference_that_is_spoiled_under_way_takes_no_other_guard_away():
    world = world_of(drift(**GIVEN))
    world.config[WHERE] = json.dumps(BINS)
    await world.run(20)
    assert world.weight() == 10
    world.config[WHERE] = f'{{"edges": [0.5], "counts": [1, 1{"0" * 400}]}}'
    world.reads(1000)
    await world.until("Reverted")
    assert world.weight() == 0
    assert "needs finite numbers" in shown(world)["reason"]


async def test_other_edges_than_the_references_are_said():
    world = world_of(drift(**GIVEN))
    world.config[WHERE] = json.dumps({"edges": [0.1], "counts": [1, 2]})
    await world.run(300)
    assert world.weight() == 10
    assert "bucket edges" in shown(world)["reason"]


async def test_without_a_snapshot_it_gates_nothing_and_the_promotion_takes_one():
    world = world_of(drift())
    world.spec["signals"].append(drift(name="other"))
    await world.run(60)
    assert shown(world)["verdict"] == "NotApplicable"
    assert "no reference yet" in shown(world)["reason"]
    await world.until("Idle")
    world.spec["signals"].reverse()
    taken = [(s["signal"], s["version"]) for s in world.status["snapshots"]]
    assert taken == [("drift", "42"), ("other", "42")]
    world.measures[("drift", "candidate")] = Histogram(EDGES, MOVED)
    world.workloads |= {"fraud-v43": workload("fraud-v43")}
    world.services["fraud-v43"] = (80,)
    world.apply(candidate=candidate("43"), incumbent=None)
    await world.run(300)
    assert shown(world)["verdict"] == "Fail"
    assert world.weight() == 10


async def test_at_0_the_incumbents_own_trouble_comes_first():
    world = world_of(drift(**GIVEN))
    world.config[WHERE] = json.dumps(BINS)
    world.measures[("drift", "incumbent")] = Problem(ProblemKind.EMPTY, "no series of fraud-v41")
    await world.run(120)
    assert world.weight() == 0
    assert "no series of fraud-v41" in world.status["message"]
