"""Each release is a change of one line, and the example's manifests are what the operator takes."""

import difflib

import pytest
import yaml

from demo_story import gitops
from surefoot.api.spec import ModelReleaseSpec


def test_a_release_changes_exactly_one_line_of_the_manifest() -> None:
    before = gitops.manifest("release")
    after = gitops.with_candidate(before, "42")
    changed = [
        line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[0] in "+-"
    ]
    assert [line[0] for line in changed] == ["-", "+"]
    candidate = ModelReleaseSpec.model_validate(yaml.safe_load(after)["spec"]).candidate
    assert (candidate.version, candidate.workload_ref.name) == ("42", "fraud-v42")
    assert candidate.lineage is not None
    assert candidate.lineage.model == "models:/fraud/42"


def test_the_same_version_again_changes_nothing() -> None:
    text = gitops.manifest("release")
    assert gitops.with_candidate(text, "41") == text


def test_calibration_judges_before_half_of_the_traffic_is_given() -> None:
    spec = ModelReleaseSpec.model_validate(yaml.safe_load(gitops.manifest("release"))["spec"])
    signal = next(s for s in spec.signals if s.name == "calibration")
    judged = [s.weight for s in spec.steps if s.hold >= signal.delay + signal.threshold.window]
    assert min(judged) < 50


@pytest.mark.parametrize("version", ["v41", "v42", "v43"])
def test_each_version_has_a_deployment_and_a_service_of_its_name(version: str) -> None:
    deployment, service = yaml.safe_load_all(gitops.manifest(f"fraud-{version}"))
    assert deployment["metadata"]["name"] == service["metadata"]["name"] == f"fraud-{version}"
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"] == labels
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert {"name": "MODEL_VERSION", "value": version} in container["env"]


def test_another_model_can_answer_in_the_place_of_v43() -> None:
    text = gitops.with_model(gitops.manifest("fraud-v43"), "v43", "v43-good")
    deployment, _ = yaml.safe_load_all(text)
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert {"name": "MODEL_VERSION", "value": "v43-good"} in container["env"]
    with pytest.raises(ValueError, match="MODEL_VERSION"):
        gitops.with_model(text, "v43", "v42")
