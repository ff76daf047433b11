"""`kubectl surefoot probe` on recorded samples: what it reads, and what it says when it cannot."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from surefoot.adapters.prometheus.payload import Result, Series
from surefoot.api.spec import ModelReleaseSpec
from surefoot.cli.arms import Arms
from surefoot.cli.kube import Cluster
from surefoot.cli.lookalikes import hint
from surefoot.cli.probe import Found, probe, unreadable
from surefoot.cli.probing import as_json, table_of
from surefoot.cli.problem import Problem
from surefoot.cli.releasefile import read
from surefoot.engine.questions import ArmRef
from tests.support.examples import EXAMPLES
from tests.unit.prometheus.builders import T0, question
from tests.unit.prometheus.samples import recorded, server

NOW = T0 + timedelta(seconds=60)
ARMS = (ArmRef("fraud-v42", "fraud-v42", 80), ArmRef("fraud-v41", "fraud-v41", 80))
LIMIT = {"max": 0.05, "window": "1m", "minSamples": 10, "consecutive": 1}
ERRORS = {"name": "errors", "type": "ErrorRate", "source": {"preset": "envoy"}, "threshold": LIMIT}
SPEC: dict[str, Any] = {
    "candidate": {
        "version": "42",
        "workloadRef": {"name": "fraud-v42"},
        "backendRef": {"name": "fraud-v42", "port": 80},
    },
    "traffic": {"route": {"name": "fraud"}},
    "steps": [{"weight": 5, "hold": "10m"}],
}


def spec(*signals: dict[str, Any]) -> ModelReleaseSpec:
    return ModelReleaseSpec.model_validate({**SPEC, "signals": list(signals)})


async def probed(
    *signals: dict[str, Any], sample: str = "envoy", arms: tuple[ArmRef, ArmRef] = ARMS
) -> list[Found]:
    scrape = timedelta(seconds=30)
    return await probe(server(recorded(sample)), spec(*signals), "risk", arms, NOW, scrape)


def drawn(found: list[Found]) -> str:
    console = Console(width=400, color_system=None)
    with console.capture() as captured:
        console.print(table_of(found))
    return captured.get()


async def test_both_arms_are_read_and_judged_as_the_operator_would() -> None:
    latency = {
        "name": "p50",
        "type": "Latency",
        "quantile": 0.5,
        "source": {"preset": "envoy"},
        "threshold": {**LIMIT, "max": 1},
    }
    errors, p50 = await probed(ERRORS, latency)
    assert (errors.candidate.value, errors.candidate.samples) == (0.2, 20)
    assert (errors.incumbent.value, errors.incumbent.samples) == (pytest.approx(1 / 48), 48)
    # `completed`, and one series for each class of answers.
    assert (errors.candidate.series, errors.incumbent.series) == (3, 3)
    assert errors.verdict == "Fail"
    assert errors.reason.startswith("0.2, the limit is ≤ 0.05, 20 samples; incumbent 0.0208")
    assert "envoy_cluster_external_upstream_rq_completed" in errors.queries[0]
    assert errors.queries[0].endswith("[120s]")
    assert p50.verdict == "Pass"
    assert unreadable([errors, p50]) == []
    text = drawn([errors, p50])
    assert "All 2 signals can be read." in text
    assert "Where to look" not in text


async def test_a_candidate_without_traffic_is_no_mistake() -> None:
    new = (ArmRef("fraud-v43", "fraud-v43", 80), ARMS[1])
    (found,) = await probed(ERRORS, arms=new)
    assert found.readable
    assert (found.candidate.series, found.candidate.value) == (0, None)
    assert "nothing yet, as before its first traffic (no samples of " in drawn([found])


async def test_an_incumbent_without_samples_cannot_be_read() -> None:
    wrong = (ARMS[0], ArmRef("fraud-v41", "fraud-old", 80))
    (found,) = await probed(ERRORS, arms=wrong)
    assert not found.readable
    text = drawn([found])
    assert 'envoy_cluster_name=~"risk_fraud-old_80" for the incumbent' in text
    assert "1 of 1 signals cannot be read: errors" in text


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([], "Prometheus has no series of model_score_bucket at all: is the exporter scraped?"),
        ([{}], "no series of model_score_bucket has a label pod: add it where it is scraped"),
        (
            [{"pod": "fraud-v41-59bd7f6c4-qq7tz"}],
            'there is such a pod, but not together with namespace="risk"',
        ),
        (
            [{"pod": f"other-{n}"} for n in "ghijkl"] + [{"pod": "fraud-v41"}],
            'pod is "fraud-v41", "other-g", "other-h", "other-i", "other-j" and 2 more',
        ),
    ],
)
async def test_where_to_look_when_an_arm_has_no_series(
    labels: list[dict[str, str]], said: str
) -> None:
    async def ask(query: str, at: float) -> Result:
        assert query == '(group by (__name__, pod) ({__name__=~"model_score_bucket"}))[2s:1s]'
        return tuple(Series(each, ((at, 1.0),)) for each in labels)

    assert await hint(ask, question("Drift"), "incumbent", NOW) == said


async def test_the_presets_caveats_stand_beside_what_cannot_be_read() -> None:
    wrong = {**ERRORS, "source": {"preset": "envoy-gateway"}}
    text = drawn(await probed(wrong))
    assert "errors   preset" in text
    assert "Needs mergeBackends in the EnvoyProxy" in text


async def test_an_unknown_preset_is_said_without_asking_anything() -> None:
    wrong = {**ERRORS, "source": {"preset": "haproxy"}}
    (found,) = await probed(wrong)
    assert (found.queries, found.verdict, found.readable) == ((), "Error", False)
    assert "there is no metric preset 'haproxy'" in found.reason
    assert "none was asked" in drawn([found])


async def test_json_has_all_of_it() -> None:
    found = await probed(ERRORS)
    body = as_json("fraud", "risk", ARMS, "Prometheus at x", NOW, found)
    body = json.loads(json.dumps(body))
    assert body["arms"]["candidate"] == {
        "workload": "fraud-v42",
        "service": "fraud-v42",
        "port": 80,
    }
    (signal,) = body["signals"]
    assert (signal["preset"], signal["readable"]) == ("envoy", True)
    assert signal["incumbent"]["samples"] == 48
    assert signal["candidate"]["newest"] == NOW.isoformat()


def no_cluster() -> Cluster:
    raise Problem("No usable kubeconfig")


def file_of(folder: Path, **over: Any) -> str:
    path = folder / "release.yaml"
    body = {"apiVersion": "surefoot.dev/v1alpha1", "kind": "ModelRelease"}
    release = {**body, "metadata": {"name": "fraud", "namespace": "risk"}, "spec": {**SPEC, **over}}
    path.write_text("kind: Service\n---\n" + yaml.safe_dump(release))
    return str(path)


def test_with_a_complete_file_no_cluster_is_asked(tmp_path: Path) -> None:
    incumbent = {"workloadRef": {"name": "fraud-v41"}, "backendRef": {"name": "old", "port": 81}}
    who = Arms(read(file_of(tmp_path, signals=[ERRORS], incumbent=incumbent)), no_cluster)
    assert (who.namespace, who.candidate) == ("risk", ARMS[0])
    assert who.incumbent == ArmRef("fraud-v41", "old", 81)
    given = Arms(read(file_of(tmp_path, signals=[ERRORS])), no_cluster, "other", "fraud-v40:8080")
    assert (given.namespace, given.incumbent) == ("other", ArmRef("fraud-v40", "fraud-v40", 8080))


def test_the_readmes_release_needs_no_cluster(tmp_path: Path) -> None:
    text = (EXAMPLES.parents[1] / "README.md").read_text()
    file = tmp_path / "release.yaml"
    file.write_text(text.split("```yaml\n")[1].split("```")[0])
    (command,) = re.findall(r"`kubectl surefoot probe -f release.yaml (--prometheus .*?)`", text)
    incumbent = command.split()[-1]
    who = Arms(read(str(file)), no_cluster, None, incumbent)
    assert (who.candidate, who.incumbent) == ARMS


@pytest.mark.slow
def test_a_port_is_looked_for_only_where_metrics_need_it(tmp_path: Path) -> None:
    pods = {**ERRORS, "source": {"preset": "bentoml"}}
    who = Arms(read(file_of(tmp_path, signals=[pods])), no_cluster, None, "fraud-v41")
    assert who.incumbent == ArmRef("fraud-v41", "fraud-v41", 0)
    with pytest.raises(Problem, match=r"The port of Service fraud-v41 is not known \(No usable"):
        Arms(read(file_of(tmp_path, signals=[ERRORS])), no_cluster, None, "fraud-v41")


def test_an_incumbent_that_nobody_names_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"What serves fraud now is not known.*pass --incumbent"):
        Arms(read(file_of(tmp_path, signals=[ERRORS])), no_cluster)
    with pytest.raises(Problem, match="'a:b' is no incumbent: write DEPLOYMENT"):
        Arms(read(file_of(tmp_path, signals=[ERRORS])), no_cluster, None, "a:b")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no ModelRelease: give a file with exactly one"),
        ("kind: ModelRelease\n---\nkind: ModelRelease\n", "holds more than one ModelRelease"),
        ("kind: ModelRelease\n", "has no metadata.name: give it one"),
        (
            "kind: ModelRelease\nmetadata: {name: a}\n",
            "is not sound: spec.candidate: Field required",
        ),
        ("a: [", "is no YAML: "),
    ],
)
def test_a_file_that_is_no_release_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "release.yaml"
    path.write_text(text)
    with pytest.raises(Problem, match=said):
        read(str(path))


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"Cannot read .*: No such file or directory"):
        read(str(tmp_path / "none.yaml"))
