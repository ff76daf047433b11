"""The rules of a hypothesis: which signals can show an improvement."""

from typing import Any

from surefoot.api.base import CelRule
from surefoot.api.hypothesis import Better
from surefoot.api.vocabulary import SignalMetric, SignalType

HOPEFUL = (
    SignalType.ERROR_RATE,
    SignalType.LATENCY,
    SignalType.BUSINESS,
    SignalType.PERFORMANCE,
)
_TYPES = "[" + ", ".join(f"'{each}'" for each in HOPEFUL) + "]"


def _meant(spec: Any) -> Any:
    return next((s for s in spec.signals if s.name == spec.hypothesis.signal), None)


def _is_there(spec: Any) -> bool:
    return spec.hypothesis is None or spec.awaits_class or _meant(spec) is not None


def _measurable(spec: Any) -> bool:
    if spec.hypothesis is None or (signal := _meant(spec)) is None:
        return True
    return signal.type in HOPEFUL and signal.metric is not SignalMetric.AUC


def _business_chooses(spec: Any) -> bool:
    if spec.hypothesis is None or (signal := _meant(spec)) is None:
        return True
    return spec.hypothesis.better is None or signal.type is SignalType.BUSINESS


def _possible(spec: Any) -> bool:
    """A thing that gets better by falling cannot fall by more than all of it."""
    if spec.hypothesis is None or (signal := _meant(spec)) is None:
        return True
    falls = signal.type in HOPEFUL[:2] or spec.hypothesis.better is Better.LOWER
    return not falls or (spec.hypothesis.improve_by.relative or 0.0) < 1.0


_MINE = "self.signals.all(s, s.name != self.hypothesis.signal || "

HYPOTHESIS_RULES: tuple[CelRule, ...] = (
    CelRule(
        "!has(self.hypothesis) || has(self.releaseClassName) || (has(self.signals) && "
        "self.signals.exists(s, s.name == self.hypothesis.signal))",
        "hypothesis.signal names none of the signals: write the name of one of them",
        _is_there,
    ),
    CelRule(
        "!has(self.hypothesis) || !has(self.signals) || "
        f"{_MINE}(s.type in {_TYPES} && !(has(s.metric) && s.metric == 'AUC')))",
        "a hypothesis is tested on ErrorRate, Latency, Business, or Performance other than AUC: "
        "name such a signal",
        _measurable,
    ),
    CelRule(
        "!has(self.hypothesis) || !has(self.hypothesis.better) || !has(self.signals) || "
        f"{_MINE}s.type == 'Business')",
        "hypothesis.better is for Business signals, the other types know which way is better: "
        "remove it",
        _business_chooses,
    ),
    CelRule(
        "!has(self.hypothesis) || !has(self.hypothesis.improveBy.relative) || "
        "self.hypothesis.improveBy.relative < 1.0 || !has(self.signals) || "
        f"{_MINE}!(s.type in ['ErrorRate', 'Latency'] || "
        "(has(self.hypothesis.better) && self.hypothesis.better == 'Lower')))",
        "nothing falls by 100 % of itself or more: set hypothesis.improveBy.relative below 1",
        _possible,
    ),
)
