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
from surefoot.adapters.prometheus.sources import CounterSource
from tests.unit.prometheus.builders import question

SOUND = {
    "description": "d",
    "arm": {"label": "service", "value": "{namespace}-{service}-{port}@x"},
    "signals": {"Latency": {"histogram": "seconds"}},
    "sample": "recorded from x 1.0",
}


def test_the_presets_that_ship() -> None:
    assert sorted(presets()) == sorted(
        [
            "bentoml",
            "envoy",
            "envoy-gateway",
            "istio",
            "istio-envoy",
            "knative",
            "kserve",
            "linkerd",
            "model-server",
            "nginx-ingress",
            "seldon",
            "tgi",
            "torchserve",
            "traefik",
            "triton",
            "vllm",
        ]
    )
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
    assert supports("haproxy", "ErrorRate") == (
        "there is no metric preset 'haproxy': for ErrorRate use bentoml, envoy, envoy-gateway, istio, "
        "istio-envoy, knative, linkerd, nginx-ingress, seldon, tgi, torchserve, traefik, triton or vllm"
    )
    assert (supports("triton", "Latency") or "").startswith(
        "the preset triton has no Latency metrics (its durations are sums of microseconds or "
        "summaries, and neither has buckets): use bentoml, "
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
        (
            {"lacks": {"Latency": "no buckets"}},
            "Latency is among the signals and among what it lacks",
        ),
        (
            {
                "signals": {
                    "ErrorRate": {
                        "requests": {"metric": "a"},
                        "errors": {"metric": "a", "where": [{"code": "5("}]},
                    }
                }
            },
            "'5(' is no regular expression",
        ),
        ({"signals": {"Lateness": {"histogram": "x"}}}, "Input should be"),
        ({"signals": {"Latency": {"histogram": "x", "divideBy": 0}}}, "greater than 0"),
    ],
)
def test_an_unsound_preset_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(said)):
        parse(yaml.safe_dump({**SOUND, **change}))


def test_series_count_by_their_labels() -> None:
    counter = CounterSource.model_validate(
        {
            "metric": "requests",
            "plus": ["failures"],
            "labels": {"method": "POST"},
            "where": [{"code": "5.."}, {"code": "", "error": ".+"}],
            "without": {"path": "/healthz|/readyz"},
        }
    )
    assert counter.names == ("requests", "failures")
    assert counter.selects({"method": "POST", "code": "503"})
    assert counter.selects({"method": "POST", "error": "timeout"})
    assert not counter.selects({"method": "POST", "code": "5031"})
    assert not counter.selects({"method": "POST", "code": "200", "error": "reset"})
    assert not counter.selects({"method": "GET", "code": "503"})
    assert not counter.selects({"method": "POST", "code": "503", "path": "/readyz"})


def test_the_incumbent_may_bear_another_label() -> None:
    arms = arms_of(presets()["nginx-ingress"], question("ErrorRate", source={"preset": "envoy"}))
    assert (arms.candidate, arms.incumbent) == ("risk-fraud-v42-80", "")
    assert arms.matchers == 'namespace="risk",service="fraud-v41",canary=~"|risk-fraud-v42-80"'


@pytest.mark.parametrize(
    ("service", "mine"),
    [
        ("risk-fraud-80@kubernetescrd", True),
        ("risk-fraud-http-80@kubernetesgateway", True),
        ("risk-fraud-v42-80@kubernetescrd", False),
        ("risk-fraud-v42-http-80@kubernetesgateway", False),
        ("risk-fraud-80@file", False),
    ],
)
def test_a_service_of_traefik_is_not_taken_for_another(service: str, mine: bool) -> None:
    arms = arms_of(presets()["traefik"], question(candidate="fraud"))
    assert bool(re.fullmatch(arms.candidate, service)) is mine
