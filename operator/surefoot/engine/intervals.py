"""Closed intervals become evidence, each of them once; what cannot be weighed is counted, too."""

from collections.abc import Mapping, Sequence
from math import isfinite

from surefoot.api.base import MOST_COUNTED
from surefoot.api.signal_status import MOST_FLOATS, EvidenceStatus, SignalEvidence
from surefoot.engine import bets
from surefoot.engine.betting import Bet, SequentialTest
from surefoot.engine.compare import Span, spans
from surefoot.engine.judge import Stand
from surefoot.engine.questions import Answer, ProblemKind, answer_to
from surefoot.stats.evidence import Interval, floor_digits
from surefoot.stats.measures import Measure

_UNANSWERED = (ProblemKind.UNREACHABLE, ProblemKind.TIMEOUT, ProblemKind.PARTIAL, ProblemKind.QUERY)


def take_in(
    evidence: EvidenceStatus, stand: Stand, answers: Mapping[str, Answer]
) -> EvidenceStatus:
    """The evidence after all answered intervals. One that Prometheus did not answer is asked again,
    and so is everything after it: evidence is taken in order."""
    found = {s.name: s for s in evidence.signals}
    stuck: set[str] = set()
    for span in spans(evidence, stand):
        name, answer = span.signal.name, answer_to(answers, span.key)
        if answer is None or (unanswered(answer) and not _lost(answer, answers.get(name))):
            stuck.add(name)
        if name in stuck or answer is None:
            continue
        found[name] = _advanced(found[name], stand, span, answer)
    return evidence.model_copy(update={"signals": list(found.values())})


def unanswered(answer: Answer) -> bool:
    """Whether Prometheus did not answer, so that the interval is asked again."""
    problems = (answer.candidate.problem, answer.incumbent.problem)
    return any(p is not None and p.kind in _UNANSWERED for p in problems)


def _lost(answer: Answer, now: Answer | None) -> bool:
    """Whether a query fails on this interval alone, so that it would fail for ever."""
    problems = (answer.candidate.problem, answer.incumbent.problem)
    at_fault = all(p is None or p.kind is ProblemKind.QUERY for p in problems)
    return at_fault and now is not None and not unanswered(now)


def _advanced(old: SignalEvidence, stand: Stand, span: Span, answer: Answer) -> SignalEvidence:
    interval: Interval[Measure] = Interval(
        span.end.timestamp(), stand.index, answer.incumbent.measure, answer.candidate.measure
    )
    plan, signal, promotion = stand.plan, span.signal, old.promotion
    test = bets.sequential_test(signal, plan)
    bet = _bet(test, Bet(old.state, old.value), interval)
    if promotion is not None:
        mirrored = bets.sequential_test(signal, plan, promotes=True)
        found = _bet(mirrored, Bet(promotion.state, promotion.value), interval)
        update = {"state": found.state, "value": floor_digits(found.value)}
        promotion = promotion.model_copy(update=update)
    ends = (interval.end, old.until.timestamp())
    seen = _but_for(bet.state, ends) != _but_for(old.state, ends)
    return old.model_copy(
        update={
            "until": span.end,
            "state": bet.state,
            "value": floor_digits(bet.value),
            "intervals": min(old.intervals + 1, MOST_COUNTED),
            "blind": 0 if seen else min(old.blind + 1, MOST_COUNTED),
            "promotion": promotion,
        }
    )


def _bet(test: SequentialTest, before: Bet, interval: Interval[Measure]) -> Bet:
    """The test after the interval; numbers that no arithmetic bears were not measured, and nothing
    that the API server would refuse is ever kept."""
    try:
        bet = test.advance(before.state, interval)
    except (ArithmeticError, ValueError):
        return before
    sound = len(bet.state) <= MOST_FLOATS and all(map(isfinite, (*bet.state, bet.value)))
    return bet if sound else before


def _but_for(state: Sequence[float], times: Sequence[float]) -> list[float]:
    return [number for number in state if number not in times]
