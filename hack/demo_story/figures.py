"""What the demo measured: times out of the status and the route's history, all in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from demo_story.live import RouteSeen
from surefoot.api.status import ModelReleaseStatus


@dataclass(frozen=True, slots=True)
class Course:
    """One release as it was seen to run: when what happened. None where it did not."""

    version: str
    service: str
    started: datetime | None = None
    first_traffic: datetime | None = None
    decided: datetime | None = None
    at_zero: datetime | None = None
    highest: int = 0

    def span(self, start: str, end: str) -> float | None:
        """Seconds between two of the moments above, by name."""
        first, last = getattr(self, start), getattr(self, end)
        return None if first is None or last is None else float((last - first).total_seconds())


def course_of(
    version: str, status: ModelReleaseStatus | None, route: Sequence[RouteSeen]
) -> Course:
    """The course of the release of `version`, if the status is still about that one."""
    release = status.release if status else None
    if release is None or release.version != version:
        return Course(version, "")
    service, start = release.backend.name, release.started_at
    seen = [each for each in route if each.at >= start]
    ended = release.ended_at
    return Course(
        version,
        service,
        started=start,
        first_traffic=next((r.at for r in seen if r.weights.get(service)), None),
        decided=ended,
        at_zero=next(
            (r.at for r in seen if ended and r.at >= ended and not r.weights.get(service)), None
        ),
        highest=max((r.weights.get(service, 0) for r in seen), default=0),
    )
