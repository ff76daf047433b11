"""What a comparison makes of its signal's verdict: a pass needs evidence that is up to date."""

from collections.abc import Sequence
from datetime import timedelta
from math import sqrt

from surefoot.api.durations import format_duration
from surefoot.api.signal_status import EvidenceStatus, SignalEvidence
from surefoot.api.vocabulary import OnBreach, Verdict
from surefoot.engine.compare import first_start
from surefoot.engine.judge import Judged, Stand

MOST_BLIND = 3
"""So many intervals in a row that could not be compared are no accident any more."""
_LATE = 3
"""Evidence may lag by so many of its intervals, and two of analysis."""


def overruled(
    judged: Sequence[Judged], evidence: EvidenceStatus | None, stand: Stand
) -> tuple[Judged, ...]:
    """The verdicts, worse where the comparison of a signal sees nothing, lags behind, or weighs
    against a signal that only holds."""
    if evidence is None or not 0 <= stand.index < len(stand.plan.steps):
        return tuple(judged)
    known = {s.name: s for s in evidence.signals}
    return tuple(_overruled(each, known.get(each.signal.name), stand) for each in judged)


def _overruled(judged: Judged, seen: SignalEvidence | None, stand: Stand) -> Judged:
    if seen is None or judged.verdict is not Verdict.PASS:
        return judged
    if seen.blind >= MOST_BLIND:
        text = seen.unlike or "an arm had no samples, or the arms' buckets differ"
        text = f"the last {seen.blind} intervals could not be compared: {text}"
        verdict = Verdict.INCONCLUSIVE if seen.unlike else Verdict.NO_DATA
        return judged.overruled(verdict, text, covered=bool(seen.unlike))
    analysis = stand.plan.analysis
    lag = stand.now - max(seen.until, first_start(judged.signal, stand))
    if lag > _LATE * analysis.evidence_interval + 2 * analysis.interval:
        lags = format_duration(timedelta(seconds=round(lag.total_seconds())))
        return judged.overruled(
            Verdict.NO_DATA, f"its comparison lags {lags} behind", covered=False
        )
    if judged.signal.on_breach is OnBreach.HOLD:
        return _held(judged, seen, 1.0 / analysis.false_revert_budget)
    return judged


def _held(judged: Judged, seen: SignalEvidence, limit: float) -> Judged:
    text = f"evidence {seen.value:.3g} of {limit:g} that the candidate is worse"
    if seen.value >= limit:
        return judged.overruled(Verdict.FAIL, text)
    return judged.overruled(Verdict.INCONCLUSIVE, text) if seen.value >= sqrt(limit) else judged
