"""`kubectl surefoot presets`: the list, one preset, JSON."""

import json

from typer.testing import CliRunner

from surefoot.adapters.prometheus.presets import presets
from surefoot.cli.main import app


def shown(*words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["presets", *words])
    assert done.exit_code == code, done.output
    return done.output


def test_the_list_has_a_row_for_each_preset() -> None:
    rows = shown().splitlines()
    assert rows[0].split() == [
        "NAME",
        "SIGNALS",
        "ARMS",
        "BY",
        "SAMPLE",
        "CAVEATS",
        "WHAT",
        "IT",
        "READS",
    ]
    assert [row.split()[0] for row in rows[1 : len(presets()) + 1]] == list(presets())
    triton = next(row for row in rows if row.startswith("triton"))
    assert "ErrorRate" in triton
    assert "Latency" not in triton


def test_a_preset_is_shown_with_metrics_labels_and_traps() -> None:
    text = shown("triton")
    assert 'Arms by     pod=~"{workload}-[a-z0-9]{1,10}-[a-z0-9]{5}"' in text
    assert 'nv_inference_request_failure{reason!~"CANCELED"}' in text
    assert "not measured   its durations are sums of microseconds or summaries" in text
    assert "- A request of an ensemble counts for the ensemble and for each model in it." in text


def test_every_preset_can_be_shown_and_says_where_its_sample_is_from() -> None:
    for name in presets():
        text = shown(name)
        rows = {line.partition("  ")[0]: line for line in text.splitlines()}
        assert rows["Preset"].split() == ["Preset", name]
        assert rows["Sample"].split()[1] in ("recorded", "written")


def test_conditions_are_written_as_promql_would_have_them() -> None:
    text = shown("linkerd")
    assert '{http_status=~"5.." or error=~".+"}' in text
    assert "divided by 1000" in shown("knative")


def test_json_is_the_preset_as_its_file_has_it() -> None:
    listed = json.loads(shown("-o", "json"))
    assert [each["name"] for each in listed] == list(presets())
    one = json.loads(shown("envoy", "-o", "json"))
    assert one["signals"]["Latency"] == {
        "histogram": "envoy_cluster_external_upstream_rq_time",
        "divideBy": 1000.0,
    }


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    assert "There is no metric preset 'haproxy': choose from bentoml, " in shown("haproxy", code=1)
