"""The three versions: calibrated, comparable by the same edges, and wrong when they are meant to be."""

from itertools import islice, pairwise

import pytest

from examples.fraud.server.model import BINS, Model, edges
from examples.fraud.world import Payment, payments

PRESENT: list[Payment] = list(islice(payments(99), 8_000))


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def observed_over_expected(model: Model) -> float:
    scores = [model.score(payment.features) for payment in PRESENT]
    return sum(payment.fraud for payment in PRESENT) / sum(scores)


def ranking(model: Model) -> float:
    """Share of (fraud, honest) pairs that are in the right order."""
    scored = sorted((model.score(p.features), p.fraud) for p in PRESENT)
    ranks = sum(rank for rank, (_, fraud) in enumerate(scored) if fraud)
    frauds = sum(p.fraud for p in PRESENT)
    return (ranks - frauds * (frauds - 1) / 2) / (frauds * (len(PRESENT) - frauds))


@pytest.mark.parametrize("version", ["v41", "v42", "v43-good"])
def test_the_sound_versions_are_calibrated(version: str) -> None:
    assert observed_over_expected(Model(version)) == pytest.approx(1.0, abs=0.06)


def test_v42_ranks_better_than_v41() -> None:
    assert ranking(Model("v42")) > ranking(Model("v41")) + 0.005


def test_v43_is_sound_until_30_s_after_its_first_request_and_then_expects_twice_too_much() -> None:
    clock = Clock()
    model = Model("v43", clock)
    clock.now += 3_600
    assert model.faulty_for_s is None
    assert observed_over_expected(model) == pytest.approx(1.0, abs=0.06)
    clock.now += 29.9
    assert model.faulty_for_s is None
    clock.now += 0.6
    assert model.faulty_for_s == pytest.approx(0.5)
    assert observed_over_expected(model) == pytest.approx(0.5, abs=0.05)


def test_the_edges_cut_the_incumbents_scores_into_even_parts() -> None:
    assert len(edges()) == BINS - 1
    assert list(edges()) == sorted(set(edges()))
    model = Model("v41")
    scores = [model.score(p.features) for p in PRESENT]
    cuts = [0.0, *edges(), 1.0]
    shares = [sum(low < s <= high for s in scores) / len(scores) for low, high in pairwise(cuts)]
    assert max(shares) < 2 / BINS


def test_a_version_that_is_not_known_is_refused_with_those_that_are() -> None:
    with pytest.raises(ValueError, match="v41, v42"):
        Model("v7")
    with pytest.raises(ValueError, match="6 needed"):
        Model("v41").score([1.0])
