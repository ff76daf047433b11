"""What a release may do to what its class locks: for every field, which way is tighter.

A plan is as tight as a class when it takes the traffic back wherever the class would, and goes a step
up only where the class would. A field of which neither direction is tighter stays as it is.
"""

from collections.abc import Callable
from datetime import timedelta
from enum import Enum
from math import inf
from typing import Any

from surefoot.api.analysis import Analysis
from surefoot.api.base import ApiModel
from surefoot.api.comparison import Compare, Margin
from surefoot.api.durations import format_duration
from surefoot.api.release_class import Locked, ReleaseClassSpec
from surefoot.api.signals import Signal
from surefoot.api.spec import ModelReleaseSpec, OnDelete, OnInconclusive, OnNoData, Step
from surefoot.api.threshold import Threshold
from surefoot.api.vocabulary import OnBreach

NO_LIMIT = timedelta.max


class Way(Enum):
    """Which values are as tight as the class's."""

    AT_MOST = "{} or less"
    AT_LEAST = "{} or more"
    SAME = "exactly {}"


_RANK: dict[Any, int] = {
    OnBreach.OBSERVE: 0,
    OnBreach.HOLD: 1,
    OnBreach.REVERT: 2,
    OnNoData.HOLD: 0,
    OnNoData.REVERT: 1,
    OnInconclusive.HOLD: 0,
    OnInconclusive.REVERT: 1,
    OnDelete.LEAVE: 0,
    OnDelete.REVERT: 1,
}
_SCALARS: dict[Locked, Way] = {
    Locked.BAKE: Way.AT_LEAST,
    Locked.START_DEADLINE: Way.AT_MOST,
    Locked.MAX_DURATION: Way.AT_MOST,
    Locked.ROLLBACK_WINDOW: Way.AT_MOST,
    Locked.ON_NO_DATA: Way.AT_LEAST,
    Locked.ON_INCONCLUSIVE: Way.AT_LEAST,
    Locked.ON_DELETE: Way.AT_LEAST,
    Locked.ON_NEW_CANDIDATE: Way.SAME,
}
# Fields that do not stand here, also those of a newer version, stay as the class has them.
_ANALYSIS: dict[str, Way] = {
    "interval": Way.AT_MOST,
    "warmup": Way.AT_MOST,
    "false_revert_budget": Way.AT_LEAST,
    "false_promote_budget": Way.AT_MOST,
    "min_adverse_intervals": Way.AT_MOST,
}
_SIGNAL: dict[str, Way] = {
    "max_age": Way.AT_MOST,
    "min_completeness": Way.AT_LEAST,
    "on_breach": Way.AT_LEAST,
}
# minSamples stays: more of them would keep a limit from ever reverting, fewer would let it pass
# earlier. So does the window.
_THRESHOLD: dict[str, Way] = {
    "min": Way.AT_LEAST,
    "max": Way.AT_MOST,
    "consecutive": Way.AT_MOST,
}
_MARGIN: dict[str, Way] = {"relative": Way.AT_MOST, "absolute": Way.AT_MOST}


def loosened(plan: ModelReleaseSpec, of: ReleaseClassSpec, name: str) -> str | None:
    """One sentence about the first locked field that the plan loosens, with the class's value."""
    for field in of.locks:
        said = _CHECKS[field](plan, of)
        if said is not None:
            return f"{said} (locked by ReleaseClass {name})"
    return None


def gentler(steps: list[Step], than: list[Step]) -> str | None:
    """None when every step of the class is there and held as long; others may stand in between.

    So the candidate never has more traffic than the class's steps would have given it by then.
    """
    held = {step.weight: step.hold for step in steps}
    for step in than:
        have, need = held.get(step.weight), format_duration(step.hold)
        if have is None:
            return f"spec.steps has no step at {step.weight} %: add it and hold it for {need}"
        if have < step.hold:
            return (
                f"spec.steps holds {step.weight} % for {format_duration(have)}: hold it for {need} "
                "or more"
            )
    return None


def tighter_signal(mine: Signal, theirs: Signal) -> str | None:
    """None when a signal of the release is as tight as the class's of the same name."""
    said = _compare_models(mine, theirs, _SIGNAL, but_for=("threshold", "compare"))
    said = said or _part(mine.threshold, theirs.threshold, "threshold", _threshold)
    said = said or _part(mine.compare, theirs.compare, "compare", _comparison)
    return said and f"signal {mine.name}: {said}"


def _steps(plan: ModelReleaseSpec, of: ReleaseClassSpec) -> str | None:
    return gentler(plan.steps, of.steps or []) or _cut_short(plan, of)


def _cut_short(plan: ModelReleaseSpec, of: ReleaseClassSpec) -> str | None:
    """A promoteMargin shortens holds: of locked steps only as easily as the class itself does."""
    early = [signal for signal in plan.signals if _goes_early(signal)]
    theirs = {signal.name: signal for signal in of.signals or []}
    allowed = any(map(_goes_early, theirs.values()))
    budget = (of.analysis or Analysis()).false_promote_budget
    if early and plan.analysis.false_promote_budget > budget:
        return (
            f"spec.analysis.falsePromoteBudget is {plan.analysis.false_promote_budget:g}: it must be "
            f"{budget:g} or less, as it cuts locked holds short"
        )
    for signal in early:
        their = theirs.get(signal.name)
        if not allowed or (their is not None and _easier(signal, their)):
            return f"signal {signal.name}: compare.promoteMargin cuts holds short: remove it"
    left = (s.name for s in plan.signals if early and _steps_aside(s, theirs.get(s.name)))
    return next(
        (
            f"signal {n}: with onBreach Observe it no longer holds back: remove onBreach"
            for n in left
        ),
        None,
    )


def _easier(mine: Signal, their: Signal) -> bool:
    """Whether a class's signal lets a candidate go up early on less than the class asks for."""
    return _promote_margin(mine) > _promote_margin(their)


def _promote_margin(signal: Signal) -> float:
    margin = signal.compare.promote_margin if signal.compare is not None else None
    return (margin.relative or margin.absolute or 0.0) if margin is not None else 0.0


def _steps_aside(mine: Signal, their: Signal | None) -> bool:
    watches = mine.on_breach is OnBreach.OBSERVE
    return watches and their is not None and their.on_breach is not OnBreach.OBSERVE


def _goes_early(signal: Signal) -> bool:
    return signal.compare is not None and signal.compare.promote_margin is not None


def _analysis(plan: ModelReleaseSpec, of: ReleaseClassSpec) -> str | None:
    theirs = of.analysis or Analysis()
    said = _compare_models(plan.analysis, theirs, _ANALYSIS)
    return said and f"spec.analysis: {said}"


def _signals(plan: ModelReleaseSpec, of: ReleaseClassSpec) -> str | None:
    mine = {signal.name: signal for signal in plan.signals}
    found = (tighter_signal(mine[each.name], each) for each in of.signals or [])
    return next((said for said in found if said is not None), None)


def _scalar(field: Locked) -> Callable[[ModelReleaseSpec, ReleaseClassSpec], str | None]:
    def check(plan: ModelReleaseSpec, of: ReleaseClassSpec) -> str | None:
        name = _python_name(field)
        said = _value(field.value, getattr(plan, name), getattr(of, name), _SCALARS[field])
        return said and f"spec.{said}"

    return check


_CHECKS: dict[Locked, Callable[[ModelReleaseSpec, ReleaseClassSpec], str | None]] = {
    **{field: _scalar(field) for field in _SCALARS},
    Locked.STEPS: _steps,
    Locked.ANALYSIS: _analysis,
    Locked.SIGNALS: _signals,
}


def _threshold(mine: Threshold, theirs: Threshold) -> str | None:
    return _compare_models(mine, theirs, _THRESHOLD)


def _comparison(mine: Compare, theirs: Compare) -> str | None:
    margins = {name for name in type(mine).model_fields if name.endswith("margin")}
    for name in sorted(margins):
        ours, limit = getattr(mine, name), getattr(theirs, name)
        if isinstance(ours, Margin) and isinstance(limit, Margin):
            said = _compare_models(ours, limit, _MARGIN)
            if said is not None:
                return f"{_field(mine, name)}.{said}"
        elif ours != limit:
            return f"{_field(mine, name)} stays as it is: remove it here"
    return _compare_models(mine, theirs, {}, but_for=tuple(margins))


def _part(mine: Any, theirs: Any, name: str, check: Callable[[Any, Any], str | None]) -> str | None:
    """A limit or a comparison: the release may add one, and tighten the class's."""
    if theirs is None or mine is None:
        # Merged, a part of the class is always there; without one there is nothing to keep.
        early = getattr(mine, "promote_margin", None) is not None
        return f"{name}.promoteMargin cuts holds short: remove it" if early else None
    said = check(mine, theirs)
    return said and f"{name}.{said}"


def _compare_models(
    mine: ApiModel, theirs: ApiModel, ways: dict[str, Way], but_for: tuple[str, ...] = ()
) -> str | None:
    for name in type(theirs).model_fields:
        if name not in but_for:
            way = ways.get(name, Way.SAME)
            said = _value(_field(theirs, name), getattr(mine, name), getattr(theirs, name), way)
            if said is not None:
                return said
    return None


def _value(name: str, mine: Any, theirs: Any, way: Way) -> str | None:
    """A sentence when a value is looser than the class's; an unset limit is the loosest."""
    loosest = inf if way is Way.AT_MOST else -inf
    if way is Way.SAME:
        fine = mine == theirs
    elif theirs is None:
        fine = True
    else:
        a, b = (_number(each, loosest) for each in (mine, theirs))
        fine = a <= b if way is Way.AT_MOST else a >= b
    if fine:
        return None
    return f"{name} is {_shown(mine)}: it must be {way.value.format(_shown(theirs))}"


def _number(value: Any, unset: float) -> float:
    if value is None:
        return unset
    if isinstance(value, timedelta):
        return value.total_seconds()
    return float(_RANK.get(value, value))


def _shown(value: Any) -> str:
    if value is None:
        return "unset"
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, ApiModel):
        return str(value.dump())
    return f"{value:g}" if isinstance(value, float) else str(value)


def _field(model: ApiModel, name: str) -> str:
    return str(type(model).model_fields[name].alias)


def _python_name(field: Locked) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in field.value)
