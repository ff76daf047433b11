"""What every rule looks at: the observation, the status brought up to date, and plain questions."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any

from pydantic import ValidationError

from surefoot.api.base import Same
from surefoot.api.durations import format_duration
from surefoot.api.metrics_source import MetricsSource
from surefoot.api.plan import Plan
from surefoot.api.signals import Signal
from surefoot.api.spec import ModelReleaseSpec
from surefoot.api.status import ModelReleaseStatus, Released, StepStatus
from surefoot.api.vocabulary import Outcome, Reason, Rule, Verdict
from surefoot.engine.judge import Judged, Stand
from surefoot.engine.weights import SplitRule, kept_rules, lost_rules
from surefoot.engine.world import Action, Observation, Workload
from surefoot.stats.combine import Judgement


@dataclass(frozen=True)
class Ruling:
    """What one rule says: why, and the status that follows from it.

    `recorded` makes it a decision of the account, `announced` an Event. `enforce` lets the route
    be written, `shown` is what the status says until the next tick (else reason and message),
    `stalled` asks for a person, `accepted` is false where the spec is at fault.
    """

    rule: Rule
    reason: Reason
    message: str
    status: ModelReleaseStatus
    recorded: bool = False
    shown: tuple[Reason, str] | None = None
    announced: bool = False
    warning: bool = False
    enforce: bool = True
    stalled: bool = False
    accepted: bool = True
    by: str | None = None
    done: tuple[Action, ...] = ()
    requeue: timedelta | None = None


@dataclass(frozen=True)
class Tick:
    """One evaluation: `status` already holds this tick's signals, hold and observed weight."""

    obs: Observation
    status: ModelReleaseStatus
    plan: ModelReleaseSpec | None
    judged: tuple[Judged, ...]
    fresh: bool
    evidence: Judgement | None = None

    @property
    def now(self) -> datetime:
        return self.obs.now

    @property
    def release(self) -> Released | None:
        return self.status.release

    @property
    def in_flight(self) -> bool:
        return self.release is not None and self.release.outcome is None

    @property
    def step(self) -> StepStatus:
        return self.status.step or StepStatus()

    @property
    def intended(self) -> int:
        return self.status.traffic.intended if self.status.traffic else 0

    @property
    def written(self) -> int:
        return self.status.traffic.written if self.status.traffic else 0

    @cached_property
    def splits(self) -> list[SplitRule]:
        """The route's rules that list both arms of the release in flight (or just ended)."""
        release, incumbent, route = self.release, self.status.incumbent, self.obs.route
        if release is None or incumbent is None or route is None:
            return []
        return kept_rules(route, incumbent.backend, release.backend)

    @cached_property
    def left_alone(self) -> tuple[int, ...]:
        """Rules that the incumbent was taken out of since the release began."""
        release, incumbent, route = self.release, self.status.incumbent, self.obs.route
        if release is None or incumbent is None or route is None:
            return ()
        return lost_rules(route, incumbent.backend, release)

    @property
    def candidate(self) -> Workload | None:
        return self.obs.workloads.get(self.release.workload) if self.release else None

    @property
    def incumbent(self) -> Workload | None:
        serving = self.status.incumbent
        return self.obs.workloads.get(serving.workload) if serving else None

    @property
    def baking(self) -> bool:
        return self.plan is not None and self.step.index >= len(self.plan.steps)

    def action(self, *kinds: str) -> Action | None:
        """The oldest open action of one of these types."""
        return next((a for a in self.obs.actions if a.type in kinds), None)

    def gating(self, *verdicts: Verdict) -> list[Judged]:
        """Signals that have a say in this step and stand at one of these verdicts."""
        return [j for j in self.judged if j.gates and j.verdict in verdicts]


def plan_of(obs: Observation, status: ModelReleaseStatus) -> ModelReleaseSpec | None:
    """The spec that guides: the one in the resource when sound, else the last accepted one."""
    if obs.spec is not None:
        return obs.spec
    release = status.release
    return None if release is None or release.outcome is not None else accepted_of(release)


def source_of(plan: ModelReleaseSpec | None) -> MetricsSource | None:
    """Where a plan's signals are asked for; None is the operator's own Prometheus."""
    return plan.metrics if isinstance(plan, Plan) else None


def written_of(plan: ModelReleaseSpec) -> dict[str, Any]:
    """A plan as it is written, which nobody may change: the same plan comes with every tick."""
    return _written(Same(plan))


@lru_cache(maxsize=8192)
def _written(plan: Same[ModelReleaseSpec]) -> dict[str, Any]:
    written = plan.it.as_written()
    if "signals" in written:
        # Most of what there is, and of one template for all.
        written["signals"] = [_signal(Same(signal)) for signal in plan.it.signals]
    return written


@lru_cache(maxsize=4096)
def _signal(signal: Same[Signal]) -> dict[str, Any]:
    return signal.it.as_written()


def accepted_of(release: Released) -> Plan | None:
    """The last accepted plan; None when the status was damaged by someone."""
    try:
        return Plan.model_validate(release.accepted_spec)
    except ValidationError:
        return None


def stand_of(tick_status: ModelReleaseStatus, plan: ModelReleaseSpec, now: datetime) -> Stand:
    """Where the release stands, for the judge."""
    step, release = tick_status.step or StepStatus(), tick_status.release
    warm = None
    if release is not None and release.warmup_from is not None:
        warm = release.warmup_from + plan.analysis.warmup
    return Stand(plan, step.index, step.verified_at or step.entered_at, warm, now)


def revert_capacity(status: ModelReleaseStatus, obs: Observation) -> float:
    """Share of all traffic that the incumbent can take: available pods over those it had."""
    if status.incumbent is None or not obs.has(status.incumbent.backend):
        return 0.0
    workload = obs.workloads.get(status.incumbent.workload)
    if workload is None:
        return 0.0
    needed = max(workload.replicas, status.release.incumbent_replicas if status.release else 0, 1)
    return round(min(1.0, workload.available / needed), 2)


def ended_like(release: Released | None, *outcomes: Outcome) -> bool:
    """Whether the last release ended in one of these ways."""
    return release is not None and release.outcome in outcomes


def overdue(tick: Tick) -> str | None:
    """A sentence once the release has lasted longer than maxDuration, pauses aside."""
    plan, release = tick.plan, tick.release
    if plan is None or release is None or plan.max_duration is None:
        return None
    lasted = (tick.now - release.started_at).total_seconds() - release.paused_seconds
    if lasted <= plan.max_duration.total_seconds():
        return None
    return f"not decided within maxDuration ({format_duration(plan.max_duration)})"
