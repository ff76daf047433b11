"""What of a status has to be written: at once, when there is room, or not at all."""

import re
from typing import Any

from surefoot.api.signal_status import EvidenceStatus, SignalEvidence, SignalStatus
from surefoot.api.status import ModelReleaseStatus

# Numbers and durations in a sentence.
_NUMBERS = re.compile(r"-?(?:\d[\d.]*(?:e[-+]?\d+)?(?:ms|[smhd])?)+")

# What a number is for comparison: none.
_VALUES: dict[str, Any] = {
    "value": None,
    "incumbent_value": None,
    "samples": None,
    "sampled_at": None,
}
_COURSE: dict[str, Any] = {"value": 1.0, "state": []}
_COUNTS: dict[str, Any] = {"until": None, "blind": 0, "intervals": 0}
_HOPE: dict[str, Any] = {
    "estimate": None, "low": None, "high": None, "until": None, "intervals": 0, "state": [],
}  # fmt: skip


def matters(before: ModelReleaseStatus, after: ModelReleaseStatus) -> bool:
    """Whether anything but the look itself changed: a status is not written for a time stamp."""
    return _essence(before) != _essence(after)


def tells(before: ModelReleaseStatus, after: ModelReleaseStatus) -> bool:
    """Of statuses between which something matters: whether more changed than numbers that move with
    the traffic, as values, those in sentences, the covered part of a hold and evidence do. Of these nothing is lost with a process: what it had not written is measured
    again, intervals of evidence from what Prometheus keeps of them, one by one."""
    return _gist(_essence(before)) != _gist(_essence(after))


def _essence(status: ModelReleaseStatus) -> ModelReleaseStatus:
    traffic = status.traffic and status.traffic.model_copy(update={"observed": None, "written": 0})
    return status.model_copy(update={"last_evaluated_time": None, "traffic": traffic})


def _gist(status: ModelReleaseStatus) -> ModelReleaseStatus:
    watch, hope, step = status.watch, status.hypothesis, status.step
    return status.model_copy(
        update={
            "message": _blank(status.message),
            "conditions": [
                c.model_copy(update={"message": _blank(c.message)}) for c in status.conditions
            ],
            "signals": [_named(each) for each in status.signals],
            "step": step and step.model_copy(update={"covered_seconds": 0.0}),
            "evidence": status.evidence and _agreed(status.evidence),
            "hypothesis": hope
            and hope.model_copy(update={**_HOPE, "message": _blank(hope.message)}),
            "watch": watch
            and watch.model_copy(update={"signals": [_named(s) for s in watch.signals]}),
        }
    )


def _named(signal: SignalStatus) -> SignalStatus:
    return signal.model_copy(update={**_VALUES, "reason": _blank(signal.reason)})


def _blank(sentence: str) -> str:
    return _NUMBERS.sub("#", sentence)


def _agreed(evidence: EvidenceStatus) -> EvidenceStatus:
    signals = [_begun(each) for each in evidence.signals]
    return evidence.model_copy(update={"value": 1.0, "leading": None, "signals": signals})


def _begun(signal: SignalEvidence) -> SignalEvidence:
    promotion = signal.promotion and signal.promotion.model_copy(update=_COURSE)
    moved = {"promotion": promotion, "unlike": _blank(signal.unlike)}
    return signal.model_copy(update={**_COUNTS, **_COURSE, **moved})
