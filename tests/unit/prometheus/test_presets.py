"""Presets are data: what ships is sound, what is misspelt is refused, names cannot reach further."""

import re

import pytest
import yaml
from pydantic import ValidationError

from surefoot.adapters.prometheus.presets import (
    CountsSource,
    HistogramSource,
    LabeledScoresSource,
    parse,
    presets,
    supports,
)
from surefoot.adapters.prometheus.promql import arms_of
from tests.unit.prometheus.builders import question

SOUND = {
    "description": "d",
    "arm": {"label": "service", "value": "{namespace}-{service}-{port}@x"},
    "signals": {"Latency": {"histogram": "seconds"}},
}


def test_the_presets_that_ship() -> None:
    assert sorted(presets()) == ["envoy", "model-server"]
    envoy, server = presets()["envoy"], presets()["model-server"]
    assert isinstance(envoy.source("ErrorRate"), CountsSource)
    latency = envoy.source("Latency")
    assert isinstance(latency, HistogramSource)
    assert latency.divide_by == 1000
    assert isinstance(server.source("Drift"), HistogramSource)
    assert isinstance(server.source("Calibration"), LabeledScoresSource)
    assert server.source("ErrorRate") is None


def test_what_a_preset_can_measure_is_said_in_a_sentence() -> None:
    assert supports("envoy", "ErrorRate") is None
    assert supports("envoy", "Drift") == "the preset envoy has no Drift metrics: use model-server"
    assert supports("traefik", "Latency") == (
        "there is no metric preset 'traefik': for Latency use envoy"
    )
    assert supports("envoy", "Fairness") == (
        "the preset envoy has no Fairness metrics: use model-server"
    )
    assert supports("envoy", "Business") is None  # its counters are the user's


def test_a_value_matches_its_backend_only() -> None:
    arms = arms_of(presets()["envoy"], question(candidate="fraud.v42"))
    assert re.fullmatch(arms.candidate, "risk_fraud.v42_80")
    assert not re.fullmatch(arms.candidate, "risk_fraudxv42_80")
    assert not re.fullmatch(arms.candidate, "risk_fraud.v42_8080")


@pytest.mark.parametrize(
    ("pod", "mine"),
    [
        ("fraud-7c9f8d5b6-x2k9p", True),
        ("fraud-v42-7c9f8d5b6-x2k9p", False),
        ("a-fraud-7c9f8d5b6-x2k9p", False),
        ("fraud-0", False),
        ("fraud-7c9f8d5b6-x2k9p-debug", False),
    ],
)
def test_a_pattern_matches_pods_of_its_deployment_only(pod: str, mine: bool) -> None:
    arms = arms_of(presets()["model-server"], question("Drift", candidate="fraud"))
    assert bool(re.fullmatch(arms.candidate, pod)) is mine


def test_a_new_preset_is_a_yaml_file() -> None:
    preset = parse(yaml.safe_dump(SOUND))
    arms = arms_of(preset, question())
    assert arms.candidate == "risk-fraud-v42-80@x"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"arm": {"label": "service", "value": "{svc}"}}, "{svc} is no placeholder"),
        ({"arm": {"label": "service"}}, "either a value or a pattern"),
        ({"arm": {"label": "no-label", "value": "x"}}, "should match pattern"),
        ({"arm": {"label": "l", "value": "x", "patern": "y"}}, "Extra inputs"),
        ({"signals": {"ErrorRate": {"histogram": "x"}}}, "ErrorRate cannot be read from"),
        ({"signals": {"Lateness": {"histogram": "x"}}}, "Input should be"),
        ({"signals": {"Latency": {"histogram": "x", "divideBy": 0}}}, "greater than 0"),
    ],
)
def test_an_unsound_preset_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(said)):
        parse(yaml.safe_dump({**SOUND, **change}))
