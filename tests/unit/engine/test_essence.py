"""What of a status has to be written at once, what may be put off, and what is no change."""

from datetime import timedelta
from typing import Any

import pytest

from surefoot.api.hypothesis import HypothesisStatus
from surefoot.api.signal_status import (
    EvidenceStatus,
    PromotionEvidence,
    SignalEvidence,
    SignalStatus,
    WatchStatus,
)
from surefoot.api.status import Condition, ModelReleaseStatus
from surefoot.engine.essence import matters, tells
from tests.unit.engine.builders import NOW, in_flight

LATER = NOW + timedelta(minutes=1)


def _ready(message: str) -> Condition:
    return Condition(
        type="Ready", status="Unknown", reason="HoldRunning", message=message,
        last_transition_time=NOW, observed_generation=1,
    )  # fmt: skip


def status(**changes: Any) -> ModelReleaseStatus:
    """A release under way with everything that has numbers."""
    signal = SignalStatus(
        name="errors", type="ErrorRate", verdict="Pass", value=0.01, samples=100,
        reason="0 where noise reaches 0.013 (at 2m)",
    )  # fmt: skip
    promotion = PromotionEvidence(agreed="b", value=2.0, state=[1.0])
    mine = SignalEvidence(
        name="errors", agreed="a", share=1.0, until=NOW, promotion=promotion,
        unlike="2.1 requests in flight per replica (40/s)",
    )  # fmt: skip
    hope = HypothesisStatus(
        signal="errors", expected=0.1, relative=True, agreed="c", until=NOW,
        message="not decided yet: 7 % seen (2 to 9 %)",
    )  # fmt: skip
    parts: dict[str, Any] = {
        "signals": [signal],
        "evidence": EvidenceStatus(signals=[mine]),
        "hypothesis": hope,
        "watch": WatchStatus(version="42", since=NOW, signals=[signal]),
        "last_evaluated_time": NOW,
        "message": "errors has 7 of 200 samples",
        "conditions": [_ready("errors has 7 of 200 samples")],
    }
    return in_flight().model_copy(update={**parts, **changes})


def changed(part: str, **update: Any) -> ModelReleaseStatus:
    """The same with a field of a part changed; of a list its first entry."""
    whole, found = status(), getattr(status(), part)
    if isinstance(found, list):
        return whole.model_copy(update={part: [found[0].model_copy(update=update)]})
    return whole.model_copy(update={part: found.model_copy(update=update)})


def evidence(**update: Any) -> ModelReleaseStatus:
    known = status().evidence
    assert known is not None
    return changed("evidence", signals=[known.signals[0].model_copy(update=update)])


WATCHED = SignalStatus(
    name="errors", type="ErrorRate", verdict="Pass", value=0.02, samples=200,
    reason="0.1 where noise reaches 0.013 (at 2m)",
)  # fmt: skip
MOVED = {
    "value": changed("signals", value=0.02, incumbent_value=0.01, samples=200, sampled_at=LATER),
    "sentence": changed("signals", reason="1.37e-07 where noise reaches 0.013 (at 1m57s)"),
    "message": status(message="errors has 12.5 of 200 samples"),
    "condition": status(conditions=[_ready("errors has 1e+3 of 200 samples")]),
    "sign": changed("signals", reason="-2 where noise reaches 0.5 (at 2m)"),
    "hold": changed("step", covered_seconds=20.0),
    "evidence": changed("evidence", value=1.5, leading="errors"),
    "interval": evidence(until=LATER, intervals=3, blind=1, value=1.2, state=[2.0]),
    "promotion": evidence(promotion=PromotionEvidence(agreed="b", value=3.0, state=[2.0])),
    "hope": changed("hypothesis", estimate=0.1, low=0.0, high=0.2, until=LATER, intervals=2),
    "loads": evidence(unlike="3.4 requests in flight per replica (38.5/s)"),
    "hope's sentence": changed("hypothesis", message="not decided yet: 7.5 % seen (-1 to 10 %)"),
    "watch": changed("watch", signals=[WATCHED]),
}
TOLD = {
    "verdict": changed("signals", verdict="Fail"),
    "crossings in a row": changed("signals", breaches=1),
    "reason": changed("signals", reason="within its limit"),
    "step": changed("step", verified_at=LATER),
    "agreed": evidence(agreed="other"),
    "share": evidence(share=0.5),
    "budget": changed("evidence", spare=0.1),
    "no evidence": status(evidence=None),
    "loads are alike": evidence(unlike=""),
    "hope's outlook": changed("hypothesis", message="not decided yet: it will hardly be decided"),
    "hope's verdict": changed("hypothesis", verdict="Reached"),
    "what is watched": changed("watch", version="43"),
    "no watch": status(watch=None),
    "message": status(message="another one"),
    "condition": status(conditions=[_ready("another one")]),
}


@pytest.mark.parametrize("after", MOVED.values(), ids=MOVED.keys())
def test_numbers_that_move_with_the_traffic_may_be_put_off(after: ModelReleaseStatus) -> None:
    assert matters(status(), after)
    assert not tells(status(), after)


@pytest.mark.parametrize("after", TOLD.values(), ids=TOLD.keys())
def test_everything_else_is_written_at_once(after: ModelReleaseStatus) -> None:
    assert matters(status(), after)
    assert tells(status(), after)


def test_a_look_that_found_nothing_new_is_not_written() -> None:
    assert not matters(status(), status(last_evaluated_time=LATER))
    assert not matters(status(), changed("traffic", observed=10, written=10))
    assert not tells(ModelReleaseStatus(), ModelReleaseStatus(last_evaluated_time=LATER))
