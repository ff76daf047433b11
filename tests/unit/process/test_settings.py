"""Settings: what the environment says, and one sentence for each variable that is wrong."""

from datetime import timedelta
from pathlib import Path

import pytest

from surefoot.api.metrics_source import SourceKind
from surefoot.settings import Settings, SettingsError
from surefoot.sharding import Shard

URL = {"SUREFOOT_PROMETHEUS_URL": "http://prometheus.monitoring:9090"}


def test_prometheus_address_is_all_that_is_needed():
    settings = Settings.from_environment(URL)
    assert settings.prometheus_url == "http://prometheus.monitoring:9090"
    assert (settings.scrape_interval, settings.workers) == (timedelta(seconds=15), 64)


def test_every_variable_is_read():
    settings = Settings.from_environment(
        {
            "SUREFOOT_PROMETHEUS_URL": "https://metrics.example/prometheus/",
            "SUREFOOT_PROMETHEUS_KIND": "Thanos",
            "SUREFOOT_PROMETHEUS_TENANT": "risk",
            "SUREFOOT_PROMETHEUS_REPLICA_LABELS": "rep, ha",
            "SUREFOOT_PROMETHEUS_AUTH_DIR": "/etc/surefoot/prometheus",
            "SUREFOOT_CREDENTIALS_DIR": "/etc/surefoot/credentials",
            "SUREFOOT_SCRAPE_INTERVAL": "1m",
            "SUREFOOT_PROMETHEUS_TIMEOUT": "5s",
            "SUREFOOT_LOG_FORMAT": "text",
            "SUREFOOT_LOG_LEVEL": "DEBUG",
            "SUREFOOT_HTTP_PORT": "0",
            "SUREFOOT_WORKERS": "4",
            "SUREFOOT_SHARD": "1/3",
        }
    )
    assert settings == Settings(
        prometheus_url="https://metrics.example/prometheus",
        prometheus_kind=SourceKind.THANOS,
        prometheus_tenant="risk",
        prometheus_replica_labels=("rep", "ha"),
        prometheus_auth_dir=Path("/etc/surefoot/prometheus"),
        credentials_dir=Path("/etc/surefoot/credentials"),
        scrape_interval=timedelta(minutes=1),
        prometheus_timeout=timedelta(seconds=5),
        log_format="text",
        log_level="debug",
        http_port=0,
        workers=4,
        shard=Shard(1, 3),
    )


def test_an_empty_variable_is_one_that_is_not_set():
    assert Settings.from_environment({**URL, "SUREFOOT_WORKERS": ""}).workers == 64


def test_a_missing_address_says_which_variable_to_set():
    with pytest.raises(SettingsError) as error:
        Settings.from_environment({})
    assert str(error.value) == "SUREFOOT_PROMETHEUS_URL: set it"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PROMETHEUS_URL", "prometheus:9090", "must be an address such as http://"),
        ("PROMETHEUS_URL", "ftp://prometheus", "must be an address such as http://"),
        ("PROMETHEUS_URL", "http://", "must be an address such as http://"),
        ("PROMETHEUS_KIND", "Cortex", "Input should be 'Prometheus', 'Thanos' or 'Mimir'"),
        ("PROMETHEUS_TENANT", "risk", "a Prometheus has no tenants: remove it"),
        ("PROMETHEUS_REPLICA_LABELS", "a,b c=", "must be names of labels"),
        ("SCRAPE_INTERVAL", "15", "'15' is not a duration: write it as 90s, 15m, 1h30m or 7d"),
        ("PROMETHEUS_TIMEOUT", "soon", "'soon' is not a duration"),
        ("LOG_FORMAT", "xml", "Input should be 'json' or 'text'"),
        ("LOG_LEVEL", "loud", "Input should be 'debug', 'info', 'warning' or 'error'"),
        ("HTTP_PORT", "70000", "Input should be less than or equal to 65535"),
        ("MAX_SERIES", "0", "Input should be greater than or equal to 1"),
        ("WORKERS", "0", "Input should be greater than or equal to 1"),
        ("SHARD", "3/3", "must be I/N with I from 0 to N-1"),
        ("WORKERS", "many", "Input should be a valid integer"),
    ],
)
def test_a_wrong_variable_is_one_sentence_that_names_it(name, value, sentence):
    with pytest.raises(SettingsError) as error:
        Settings.from_environment({**URL, f"SUREFOOT_{name}": value})
    assert str(error.value).startswith(f"SUREFOOT_{name}: {sentence}")
    assert ";" not in str(error.value)


def test_every_wrong_variable_is_told_at_once():
    with pytest.raises(SettingsError) as error:
        Settings.from_environment({"SUREFOOT_WORKERS": "0"})
    assert [said.split(":")[0] for said in str(error.value).split("; ")] == [
        "SUREFOOT_PROMETHEUS_URL",
        "SUREFOOT_WORKERS",
    ]


@pytest.mark.parametrize(
    "address",
    ["http://p:99999", "http://u:se/kret@h:9090", "http://[::1", "http://exa..mple", "ftp://p", ""],
)
def test_an_address_that_is_none_is_one_sentence_without_its_password(address: str) -> None:
    with pytest.raises(SettingsError, match="SUREFOOT_PROMETHEUS_URL") as said:
        Settings.from_environment({"SUREFOOT_PROMETHEUS_URL": address})
    assert "kret" not in str(said.value)


@pytest.mark.parametrize("name", ["SUREFOOT_SCRAPE_INTERVAL", "SUREFOOT_PROMETHEUS_TIMEOUT"])
def test_no_time_at_all_is_too_short(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}: must be 1s or longer"):
        Settings.from_environment({"SUREFOOT_PROMETHEUS_URL": "http://p:9090", name: "0s"})
