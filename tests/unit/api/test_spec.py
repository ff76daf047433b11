"""What a spec answers about itself."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from surefoot.api.signals import Signal
from surefoot.api.spec import Candidate, ModelReleaseSpec, Traffic
from surefoot.api.status import Condition, ModelReleaseStatus
from surefoot.api.vocabulary import ConditionType, Reason, Verdict

VALID = Path(__file__).resolve().parents[3] / "crds" / "examples" / "valid"


def spec(name: str) -> ModelReleaseSpec:
    body: dict[str, Any] = yaml.safe_load((VALID / f"{name}.yaml").read_text())
    return ModelReleaseSpec.model_validate(body["spec"])


def test_the_service_is_the_workload_unless_named() -> None:
    plain = Candidate.model_validate({"version": "1", "workloadRef": {"name": "a"}})
    named = Candidate.model_validate(
        {"version": "1", "workloadRef": {"name": "a"}, "backendRef": {"name": "b", "port": 8080}}
    )
    assert (plain.service, plain.port) == ("a", None)
    assert (named.service, named.port) == ("b", 8080)


def test_weights_and_holds_by_step() -> None:
    full = spec("full")
    assert [full.weight_of(i) for i in range(-1, 5)] == [0, 1, 5, 25, 50, 100]
    assert full.hold_of(0) == timedelta(minutes=30)
    assert full.hold_of(4) == full.bake == timedelta(hours=24)


def test_the_defaults() -> None:
    minimal = spec("minimal")
    assert (minimal.bake, minimal.start_deadline) == (timedelta(minutes=10), timedelta(minutes=30))
    assert (minimal.on_no_data, minimal.on_delete, minimal.suspend) == ("Hold", "Revert", False)
    assert minimal.analysis.interval == timedelta(seconds=15)


@pytest.mark.parametrize("name", ["minimal", "full", "given-route", "promql", "edges"])
def test_what_the_user_wrote_can_be_read_again(name: str) -> None:
    """The last sound spec is kept in status in this form, and read back at every tick."""
    read = spec(name)
    again = ModelReleaseSpec.model_validate(read.as_written())
    assert again == read
    assert again.as_written() == read.as_written()


def test_fields_of_a_newer_version_are_ignored() -> None:
    assert spec("minimal") == ModelReleaseSpec.model_validate(
        {**spec("minimal").as_written(), "shadow": {"percent": 20}}
    )


def test_a_signal_knows_how_late_its_answer_is() -> None:
    delays = {signal.name: signal.delay for signal in spec("full").signals}
    assert delays["calibration"] == timedelta(hours=6)
    assert delays["errors"] == timedelta(0)


def test_what_belongs_to_the_type_is_said_where_it_is_missing() -> None:
    with pytest.raises(ValidationError, match="query belongs to a PromQL signal"):
        Signal.model_validate(
            {"name": "a", "type": "PromQL", "threshold": {"max": 1, "window": "1m"}}
        )
    with pytest.raises(ValidationError, match="exactly one of"):
        Traffic()


def test_a_condition_is_found_by_its_type() -> None:
    ready = Condition(
        type=ConditionType.READY,
        status="True",
        reason=Reason.SERVING,
        last_transition_time=datetime(2026, 1, 1, 0, 0, 0, 123456, tzinfo=UTC),
    )
    status = ModelReleaseStatus(conditions=[ready], last_evaluated_time=ready.last_transition_time)
    assert status.condition(ConditionType.READY) is ready
    assert status.condition(ConditionType.STALLED) is None
    written = status.dump()
    assert written["conditions"][0]["lastTransitionTime"] == "2026-01-01T00:00:00Z"
    assert written["lastEvaluatedTime"] == "2026-01-01T00:00:00.123456Z"


def test_verdicts_are_written_as_one_word() -> None:
    assert [v.label for v in Verdict] == [
        "NotApplicable",
        "NotDue",
        "Pass",
        "NoData",
        "Inconclusive",
        "Error",
        "Fail",
    ]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"type": "Drift", "compare": {"revertMargin": {"relative": 0.1}}}, "absolute"),
        (
            {"type": "Drift", "baseline": "Reference", "compare": {}},
            "leave out metric and baseline",
        ),
    ],
)
def test_margins_that_do_not_fit_are_refused(body: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Signal.model_validate({"name": "s", "source": {"preset": "model-server"}, **body})
