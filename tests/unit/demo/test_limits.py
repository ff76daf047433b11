"""The demo's limits on simulated windows: a sound model keeps them, the faulty one does not."""

import random
from bisect import bisect_left
from itertools import islice

import pytest
import yaml

from demo_story import gitops
from examples.fraud.server.model import VERSIONS, Model, edges
from examples.fraud.world import payments
from surefoot.api.signals import Signal
from surefoot.api.spec import ModelReleaseSpec
from surefoot.stats.calibration import calibration_in_the_large
from surefoot.stats.drift import population_stability_index
from surefoot.stats.measures import Histogram, LabeledScores

PRESENT = list(islice(payments(7), 10_000))
WINDOWS = 400


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def scored(version: str, *, after_s: float = 0.0) -> list[tuple[float, bool]]:
    """(score, outcome) of every payment, `after_s` seconds after the model's first request."""
    clock = Clock()
    model = Model(version, clock)
    model.score(PRESENT[0].features)
    clock.now = after_s
    return [(model.score(p.features), p.fraud) for p in PRESENT]


def signal(name: str) -> Signal:
    spec = ModelReleaseSpec.model_validate(yaml.safe_load(gitops.manifest("release"))["spec"])
    return next(s for s in spec.signals if s.name == name)


def ratios(pairs: list[tuple[float, bool]]) -> list[float]:
    """Calibration of many windows with the fewest labels that are judged."""
    dice, found = random.Random(1), []
    size = signal("calibration").threshold.min_samples
    for _ in range(WINDOWS):
        window = dice.choices(pairs, k=size)
        sums = LabeledScores(sum(y for _, y in window), sum(s for s, _ in window), size)
        found.append(calibration_in_the_large(sums) or 0.0)
    return found


def histogram(pairs: list[tuple[float, bool]], size: int, dice: random.Random) -> Histogram:
    counts = [0] * (len(edges()) + 1)
    for score, _ in dice.choices(pairs, k=size):
        counts[bisect_left(edges(), score)] += 1
    return Histogram(edges(), tuple(counts))


def drifts(candidate: list[tuple[float, bool]], incumbent: list[tuple[float, bool]]) -> list[float]:
    """PSI of many windows at step 2, 20 s at 25 % of 120 requests a second."""
    dice = random.Random(2)
    return [
        population_stability_index(
            histogram(candidate, 600, dice), histogram(incumbent, 1_800, dice)
        ).value
        for _ in range(WINDOWS // 4)
    ]


@pytest.mark.parametrize("version", ["v42", "v43"])
def test_a_sound_model_stays_clear_of_the_calibration_limits(version: str) -> None:
    limit = signal("calibration").threshold
    found = ratios(scored(version))
    assert limit.min is not None
    assert limit.max is not None
    assert min(found) > limit.min + 0.03
    assert max(found) < limit.max - 0.03


def test_the_faulty_v43_is_below_the_calibration_limit_in_every_window() -> None:
    limit = signal("calibration").threshold.min
    assert limit is not None
    assert max(ratios(scored("v43", after_s=VERSIONS["v43"].fault_after_s))) < limit


def test_drift_holds_for_the_faulty_v43_and_not_for_the_sound_ones() -> None:
    limit = signal("score-drift").threshold.max
    assert limit is not None
    v42, faulty = scored("v42"), scored("v43", after_s=VERSIONS["v43"].fault_after_s)
    assert max(drifts(v42, scored("v41"))) < limit
    assert max(drifts(scored("v43"), v42)) < limit
    assert min(drifts(faulty, v42)) > limit
