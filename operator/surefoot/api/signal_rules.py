"""The rules of a signal: which fields belong to which type, each with the sentence that says so."""

import re
from datetime import timedelta
from typing import Any

from surefoot.api.base import CelRule
from surefoot.api.comparison_rules import COMPARISON_RULES
from surefoot.api.vocabulary import SignalMetric as M
from surefoot.api.vocabulary import SignalType as T

METRICS: dict[T, tuple[M, ...]] = {
    T.DRIFT: (
        M.PSI,
        M.JENSEN_SHANNON_DISTANCE,
        M.KOLMOGOROV_SMIRNOV,
        M.WASSERSTEIN_NORMED,
        M.MEAN_SHIFT,
    ),
    T.CALIBRATION: (M.CALIBRATION_IN_THE_LARGE, M.ECE, M.MCE, M.BRIER),
    T.PERFORMANCE: (M.AUC, M.ACCURACY, M.PRECISION, M.RECALL),
    T.FAIRNESS: (
        M.DEMOGRAPHIC_PARITY_RATIO,
        M.EQUAL_OPPORTUNITY_DIFFERENCE,
        M.FALSE_POSITIVE_RATE_DIFFERENCE,
    ),
}
DECIDED = (M.ACCURACY, M.PRECISION, M.RECALL)
LABELED = (T.CALIBRATION, T.PERFORMANCE, T.FAIRNESS)
_PLACEHOLDER = re.compile(
    r"\{\{ *((candidate|incumbent)[.](workload|service|port)|parameters[.][a-z][a-zA-Z0-9]*|namespace|"
    r"window|matchers) *\}\}"
)


def _is(*types: T) -> str:
    return "self.type in [" + ", ".join(f"'{each}'" for each in types) + "]"


def _metric_cel() -> str:
    options = (
        f"(self.type == '{kind}' && self.metric in [{', '.join(repr(m.value) for m in metrics)}])"
        for kind, metrics in METRICS.items()
    )
    return f"!has(self.metric) || {' || '.join(options)}"


def _metric_fits(s: Any) -> bool:
    return s.metric is None or s.metric in METRICS.get(s.type, ())


def _has_limit(s: Any) -> bool:
    return s.type is T.DATA_QUALITY or s.threshold is not None or s.compare is not None


def _limits(s: Any) -> list[float]:
    """Those that a threshold sets."""
    both = (s.threshold.min, s.threshold.max) if s.threshold is not None else ()
    return [each for each in both if each is not None]


def _decides(s: Any) -> bool:
    return s.type is T.FAIRNESS or s.metric in DECIDED


def _source_fits(s: Any) -> bool:
    if s.type is T.PROMQL:
        return s.source is None
    if s.source is None:
        return False
    both = (s.source.numerator is None, s.source.denominator is None)
    wanted = (s.type is not T.BUSINESS,) * 2
    return both == wanted and (s.type is T.BUSINESS or s.source.preset is not None)


def _watchable(s: Any) -> bool:
    alone = (s.type is T.DATA_QUALITY or s.threshold is not None) and s.baseline != "Reference"
    return s.watch is None or (alone and "{{incumbent" not in (s.query or "").replace(" ", ""))


def _placeholders_known(s: Any) -> bool:
    found = re.findall(r"\{\{[^{}]*\}\}", s.query or "")
    return all(_PLACEHOLDER.fullmatch(each) for each in found)


SIGNAL_RULES: tuple[CelRule, ...] = (
    CelRule(
        "has(self.threshold) || has(self.compare) || self.type == 'DataQuality'",
        "a signal needs threshold, compare or both",
        _has_limit,
    ),
    CelRule(
        "(self.type == 'PromQL') == has(self.query)",
        "query belongs to a PromQL signal and to no other: add it there, remove it elsewhere",
        lambda s: (s.type is T.PROMQL) == (s.query is not None),
    ),
    CelRule(
        "self.type == 'PromQL' ? !has(self.source) : has(self.source) && (self.type == 'Business' ? "
        "has(self.source.numerator) && has(self.source.denominator) : has(self.source.preset) && "
        "!has(self.source.numerator) && !has(self.source.denominator))",
        "source holds a preset; for Business numerator and denominator; and a PromQL signal has none",
        _source_fits,
    ),
    CelRule(
        "(self.type == 'Latency') == has(self.quantile)",
        "a Latency signal needs quantile (0.99 for the p99), and no other type takes one",
        lambda s: (s.type is T.LATENCY) == (s.quantile is not None),
    ),
    CelRule(
        "self.type != 'ErrorRate' || !has(self.threshold) || ((!has(self.threshold.max) || "
        "self.threshold.max <= 1.0) && (!has(self.threshold.min) || self.threshold.min <= 1.0))",
        "an ErrorRate limit is a fraction: write 0.05 for 5 %",
        lambda s: s.type is not T.ERROR_RATE or max(_limits(s), default=0) <= 1,
    ),
    CelRule(
        f"!({_is(T.ERROR_RATE, T.LATENCY)}) || !has(self.threshold) || !has(self.threshold.max) || "
        "self.threshold.max >= 0.0",
        "neither an ErrorRate nor a Latency is ever below 0: raise threshold.max",
        lambda s: (
            s.type not in (T.ERROR_RATE, T.LATENCY)
            or s.threshold is None
            or s.threshold.max is None
            or s.threshold.max >= 0
        ),
    ),
    CelRule(
        "!has(self.metric) || self.metric != 'KolmogorovSmirnov' || !has(self.threshold) || "
        "((!has(self.threshold.max) || self.threshold.max <= 1.0) && "
        "(!has(self.threshold.min) || self.threshold.min <= 1.0))",
        "KolmogorovSmirnov is never above 1: lower the limit",
        lambda s: s.metric is not M.KOLMOGOROV_SMIRNOV or max(_limits(s), default=0) <= 1,
    ),
    CelRule(
        "!has(self.query) || self.query.findAll('\\\\{\\\\{[^{}]*\\\\}\\\\}').all(p, "
        "p.matches('^\\\\{\\\\{ *((candidate|incumbent)[.](workload|service|port)|parameters[.][a-z][a-zA-Z0-9]*|"
        "namespace|window|matchers) *\\\\}\\\\}$'))",
        "the query has an unknown placeholder: there are {{candidate.workload}}, "
        "{{candidate.service}}, {{candidate.port}}, the same of incumbent, {{namespace}}, {{window}}, "
        "{{matchers}} and {{parameters.…}} of the ReleaseClass",
        _placeholders_known,
    ),
    CelRule(
        _metric_cel(),
        "metric does not belong to this type: see its page under docs/signals for those that do",
        _metric_fits,
    ),
    CelRule(
        f"has(self.metric) || !({_is(T.PERFORMANCE, T.FAIRNESS)})",
        "a Performance or Fairness signal needs metric",
        lambda s: s.metric is not None or s.type not in (T.PERFORMANCE, T.FAIRNESS),
    ),
    CelRule(
        "has(self.decisionThreshold) == (self.type == 'Fairness' || (has(self.metric) && self.metric "
        f"in [{', '.join(repr(m.value) for m in DECIDED)}]))",
        "decisionThreshold (0.5, say) belongs to Fairness, Accuracy, Precision and Recall, and to no "
        "other: add it there, remove it elsewhere",
        lambda s: (s.decision_threshold is not None) == _decides(s),
    ),
    CelRule(
        "has(self.groups) == (self.type == 'Fairness')",
        "groups belongs to a Fairness signal and to no other: add it there, remove it elsewhere",
        lambda s: (s.groups is not None) == (s.type is T.FAIRNESS),
    ),
    CelRule(
        "self.type == 'DataQuality' ? (has(self.maxAge) || has(self.minCompleteness)) && "
        "!has(self.threshold) : !has(self.maxAge) && !has(self.minCompleteness)",
        "a DataQuality signal needs maxAge, minCompleteness or both, and no threshold; other types "
        "have neither",
        lambda s: (
            (s.max_age is not None or s.min_completeness is not None) and s.threshold is None
            if s.type is T.DATA_QUALITY
            else s.max_age is None and s.min_completeness is None
        ),
    ),
    CelRule(
        "!has(self.metric) || self.metric != 'MeanShift' || !has(self.threshold) || "
        "(has(self.threshold.min) && has(self.threshold.max))",
        "a mean may shift either way: a MeanShift limit needs both min and max",
        lambda s: (
            s.metric is not M.MEAN_SHIFT
            or s.threshold is None
            or (s.threshold.min is not None and s.threshold.max is not None)
        ),
    ),
    CelRule(
        "!has(self.baseline) || self.type == 'Drift'",
        "baseline belongs to a Drift signal: remove it here",
        lambda s: s.baseline is None or s.type is T.DRIFT,
    ),
    CelRule(
        "!has(self.reference) || (has(self.baseline) && self.baseline == 'Reference')",
        "reference belongs to a Drift signal with baseline Reference: set it, or remove reference",
        lambda s: s.reference is None or s.baseline == "Reference",
    ),
    CelRule(
        f"!has(self.labelDelay) || {_is(*LABELED)}",
        "labelDelay belongs to Calibration, Performance and Fairness: remove it here",
        lambda s: s.label_delay is None or s.type in LABELED,
    ),
    CelRule(
        "!has(self.labelDelay) || self.labelDelay <= duration('8760h')",
        "labelDelay must be 365d or shorter",
        lambda s: s.delay <= timedelta(days=365),
    ),
    CelRule(
        "!has(self.maxAge) || self.maxAge > duration('0s')",
        "maxAge must be longer than 0s: nothing is as fresh as that",
        lambda s: s.max_age is None or s.max_age > timedelta(0),
    ),
    CelRule(
        "!has(self.watch) || ((self.type == 'DataQuality' || has(self.threshold)) && "
        "(!has(self.baseline) || self.baseline != 'Reference') && "
        "(!has(self.query) || !self.query.matches('\\\\{\\\\{ *incumbent')))",
        "watch needs a limit that stands alone: set threshold, no baseline Reference, and no "
        "{{incumbent.…}} in a query; "
        "after the promotion there is no incumbent",
        _watchable,
    ),
    CelRule(
        "!has(self.watch) || self.watch.__for__ >= (has(self.labelDelay) ? self.labelDelay : "
        "duration('0s')) + (has(self.threshold) ? self.threshold.window : duration('5m'))",
        "watch.for is shorter than labelDelay and window together, so nothing would be seen: raise it",
        lambda s: s.watch is None or s.watch.for_ >= s.delay + s.window,
    ),
    CelRule(
        "self.type != 'PromQL' || !has(self.threshold) || !has(self.threshold.minSamples)",
        "a PromQL query reports no sample count: remove threshold.minSamples",
        lambda s: (
            s.type is not T.PROMQL
            or s.threshold is None
            or "min_samples" not in s.threshold.model_fields_set
        ),
    ),
    *COMPARISON_RULES,
)
