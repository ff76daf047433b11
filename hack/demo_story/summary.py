"""The last screen: what was measured, whether it ended as told, and where to go on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from demo_story.figures import Course
from demo_story.live import Live
from demo_story.story import Ending
from surefoot.api.vocabulary import Outcome


def measured(told: Sequence[tuple[Course, Ending]], live: Live) -> Iterator[tuple[str, str]]:
    """Rows of (what, figure), each from Prometheus, the route or the status."""
    for course, ending in told:
        yield from _of_release(course, ending, live.fault_at)
    yield "requests sent", _count(live.sent)
    by_version = ", ".join(f"{name} {count:,}" for name, count in sorted(live.answers.items()))
    yield "  answered by", by_version or "–"
    yield "requests failed between client and model", _count(live.failed)


def _of_release(
    course: Course, ending: Ending, fault_at: datetime | None
) -> Iterator[tuple[str, str]]:
    name, outcome = f"v{course.version}", (ending.outcome or "not ended").lower()
    if ending.outcome is not Outcome.REVERTED:
        yield f"{name}, start → {outcome}", _seconds(course, "started", "decided")
        return
    yield f"{name}, thrown out by", ", ".join(ending.signals) or "–"
    yield f"{name}, first traffic → {outcome}", _seconds(course, "first_traffic", "decided")
    if fault_at and course.decided:
        yield (
            f"{name}, scores turn wrong → {outcome}",
            f"{(course.decided - fault_at).total_seconds():.1f} s",
        )
    yield (
        f"{name}, limit crossed → weight 0 in the route",
        _seconds(course, "decided", "at_zero", digits=2),
    )
    yield f"{name}, highest weight in the route", f"{course.highest} %"


def _seconds(course: Course, start: str, end: str, digits: int = 1) -> str:
    span = course.span(start, end)
    return "–" if span is None else f"{span:.{digits}f} s"


def _count(number: int | None) -> str:
    return "–" if number is None else f"{number:,}"


def phases(times: Mapping[str, float], total_s: float) -> Iterator[tuple[str, str]]:
    """Rows of (phase, time)."""
    for what, seconds in times.items():
        yield what, f"{seconds:.1f} s"
    yield "in all", f"{total_s:.1f} s"


def rows(title: str, pairs: Sequence[tuple[str, str]]) -> str:
    """A titled block with the figures in one column."""
    width = max(len(what) for what, _ in pairs)
    return "\n".join([title, *(f"  {what.ljust(width)}  {figure}" for what, figure in pairs)])


def onward(kubeconfig: Path, kubectl: Path, plugin: Path, name: str) -> str:
    """Commands to look around with."""
    path = ":".join(dict.fromkeys(str(folder) for folder in (kubectl.parent, plugin.parent)))
    commands = (
        f"export KUBECONFIG={kubeconfig} PATH={path}:$PATH",
        "kubectl get mr -A                        # the release, as a line",
        "kubectl surefoot status fraud -n risk    # and in full",
        "kubectl surefoot retry fraud -n risk     # try v43 once more",
        "kubectl events -n risk --for modelrelease/fraud",
        "kubectl get httproute fraud -n risk -o yaml",
        f"hack/cluster down --name {name}",
    )
    return "\n".join(["To look around:", *(f"  {command}" for command in commands)])
