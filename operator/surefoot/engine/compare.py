"""Candidate against incumbent: closed intervals become evidence, each of them once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from surefoot.api.signals import Signal
from surefoot.api.spec import ModelReleaseSpec
from surefoot.api.status import EvidenceStatus, SignalEvidence
from surefoot.api.vocabulary import OnBreach
from surefoot.engine import bets
from surefoot.engine.judge import Stand
from surefoot.engine.questions import Answer, ProblemKind, evidence_key
from surefoot.stats import combine
from surefoot.stats.combine import Judgement, Term
from surefoot.stats.evidence import Interval, floor_digits
from surefoot.stats.measures import Measure

MOST_AT_ONCE = 10
"""Intervals that one collection catches up with; the next one takes the next."""
_UNANSWERED = (ProblemKind.UNREACHABLE, ProblemKind.TIMEOUT, ProblemKind.PARTIAL, ProblemKind.QUERY)


@dataclass(frozen=True, slots=True)
class Span:
    """One closed interval of one signal."""

    signal: Signal
    start: datetime
    end: datetime

    @property
    def key(self) -> str:
        """What its answer is found by."""
        return evidence_key(self.signal.name, self.end)


def compared(plan: ModelReleaseSpec) -> list[Signal]:
    """The signals that are held against the incumbent."""
    return [signal for signal in plan.signals if signal.compare is not None]


def spans(evidence: EvidenceStatus | None, stand: Stand) -> list[Span]:
    """The closed intervals that are still to be taken in, oldest first.

    None before the first step, and none in the bake, where the incumbent has no requests. They
    begin with the verified weight, and after the warm-up: none reaches back over a step.
    """
    if not 0 <= stand.index < len(stand.plan.steps) or stand.since is None:
        return []
    length = stand.plan.analysis.evidence_interval
    anchor = max(stand.since, stand.warm_at or stand.since)
    taken = {s.name: s.until for s in evidence.signals} if evidence else {}
    found: list[Span] = []
    for signal in compared(stand.plan):
        start = max(anchor, taken.get(signal.name, anchor))
        while start + length <= stand.now and len(found) < MOST_AT_ONCE * len(stand.plan.signals):
            found.append(Span(signal, start, start + length))
            start += length
    return found


def begin(evidence: EvidenceStatus | None, stand: Stand) -> EvidenceStatus | None:
    """Every comparison of the spec with its share of the budget; what was changed begins anew."""
    signals = compared(stand.plan)
    if not signals:
        return None
    limit = round(1.0 / stand.plan.analysis.false_revert_budget, 6)
    before = {s.name: s for s in evidence.signals} if evidence else {}
    counted = [s.name for s in signals if s.on_breach is OnBreach.REVERT]
    shares = combine.even_shares(counted) if evidence is None and counted else {}
    listed = [_begun(signal, stand, before.get(signal.name), shares) for signal in signals]
    return EvidenceStatus(
        value=evidence.value if evidence else 1.0,
        limit=limit,
        leading=evidence.leading if evidence else None,
        signals=listed,
    )


def _begun(
    signal: Signal, stand: Stand, old: SignalEvidence | None, shares: dict[str, float]
) -> SignalEvidence:
    key = bets.agreed(signal, stand.plan)
    if old is not None and old.agreed == key:
        return old
    share = combine.restarted_share(old.share, old.value) if old else shares.get(signal.name, 0.0)
    return SignalEvidence(name=signal.name, agreed=key, share=share, until=stand.now)


def take_in(
    evidence: EvidenceStatus, stand: Stand, answers: Mapping[str, Answer]
) -> EvidenceStatus:
    """The evidence after all answered intervals. One that Prometheus did not answer is asked again,
    and so is everything after it: evidence is taken in order."""
    found = {s.name: s for s in evidence.signals}
    stuck: set[str] = set()
    for span in spans(evidence, stand):
        answer = answers.get(span.key)
        if answer is None or unanswered(answer):
            stuck.add(span.signal.name)
        if span.signal.name in stuck or answer is None:
            continue
        found[span.signal.name] = _advanced(found[span.signal.name], stand, span, answer)
    return evidence.model_copy(update={"signals": list(found.values())})


def unanswered(answer: Answer) -> bool:
    """Whether Prometheus did not answer, so that the interval is asked again."""
    problems = (answer.candidate.problem, answer.incumbent.problem)
    return any(p is not None and p.kind in _UNANSWERED for p in problems)


def _advanced(old: SignalEvidence, stand: Stand, span: Span, answer: Answer) -> SignalEvidence:
    interval: Interval[Measure] = Interval(
        span.end.timestamp(), stand.index, answer.incumbent.measure, answer.candidate.measure
    )
    bet = bets.advance(span.signal, stand.plan, old.state, interval)
    return old.model_copy(
        update={
            "until": span.end,
            "state": bet.state,
            "value": floor_digits(bet.value),
            "intervals": old.intervals + 1,
        }
    )


def judge_evidence(
    evidence: EvidenceStatus, plan: ModelReleaseSpec
) -> tuple[EvidenceStatus, Judgement]:
    """All signals that may revert, under one budget, and the status that says so."""
    counted = {s.name for s in compared(plan) if s.on_breach is OnBreach.REVERT}
    terms = [Term(s.name, s.share, s.value) for s in evidence.signals if s.name in counted]
    found = combine.judge(terms, plan.analysis.false_revert_budget)
    update = {"value": floor_digits(found.evidence), "leading": found.leading}
    return evidence.model_copy(update=update), found


def text(evidence: EvidenceStatus, plan: ModelReleaseSpec) -> str:
    """The evidence in words, led by the signal that weighs most."""
    name = evidence.leading or ""
    signal = next((s for s in compared(plan) if s.name == name), None)
    margin = bets.margin_text(signal) if signal is not None else "its margin"
    return (
        f"{name}: evidence {evidence.value:.3g} of {evidence.limit:g} that the candidate is worse "
        f"than the incumbent by more than {margin}"
    )
