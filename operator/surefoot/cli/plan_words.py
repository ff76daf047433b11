"""How a forecast's figures are written: for the terminal and the page alike."""

from collections.abc import Mapping
from math import log
from typing import Any

from surefoot.api.durations import format_duration
from surefoot.api.vocabulary import OnBreach, SignalType
from surefoot.cli.wording import span
from surefoot.planning.forecast import Forecast, SignalForecast, StepForecast
from surefoot.planning.power import SIZES
from surefoot.planning.work import Share

_MEANING = {
    SignalType.ERROR_RATE: "errors",
    SignalType.LATENCY: "durations",
    SignalType.DRIFT: "scores",
    SignalType.CALIBRATION: "outcomes against scores",
    SignalType.PERFORMANCE: "outcomes without relation to scores",
    SignalType.FAIRNESS: "the lowest group's rate",
    SignalType.BUSINESS: "the ratio",
}


def size_text(kind: SignalType, size: float) -> str:
    """A regression as people say it: `×1.5`, `+20 %`, `PSI 0.16`, `gap 0.03`, `−30 %`."""
    match kind:
        case SignalType.ERROR_RATE:
            return f"×{1.0 + size:.3g}"
        case SignalType.BUSINESS:
            return f"{100 * size:.2g} % worse"
        case SignalType.LATENCY:
            return f"+{100 * size:.2g} %" if size < 1 else f"×{1.0 + size:.2g}"
        case SignalType.DRIFT:
            return f"PSI {size:.2g}"
        case SignalType.CALIBRATION:
            return f"gap {size:.2g}"
        case SignalType.FAIRNESS:
            return f"−{100 * size:.2g} %"
        case _:
            return f"{100 * size:.2g} %"


def meaning(kind: SignalType) -> str:
    """What the size is of."""
    return _MEANING.get(kind, "")


def seen_text(signal: SignalForecast, step: int) -> str:
    """The smallest regression of a step, or that not even the largest is seen."""
    if not signal.is_judged(step):
        return "not judged here"
    size = signal.smallest(step)
    if size is not None:
        return size_text(signal.type, size)
    return f"nothing up to {size_text(signal.type, SIZES[signal.type].high)}"


def way_text(signal: SignalForecast, step: int) -> str:
    """By which way: evidence, or the limit."""
    if signal.smallest(step) is None:
        return ""
    return "evidence" if signal.is_by_evidence(step) else "limit"


def sharpness(signal: SignalForecast, step: int) -> float:
    """0 where nothing is seen, 1 where the smallest size that was tried is; on a log scale."""
    size = signal.smallest(step)
    if size is None:
        return 0.0
    sizes = SIZES[signal.type]
    return max(0.02, log(sizes.high / size) / log(sizes.high / sizes.low))


def step_text(forecast: Forecast, step: StepForecast) -> str:
    """`2  5 %`, or `bake`."""
    return "bake" if step.index == len(forecast.steps) - 1 else f"{step.index + 1}"


def finding_text(signal: SignalForecast) -> str:
    """What a regression of the reference size costs."""
    found = signal.finding
    if found is None:
        return ""
    size = size_text(signal.type, found.size)
    share = f"found in {100 * found.found.share:.0f} % of releases"
    if found.seconds is None or found.requests is None:
        return f"{size}: {share}"
    return f"{size}: {share}, at the median after {span(found.seconds)} and {found.requests:,.0f} requests"


def share_text(share: Share) -> str:
    """`0 of 200 (at most 1.5 %)`."""
    return f"{share.hits} of {share.runs} healthy releases (at most {100 * share.at_most:.3g} %)"


def false_reverts(forecast: Forecast) -> list[tuple[str, str]]:
    """Who would stop a healthy release, and how often: by name."""
    found = []
    if forecast.comparisons is not None:
        text = f"{share_text(forecast.comparisons)}; the budget is {100 * forecast.budget:g} %"
        found.append(("comparisons", text))
    for signal in forecast.signals:
        if signal.healthy_limit is not None:
            does = {OnBreach.REVERT: "", OnBreach.HOLD: ", which would hold"}.get(
                signal.on_breach, ", only observed"
            )
            found.append((f"limit of {signal.name}", share_text(signal.healthy_limit) + does))
    return found


def as_json(name: str, source: str, forecast: Forecast) -> Mapping[str, Any]:
    """All figures; sizes as in `docs/plan.md`, times in seconds, shares as fractions."""
    return {
        "release": name,
        "requestsPerSecond": forecast.rps,
        "source": source,
        "falseRevertBudget": forecast.budget,
        "steps": [
            {
                "position": step_text(forecast, step),
                "weight": step.weight,
                "hold": format_duration_s(step.hold_s),
                "holdSeconds": step.hold_s,
                "candidateRequests": round(step.requests),
            }
            for step in forecast.steps
        ],
        "signals": [_signal_json(forecast, signal) for signal in forecast.signals],
        "falseReverts": _share_json(forecast.comparisons),
        "warnings": [
            {
                "message": w.text,
                "signal": w.signal,
                "step": w.step + 1 if w.step is not None else None,
                "neededSeconds": w.needed_s,
                "needs": None if w.needed_s is None else "window" if w.window else "hold",
            }
            for w in forecast.warnings
        ],
    }


def format_duration_s(seconds: float) -> str:
    """As the resource has it."""
    from datetime import timedelta

    return format_duration(timedelta(seconds=seconds))


def _share_json(share: Share | None) -> Mapping[str, Any] | None:
    if share is None:
        return None
    return {"hits": share.hits, "runs": share.runs, "atMost": round(share.at_most, 5)}


def _signal_json(forecast: Forecast, signal: SignalForecast) -> Mapping[str, Any]:
    found = signal.finding
    return {
        "name": signal.name,
        "type": signal.type.value,
        "onBreach": signal.on_breach.value,
        "assumed": signal.assumed or None,
        "steps": [
            {
                "position": step_text(forecast, step),
                "samples": round(signal.samples[step.index]),
                "judged": signal.is_judged(step.index),
                "smallestByEvidence": _digits(signal.by_evidence.get(step.index)),
                "smallestByLimit": _digits(signal.by_limit.get(step.index)),
            }
            for step in forecast.steps
        ],
        "reference": None
        if found is None
        else {
            "size": found.size,
            "found": _share_json(found.found),
            "medianSeconds": found.seconds,
            "medianRequests": None if found.requests is None else round(found.requests),
        },
        "healthyStoppedByLimit": _share_json(signal.healthy_limit),
    }


def _digits(size: float | None) -> float | None:
    return None if size is None else float(f"{size:.3g}")
