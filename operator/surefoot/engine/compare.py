"""Candidate against incumbent: closed intervals become evidence, each of them once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from surefoot.api.signal_status import EvidenceStatus, PromotionEvidence, SignalEvidence
from surefoot.api.signals import Signal
from surefoot.api.spec import ModelReleaseSpec
from surefoot.api.vocabulary import OnBreach
from surefoot.engine import bets
from surefoot.engine.judge import Stand
from surefoot.engine.margins import margin_text
from surefoot.engine.questions import ProblemKind, evidence_key
from surefoot.stats import combine
from surefoot.stats.combine import Judgement, Term
from surefoot.stats.evidence import CEILING, floor_digits

MOST_AT_ONCE = 10
"""Intervals of each signal that one collection catches up with; the next one takes the next."""
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
    taken = {s.name: s.until for s in evidence.signals} if evidence else {}
    found: list[Span] = []
    for signal in compared(stand.plan):
        first = first_start(signal, stand)
        start = max(first, taken.get(signal.name, first))
        for _ in range(MOST_AT_ONCE):
            if start + length > stand.now:
                break
            found.append(Span(signal, start, start + length))
            start += length
    return found


def first_start(signal: Signal, stand: Stand) -> datetime:
    """Where this step's first interval begins."""
    since = stand.since or stand.now
    return max(since, stand.warm_at or since) + signal.delay


def begin(evidence: EvidenceStatus | None, stand: Stand) -> EvidenceStatus | None:
    """Every comparison of the spec with its share of the budget; what was changed begins anew."""
    signals = compared(stand.plan)
    if not signals and evidence is None:
        return None
    before = {s.name: s for s in evidence.signals} if evidence else {}
    kept = {
        s.name: _again(before[s.name], s, stand)
        for s in signals
        if s.name in before and not _joins(before[s.name], s)
    }
    shares, spare = _shares(signals, kept, evidence)
    listed = [
        kept[s.name].model_copy(update={"share": shares[s.name], "counted": _counts(s)})
        if s.name in kept
        else _begun(s, stand, shares[s.name])
        for s in signals
    ]
    return EvidenceStatus(
        value=evidence.value if evidence else 1.0,
        limit=round(1.0 / stand.plan.analysis.false_revert_budget, 6),
        leading=evidence.leading if evidence else None,
        spare=spare,
        signals=listed,
    )


def _counts(signal: Signal) -> bool:
    """Only signals that may revert spend the budget."""
    return signal.on_breach is OnBreach.REVERT


def _joins(old: SignalEvidence, signal: Signal) -> bool:
    """One that only watched until now has spent nothing, and has no share yet."""
    return _counts(signal) and not old.counted


def _shares(
    signals: Sequence[Signal],
    kept: Mapping[str, SignalEvidence],
    evidence: EvidenceStatus | None,
) -> tuple[dict[str, float], float]:
    """The share of each signal, and what is left for those to come. Who joins under way gets a part
    of the others' shares, and what was given up by those that left: a comparison under another name
    spends no budget twice."""
    counted = [s.name for s in signals if _counts(s)]
    terms = [Term(name, kept[name].share, kept[name].value) for name in counted if name in kept]
    joining = [name for name in counted if name not in kept]
    spare = 1.0
    if evidence is not None:
        left = (s for s in evidence.signals if s.counted and s.name not in counted)
        spare = evidence.spare + sum(combine.restarted_share(s.share, s.value) for s in left)
    spent = combine.joined_shares(terms, joining, min(1.0, spare))
    return {s.name: spent.get(s.name, 0.0) for s in signals}, 0.0 if joining else min(1.0, spare)


def _begun(signal: Signal, stand: Stand, share: float) -> SignalEvidence:
    return SignalEvidence(
        name=signal.name,
        agreed=bets.agreed(signal, stand.plan),
        share=share,
        counted=_counts(signal),
        until=stand.now,
        promotion=_promotion(signal, stand),
    )


def _promotion(signal: Signal, stand: Stand) -> PromotionEvidence | None:
    if signal.compare is None or signal.compare.promote_margin is None:
        return None
    return PromotionEvidence(agreed=bets.agreed(signal, stand.plan, promotes=True))


def _again(old: SignalEvidence, signal: Signal, stand: Stand) -> SignalEvidence:
    """What is known of a signal; a changed test loses its evidence, and half of its share. So does
    one of a time that is yet to come: the clock was set back, and it would see nothing until then."""
    found = old
    ahead = old.until > stand.now + stand.plan.analysis.evidence_interval
    if ahead or old.agreed != bets.agreed(signal, stand.plan):
        found = _begun(signal, stand, combine.restarted_share(old.share, old.value))
        found = found.model_copy(update={"promotion": old.promotion})
    fresh = _promotion(signal, stand)
    known = old.promotion
    if fresh is not None and known is not None and fresh.agreed == known.agreed:
        return found
    return found if fresh == known else found.model_copy(update={"promotion": fresh})


def judge_evidence(
    evidence: EvidenceStatus, plan: ModelReleaseSpec
) -> tuple[EvidenceStatus, Judgement]:
    """All signals that may revert, under one budget, and the status that says so."""
    counted = [s for s in evidence.signals if s.counted]
    # Shares that somebody wrote into the status by hand may add up to more than the whole.
    whole = max(1.0, sum(s.share for s in counted))
    terms = [Term(s.name, s.share / whole, min(s.value, CEILING)) for s in counted]
    found = combine.judge(terms, plan.analysis.false_revert_budget)
    update = {"value": floor_digits(found.evidence), "leading": found.leading}
    return evidence.model_copy(update=update), found


def text(evidence: EvidenceStatus, plan: ModelReleaseSpec) -> str:
    """The evidence in words, led by the signal that weighs most."""
    name = evidence.leading or ""
    signal = next((s for s in compared(plan) if s.name == name), None)
    margin = margin_text(signal) if signal is not None else "its margin"
    return (
        f"{name}: evidence {evidence.value:.3g} of {evidence.limit:g} that the candidate is worse "
        f"than the incumbent by more than {margin}"
    )


def not_inferior(evidence: EvidenceStatus | None, plan: ModelReleaseSpec) -> str | None:
    """Why no further hold is needed: every signal that gates is shown to be no worse than its
    promote margin. None while one of them is not, or has no such margin."""
    gating = [s for s in plan.signals if s.on_breach is not OnBreach.OBSERVE]
    known = {s.name: s.promotion for s in evidence.signals} if evidence else {}
    values: dict[str, float] = {}
    for signal in gating:
        promotion = known.get(signal.name)
        values[signal.name] = promotion.value if promotion is not None else 0.0
    if not combine.promotable(values, plan.analysis.false_promote_budget):
        return None
    said = (f"{s.name} (evidence {values[s.name]:.3g}, {margin_text(s, True)})" for s in gating)
    return f"shown to be no worse than promoteMargin: {', '.join(said)}"
