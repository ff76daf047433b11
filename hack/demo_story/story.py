"""How the demo must end, and what is said when it does not: pure judgement of what was seen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from surefoot.api.status import ModelReleaseStatus
from surefoot.api.vocabulary import Outcome, Reason

BLAMED = ("calibration", "score-drift")


@dataclass(frozen=True, slots=True)
class Ending:
    """How one release ended; `outcome` is None while it has not."""

    version: str
    outcome: Outcome | None = None
    reason: Reason | None = None
    message: str = ""

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals that a revert's message blames: each begins a clause, before a colon."""
        return tuple(re.findall(r"(?:^|; )([a-z0-9][a-z0-9-]*): ", self.message))


def ending_of(version: str, status: ModelReleaseStatus | None) -> Ending:
    """What the status says of the release of `version`; running when it speaks of another one."""
    release = status.release if status else None
    if release is None or release.version != version:
        return Ending(version)
    return Ending(version, release.outcome, release.reason, release.message or "")


def faults(good: Ending, bad: Ending, failed_requests: int | None) -> tuple[str, ...]:
    """Everything in which the demo ended otherwise than told; nothing when all is well."""
    return tuple(_faults(good, bad, failed_requests))


def _faults(good: Ending, bad: Ending, failed_requests: int | None) -> Iterator[str]:
    if good.outcome is not Outcome.PROMOTED:
        yield f"v{good.version} should have been promoted, but {_said(good)}"
    if bad.outcome is not Outcome.REVERTED:
        yield f"v{bad.version} should have been reverted, but {_said(bad)}"
    elif bad.reason is not Reason.THRESHOLD_CROSSED or not set(bad.signals) & set(BLAMED):
        names = " or ".join(BLAMED)
        yield f"v{bad.version} should have been reverted by {names}, but {_said(bad)}"
    if failed_requests is None:
        yield "nobody counted the failed requests: Prometheus has no series of the load generator"
    elif failed_requests:
        yield f"{failed_requests} requests failed between client and model; none should"


def _said(ending: Ending) -> str:
    if ending.outcome is None:
        return "it was still running when the time was over"
    why = f": {ending.message}" if ending.message else ""
    return f"it was {ending.outcome.lower()} ({ending.reason or 'no reason given'}){why}"
