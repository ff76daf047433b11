"""A warning where one bucket holds most of what a signal judges, so that its value is coarse."""

from bisect import bisect_left
from dataclasses import replace

from surefoot.api.plain import one_line
from surefoot.api.signal_status import SignalStatus
from surefoot.api.signals import Signal
from surefoot.api.vocabulary import SignalMetric as M
from surefoot.api.vocabulary import SignalType, Verdict
from surefoot.engine.judge import Judged
from surefoot.engine.questions import Answer
from surefoot.engine.values import baseline_of
from surefoot.stats.bins import CROWDED, bucket_name, heavy_bucket
from surefoot.stats.latency import quantile
from surefoot.stats.measures import Histogram, LabeledHistogram

_STILL_CROWDED = 0.45
"""What was warned of is warned of until here: a share near one half must not flap in the status."""
_JUDGED = (Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.FAIL)
_INTERPOLATED = (M.ECE, M.MCE, M.BRIER, M.AUC)
_OVER_HALF = "over half of the "
_UNSEEN = "what happens inside of it is not seen: put the edges at the incumbent's score quantiles"


def warned(judged: Judged, before: SignalStatus | None, answer: Answer) -> Judged:
    """The same verdict; its reason ends with a warning where there is one to give.

    Before a value is held against anything, the share is that of a few samples.
    """
    if judged.verdict not in _JUDGED or judged.status.value is None:
        return judged
    warned_before = before is not None and _OVER_HALF in before.reason
    said = _warning(judged, answer, _STILL_CROWDED if warned_before else CROWDED)
    if not said:
        return judged
    reason = one_line(f"{judged.status.reason}; {said}")
    return replace(judged, status=judged.status.model_copy(update={"reason": reason}))


def _warning(judged: Judged, answer: Answer, over: float) -> str:
    """One clause without numbers that change, or "".

    Drift is weighed by what it is held against, as that says where the edges belong: a candidate
    that moves into one bucket is seen.
    """
    signal, measure = judged.signal, answer.candidate.measure
    baseline = baseline_of(judged.status.frozen, answer.incumbent.measure)
    match measure:
        case Histogram() if signal.type is SignalType.LATENCY:
            return _latency(measure, signal.quantile or 0.99, over)
        case Histogram() if baseline is not None and not _is_exact(signal, measure, baseline):
            return _scores(baseline, "scores that it is held against", over)
        case LabeledHistogram() if signal.measure in _INTERPOLATED:
            return _scores(measure, "labelled scores", over)
        case _:
            return ""


def _is_exact(signal: Signal, measure: Histogram, baseline: Histogram) -> bool:
    """Means come from the sums where these are known, and not from buckets."""
    return signal.measure is M.MEAN_SHIFT and None not in (measure.total, baseline.total)


def _latency(durations: Histogram, q: float, over: float) -> str:
    """Only the bucket that the quantile lies in matters; above the last edge it is said already."""
    found = heavy_bucket(durations, over)
    if found is None or found == len(durations.edges):
        return ""
    if bisect_left(durations.edges, quantile(durations, q).value) != found:
        return ""
    where = bucket_name(durations.edges, found)
    return (
        f"{_OVER_HALF}requests are in the bucket of the quantile ({where}), so that it is a guess: "
        "have an edge at the limit, and more around it"
    )


def _scores(scores: Histogram | LabeledHistogram, what: str, over: float) -> str:
    found = heavy_bucket(scores, over)
    if found is None:
        return ""
    return (
        f"{_OVER_HALF}{what} are in one bucket ({bucket_name(scores.edges, found)}), and {_UNSEEN}"
    )
