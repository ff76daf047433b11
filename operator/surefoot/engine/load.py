"""The confounder of latency: an arm that has more to do at once answers more slowly.

Requests in flight are taken from the durations themselves. By Little's law (1961) their mean number is
the rate times the mean duration, so what the durations of an interval add up to, divided by its
length. A candidate that is slow has more in flight for the same requests: that is no confounder.
Arms are unlike only where more requests per replica come with more in flight, and only where the
busier one has enough in flight for requests to wait for each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from surefoot.api.plain import one_line
from surefoot.api.signal_status import EvidenceStatus
from surefoot.api.spec import ModelReleaseSpec
from surefoot.api.status import ModelReleaseStatus
from surefoot.api.vocabulary import SignalType, Verdict
from surefoot.engine.compare import Span
from surefoot.engine.judge import Judged, Stand
from surefoot.engine.questions import Answer, Problem, ProblemKind, Reading, evidence_key
from surefoot.engine.world import Observation
from surefoot.stats.measures import Histogram

IN_FLIGHT_RATIO = 2.0
"""More than so many times as many in flight per replica is not comparable …"""
REQUEST_RATIO = 1.25
"""… where requests per replica differ the same way by more than this …"""
BUSY = 1.0
"""… and the busier arm has at least so many in flight per replica."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one replica had to do: requests per second, and in flight on average."""

    rate: float
    in_flight: float


def load_of(arm: Histogram, seconds: float, replicas: int) -> Load | None:
    """None where the sum of durations is not known, or no replica is."""
    if arm.total is None or replicas < 1 or seconds <= 0 or arm.total < 0:
        return None
    return Load(arm.samples / seconds / replicas, arm.total / seconds / replicas)


def unlike(candidate: Load, incumbent: Load) -> bool:
    """Whether a difference in latency may be that of the load alone."""
    for busy, idle in ((candidate, incumbent), (incumbent, candidate)):
        busier = busy.in_flight >= BUSY and busy.in_flight > IN_FLIGHT_RATIO * idle.in_flight
        if busier and busy.rate > REQUEST_RATIO * idle.rate:
            return True
    return False


def comparable(
    obs: Observation, status: ModelReleaseStatus, spans: Sequence[Span]
) -> Mapping[str, Answer]:
    """The answers; those of latency intervals with unlike loads are a problem of both arms."""
    answers = dict(obs.answers or {})
    release, serving = status.release, status.incumbent
    assert release is not None
    names = (release.workload, serving.workload if serving is not None else "")
    workloads = [obs.workloads.get(name) for name in names]
    replicas = [workload.available if workload is not None else 0 for workload in workloads]
    for span in spans:
        answer = answers.get(span.key)
        if answer is None or span.signal.type is not SignalType.LATENCY:
            continue
        seconds = (span.end - span.start).total_seconds()
        if (problem := _problem(answer, seconds, replicas)) is not None:
            answers[span.key] = Answer(Reading(problem=problem), Reading(problem=problem))
    return answers


def _problem(answer: Answer, seconds: float, replicas: Sequence[int]) -> Problem | None:
    new, old = answer.candidate.measure, answer.incumbent.measure
    if not isinstance(new, Histogram) or not isinstance(old, Histogram):
        return None
    mine, theirs = load_of(new, seconds, replicas[0]), load_of(old, seconds, replicas[1])
    if mine is None or theirs is None or not unlike(mine, theirs):
        return None
    text = (
        f"the arms' loads are unlike: {mine.in_flight:.2g} requests in flight per replica of the "
        f"candidate ({mine.rate:.3g}/s), {theirs.in_flight:.2g} of the incumbent "
        f"({theirs.rate:.3g}/s); scale the candidate to its share of the traffic"
    )
    return Problem(ProblemKind.LOAD, text)


def noted(
    before: EvidenceStatus | None, after: EvidenceStatus, answers: Mapping[str, Answer]
) -> EvidenceStatus:
    """The evidence with a note where a signal's newest interval was not bet on for its load."""
    taken = {s.name: s.until for s in before.signals} if before is not None else {}
    listed = []
    for each in after.signals:
        answer = answers.get(evidence_key(each.name, each.until))
        if answer is not None and taken.get(each.name) != each.until:
            problem = answer.candidate.problem
            said = problem is not None and problem.kind is ProblemKind.LOAD
            text = one_line(problem.message) if problem is not None and said else ""
            each = each.model_copy(update={"unlike": text})
        listed.append(each)
    return after.model_copy(update={"signals": listed})


def overruled(
    judged: Sequence[Judged], evidence: EvidenceStatus | None, stand: Stand, plan: ModelReleaseSpec
) -> tuple[Judged, ...]:
    """A signal whose newest interval could not be compared is `Inconclusive` at best."""
    if evidence is None or stand.index >= len(plan.steps):
        return tuple(judged)
    notes = {s.name: s.unlike for s in evidence.signals if s.unlike}
    return tuple(
        each.overruled(Verdict.INCONCLUSIVE, notes[each.signal.name])
        if each.signal.name in notes and each.verdict is Verdict.PASS
        else each
        for each in judged
    )
