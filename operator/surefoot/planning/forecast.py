"""The forecast of a release: what each step will see, at what cost, and how often it errs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from surefoot.api.signals import Signal
from surefoot.api.spec import ModelReleaseSpec
from surefoot.api.vocabulary import OnBreach, SignalType
from surefoot.planning.today import Today
from surefoot.planning.warnings import Warning, warnings_of
from surefoot.planning.work import Finding, Share, Task, carry_out, tasks
from surefoot.stats import combine
from surefoot.stats.combine import Ruling, Term


@dataclass(frozen=True, slots=True)
class StepForecast:
    """A step (or the bake, at 100 %) and the requests that the candidate has in it."""

    index: int
    weight: int
    hold_s: float
    requests: float


@dataclass(frozen=True, slots=True)
class SignalForecast:
    """One signal. By step: samples of the candidate, and the smallest regression seen by its end with
    90 % (None: none of the sizes that were tried), by evidence and by the limit."""

    name: str
    type: SignalType
    on_breach: OnBreach
    assumed: str
    samples: tuple[float, ...]
    by_evidence: Mapping[int, float | None]
    by_limit: Mapping[int, float | None]
    finding: Finding | None
    healthy_limit: Share | None

    def smallest(self, step: int) -> float | None:
        """By whichever way sees most, by the end of that step: what an earlier one sees stays seen."""
        return min(
            self._sizes(self.by_evidence, step) + self._sizes(self.by_limit, step), default=None
        )

    def is_by_evidence(self, step: int) -> bool:
        """Whether it is the comparison that sees it."""
        return self.smallest(step) in self._sizes(self.by_evidence, step)

    def is_judged(self, step: int) -> bool:
        """Whether the signal has judged by the end of that step."""
        return any(at <= step for at in (*self.by_evidence, *self.by_limit))

    @staticmethod
    def _sizes(sizes: Mapping[int, float | None], step: int) -> list[float]:
        return [size for at, size in sizes.items() if at <= step and size is not None]

    @property
    def simulated(self) -> bool:
        return bool(self.by_evidence or self.by_limit)


@dataclass(frozen=True, slots=True)
class Forecast:
    """All of it. `comparisons`: healthy releases that the evidence of all signals together reverted."""

    rps: float
    budget: float
    steps: tuple[StepForecast, ...]
    signals: tuple[SignalForecast, ...]
    comparisons: Share | None
    warnings: tuple[Warning, ...]


def assemble(spec: ModelReleaseSpec, today: Today, done: Sequence[tuple[Task, object]]) -> Forecast:
    """The forecast from all tasks' findings."""
    by_key = {(task.signal.name, task.kind): found for task, found in done}
    holds = [spec.hold_of(i).total_seconds() for i in range(len(spec.steps) + 1)]
    steps = tuple(
        StepForecast(i, spec.weight_of(i), hold, today.rps * spec.weight_of(i) / 100.0 * hold)
        for i, hold in enumerate(holds)
    )
    signals = tuple(_signal(spec, signal, today, steps, by_key) for signal in spec.signals)
    return Forecast(
        rps=today.rps,
        budget=spec.analysis.false_revert_budget,
        steps=steps,
        signals=signals,
        comparisons=_together(spec, by_key),
        warnings=tuple(warnings_of(spec, today)),
    )


def forecast(spec: ModelReleaseSpec, today: Today, runs: int | None = None) -> Forecast:
    """All tasks, one after the other."""
    return assemble(spec, today, [(task, carry_out(task)) for task in tasks(spec, today, runs)])


def _signal(
    spec: ModelReleaseSpec,
    signal: Signal,
    today: Today,
    steps: Sequence[StepForecast],
    by_key: Mapping[tuple[str, str], object],
) -> SignalForecast:
    baseline = today.baselines.get(signal.name)
    each = baseline.per_request if baseline is not None else 0.0
    evidence, limit = by_key.get((signal.name, "evidence")), by_key.get((signal.name, "limit"))
    finding, healthy = (by_key.get((signal.name, k)) for k in ("finding", "healthy-limit"))
    return SignalForecast(
        name=signal.name,
        type=signal.type,
        on_breach=signal.on_breach,
        assumed=baseline.assumed if baseline is not None else "",
        samples=tuple(step.requests * each for step in steps),
        by_evidence=evidence if isinstance(evidence, dict) else {},
        by_limit=limit if isinstance(limit, dict) else {},
        finding=finding if isinstance(finding, Finding) else None,
        healthy_limit=healthy if isinstance(healthy, Share) else None,
    )


def _together(spec: ModelReleaseSpec, by_key: Mapping[tuple[str, str], object]) -> Share | None:
    """The healthy releases whose combined evidence reached the limit at any time."""
    names = [s.name for s in spec.signals if (s.name, "healthy") in by_key]
    if not names:
        return None
    shares = combine.even_shares(names)
    paths = [by_key[name, "healthy"] for name in names]
    assert all(isinstance(path, list) for path in paths)
    runs = list(zip(*paths, strict=True))
    hits = sum(
        any(_reverts(spec, shares, names, at) for at in zip(*run, strict=True)) for run in runs
    )
    return Share(hits, len(runs))


def _reverts(
    spec: ModelReleaseSpec, shares: Mapping[str, float], names: Sequence[str], at: Sequence[float]
) -> bool:
    terms = [Term(name, shares[name], value) for name, value in zip(names, at, strict=True)]
    return combine.judge(terms, spec.analysis.false_revert_budget).ruling is Ruling.REVERT
