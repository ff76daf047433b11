"""What Prometheus says: sound answers for stories that are recorded, hostile ones for fuzzing."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from surefoot.api.vocabulary import SignalMetric as M
from surefoot.api.vocabulary import SignalType as T
from surefoot.engine.questions import Answer, Problem, ProblemKind, Question, Reading
from surefoot.stats.measures import (
    Counts,
    GroupRates,
    Histogram,
    LabeledHistogram,
    LabeledScores,
    Measure,
    Quality,
    Ratio,
    Scalar,
)
from tests.fuzz.making import HOSTILE, Maker

# The adapter always says something.
SAID = tuple(text for text in HOSTILE if text.strip())
ODD = (math.nan, math.inf, -math.inf, -1.0, -1e308, 1e308, 5e-324, 0.0, 1.0, 2.0**53, 1e18, 0.1)
EDGES = (0.05, 0.1, 0.25, 0.5, 1.0)
ODD_EDGES = (-1e308, -1e160, -1.0, 0.0, 5e-324, 1e-300, 0.5, 1.0, 1e150, 1e160, 1e308)
FAST = (900.0, 98.0, 2.0, 0.0, 0.0, 0.0)
SHAPE = (400.0, 300.0, 200.0, 60.0, 30.0, 10.0)


def sound(question: Question, now: datetime, bad: bool = False) -> Answer:
    """What a healthy incumbent and a candidate read, which is much worse if `bad`."""
    return Answer(
        Reading(_measured(question, bad), question.end or now),
        Reading(_measured(question, False), question.end or now),
    )


def _measured(question: Question, bad: bool) -> Measure:
    signal = question.signal
    shape = SHAPE[::-1] if bad else SHAPE
    labeled = LabeledHistogram(EDGES, shape[::-1], shape, sum(shape))
    match signal.type:
        case T.ERROR_RATE:
            return Counts(300.0 if bad else 2.0, 1000.0)
        case T.LATENCY:
            return Histogram(EDGES, (100.0, 100.0, 0.0, 0.0, 0.0, 800.0) if bad else FAST, 60.0)
        case T.DRIFT:
            return Histogram(EDGES, shape, 120.0)
        case T.CALIBRATION if signal.measure is M.CALIBRATION_IN_THE_LARGE:
            return LabeledScores(50.0 if bad else 500.0, 500.0, 1000.0)
        case T.CALIBRATION | T.PERFORMANCE:
            return labeled
        case T.FAIRNESS:
            values = signal.groups.values if signal.groups else ["a", "b"]
            return GroupRates(
                tuple(
                    (v, Counts(10.0 * (i + 1) if bad else 500.0, 1000.0))
                    for i, v in enumerate(values)
                )
            )
        case T.DATA_QUALITY:
            return Quality(1e6 if bad else 10.0, 5.0, 1000.0)
        case T.BUSINESS:
            return Ratio(1.0 if bad else 50.0, 1000.0)
    least = signal.threshold.min if signal.threshold else None
    return Scalar(0.0 if bad else max(0.95, least or 0.0))


def hostile(make: Maker, question: Question, now: datetime) -> Answer | None:
    """An answer in which anything may be anything."""
    if make.flips(0.05):
        return None
    fair = sound(question, now, make.flips(0.3))
    both = [_spoiled(make, each, question, now) for each in (fair.candidate, fair.incumbent)]
    if make.flips(0.2):
        # The same for both arms, as the adapter sees to it, so that they are compared.
        odd = sorted(make.chance.sample(ODD_EDGES, len(EDGES)))
        both = [replace(each, measure=_on(odd, each.measure)) for each in both]
    return Answer(*both)


def _on(edges: Sequence[float], measure: Measure | None) -> Measure | None:
    """A histogram's bins between other edges."""
    if not isinstance(measure, Histogram | LabeledHistogram):
        return measure
    return replace(measure, edges=tuple(edges[: len(measure.edges)]))


def _spoiled(make: Maker, fair: Reading, question: Question, now: datetime) -> Reading:
    how = make.chance.random()
    if how < 0.35:
        return fair
    if how < 0.5:
        return Reading(problem=Problem(make.one(list(ProblemKind)), make.one(SAID)))
    if how < 0.53:
        return Reading()
    shift = timedelta(seconds=make.one((0, -10, 10, -(10**7), 10**7)))
    note = make.one(("", "", "read at both ends", *SAID[:6]))
    return Reading(_odd(make, fair.measure), make.one((now + shift, None, now)), None, note)


def _odd(make: Maker, fair: Measure | None) -> Measure:
    """The same kind of measure with odd numbers, now and then of another kind or length."""

    def number(usual: float) -> float:
        return make.one(ODD) if make.flips(0.3) else usual

    match fair:
        case Counts(bad, total):
            return Counts(number(bad), number(total))
        case Ratio(a, b):
            return Ratio(number(a), number(b))
        case LabeledScores(a, b, c):
            return LabeledScores(number(a), number(b), number(c))
        case Quality(a, b, c):
            return Quality(
                make.one((None, number(a or 0))), make.one((None, number(b or 0))), number(c or 0)
            )
        case GroupRates(groups):
            kept = groups[: make.chance.randrange(len(groups) + 1)] if make.flips(0.2) else groups
            return GroupRates(tuple((n, Counts(number(c.bad), number(c.total))) for n, c in kept))
        case Histogram(edges, counts, total):
            few = make.one((len(edges), len(edges), 1, 3))
            return Histogram(
                edges[:few],
                tuple(map(number, counts[: few + 1])),
                make.one((total, None, number(0))),
            )
        case LabeledHistogram(edges, ups, downs, total):
            few = make.one((len(edges), len(edges), 1, 3))
            return LabeledHistogram(
                edges[:few], tuple(map(number, ups[: few + 1])), tuple(map(number, downs[: few + 1])),
                make.one((total, None, number(0))),
            )  # fmt: skip
    return Scalar(number(0.95))
