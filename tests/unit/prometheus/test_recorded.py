"""Every preset, from its recorded sample to the measures of both arms. The expected numbers are those of the
traffic that was sent between the two scrapes, and were counted by hand in the samples' histograms."""

from datetime import timedelta
from math import inf
from typing import Any

import pytest

from surefoot.adapters.prometheus.collection import collect
from surefoot.adapters.prometheus.presets import presets
from surefoot.engine.questions import Answer, ArmRef, Question
from surefoot.stats.measures import (
    Counts,
    GroupRates,
    Histogram,
    LabeledHistogram,
    LabeledScores,
    Measure,
    Quality,
)
from tests.unit.prometheus.builders import T0, question
from tests.unit.prometheus.samples import recorded, server

END = T0 + timedelta(seconds=60)
# The arms as a release names them, where they are not fraud-v42 and fraud-v41.
ARMS = {
    "knative": (
        ArmRef("fraud-00042-deployment", "fraud-00042", 80),
        ArmRef("fraud-00041-deployment", "fraud-00041", 80),
    )
}
USUAL = Counts(bad=4, total=20), Counts(bad=1, total=41)
# 7 requests of the incumbent were mirrored to the candidate.
MIRRORED_APART = Counts(bad=4, total=20), Counts(bad=1, total=48)
ERRORS: dict[str, tuple[Counts, Counts]] = {
    "bentoml": USUAL,
    "envoy": MIRRORED_APART,
    "envoy-gateway": MIRRORED_APART,
    "istio": USUAL,
    "istio-envoy": MIRRORED_APART,
    "knative": USUAL,
    "linkerd": USUAL,
    "nginx-ingress": USUAL,
    "seldon": USUAL,
    "tgi": (Counts(4, 22), Counts(1, 43)),  # 2 invalid requests each, which are no failures
    "torchserve": USUAL,
    "traefik": (Counts(4, 27), Counts(1, 48)),  # the mirrored ones are in it, as its caveat says
    "triton": USUAL,
    "vllm": USUAL,
}
# Requests by the bucket's upper edge in seconds; buckets without any are left out.
Bins = dict[float, float]
DURATIONS: dict[str, tuple[Bins, Bins]] = {
    "bentoml": ({0.005: 2, 0.01: 2, 0.05: 16}, {0.005: 39, 0.01: 2}),
    "envoy": ({0.05: 5, 0.1: 15}, {0.0005: 2, 0.05: 43, 0.1: 3}),
    "envoy-gateway": ({0.05: 5, 0.1: 15}, {0.0005: 2, 0.05: 44, 0.1: 2}),
    "istio": ({0.0005: 1, 0.005: 3, 0.1: 16}, {0.005: 1, 0.025: 40}),
    "istio-envoy": ({0.05: 5, 0.1: 15}, {0.0005: 2, 0.05: 46}),
    "knative": ({0.005: 4, 0.04: 16}, {0.005: 41}),
    "kserve": ({0.005: 4, 0.05: 16}, {0.005: 41}),
    "linkerd": ({0.025: 3, 0.1: 16}, {0.025: 41}),
    "nginx-ingress": ({0.005: 4, 0.1: 16}, {0.005: 41}),
    "seldon": ({0.005: 4, 0.1: 16}, {0.005: 41}),
    "tgi": ({0.4988: 16}, {0.1478: 40}),
    "traefik": ({0.1: 11, 0.3: 16}, {0.1: 48}),
    "vllm": ({0.5: 16}, {0.3: 40}),
}


async def read(preset: str, kind: str, **fields: Any) -> Answer:
    """Both arms' answer from the preset's sample."""
    plain = question(kind, source={"preset": preset}, **fields)
    candidate, incumbent = ARMS.get(preset, (plain.candidate, plain.incumbent))
    asked = Question(plain.signal, plain.namespace, candidate, incumbent, T0)
    answers = await collect(server(recorded(preset)), [asked], END, timedelta(seconds=30))
    return answers[asked.key]


@pytest.mark.parametrize("preset", sorted(ERRORS))
async def test_requests_and_failures(preset: str) -> None:
    answer = await read(preset, "ErrorRate")
    assert (answer.candidate.measure, answer.incumbent.measure) == ERRORS[preset]
    assert answer.candidate.newest == END


@pytest.mark.parametrize("preset", sorted(DURATIONS))
async def test_durations_in_seconds(preset: str) -> None:
    answer = await read(preset, "Latency")
    for reading, expected in zip(
        (answer.candidate, answer.incumbent), DURATIONS[preset], strict=True
    ):
        assert bins_of(reading.measure) == pytest.approx(expected)


def bins_of(measure: Measure | None) -> Bins:
    assert isinstance(measure, Histogram)
    pairs = zip((*measure.edges, inf), measure.counts, strict=True)
    return {round(edge, 4): count for edge, count in pairs if count}


async def test_scores_labels_groups_and_features_of_the_model_server() -> None:
    drift = await read("model-server", "Drift")
    for arm, total in ((drift.candidate, 20), (drift.incumbent, 40)):
        assert isinstance(arm.measure, Histogram)
        assert arm.measure.samples == total
    large = await read("model-server", "Calibration")
    assert large.candidate.measure == LabeledScores(2, pytest.approx(2.1386, abs=1e-4), 8)
    assert large.incumbent.measure == LabeledScores(5, pytest.approx(3.3796, abs=1e-4), 20)
    labelled = await read("model-server", "Performance")
    for arm, yes, no in ((labelled.candidate, 2, 6), (labelled.incumbent, 5, 15)):
        assert isinstance(arm.measure, LabeledHistogram)
        assert (arm.measure.positives_total, arm.measure.negatives_total) == (yes, no)
    groups = await read("model-server", "Fairness", decisionThreshold=0.423)
    # Above 0.423: v42 0.603, 0.698, 0.785, 0.785, above; v41 0.51, 0.603, 0.698, 0.95.
    assert isinstance(groups.candidate.measure, GroupRates)
    assert isinstance(groups.incumbent.measure, GroupRates)
    assert sum(c.bad for _, c in groups.candidate.measure.groups) == 5
    assert sum(c.bad for _, c in groups.incumbent.measure.groups) == 4
    assert [c.total for _, c in groups.candidate.measure.groups] == [10, 10]
    quality = await read("model-server", "DataQuality")
    assert quality.candidate.measure == Quality(age_s=80, missing=5, total=50)
    assert quality.incumbent.measure == Quality(age_s=30, missing=4, total=400)


def test_every_signal_of_every_preset_is_shown_by_a_sample() -> None:
    shown = {("ErrorRate", name) for name in ERRORS} | {("Latency", name) for name in DURATIONS}
    rest = ("Drift", "Calibration", "Performance", "Fairness", "DataQuality")
    shown |= {(kind, "model-server") for kind in rest}
    assert shown == {(kind, name) for name, preset in presets().items() for kind in preset.signals}


async def test_a_service_whose_name_only_begins_alike_is_another_arm() -> None:
    for preset in ("traefik", "istio", "istio-envoy", "envoy-gateway"):
        plain = question("ErrorRate", source={"preset": preset}, candidate="fraud")
        answers = await collect(server(recorded(preset)), [plain], END, timedelta(seconds=30))
        assert answers["s"].candidate.measure is None, preset
