"""A past release once more: recorded samples, a route and pods that do as they are told, the same engine.

Only the surroundings are made up: pods are available, and the route carries at once what is decided.
Questions, answers, verdicts, evidence and rules are the operator's own.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from surefoot.api.spec import BackendRef, Incumbent, ModelReleaseSpec, WorkloadRef
from surefoot.api.status import DecisionRecord, ModelReleaseStatus
from surefoot.api.vocabulary import Outcome, SignalType
from surefoot.engine.decide import decide
from surefoot.engine.effects import Decision, SetWeights, WriteManagedRoute
from surefoot.engine.look import look
from surefoot.engine.questions import Answer, ArmRef, Question
from surefoot.engine.world import BackendWeight, Observation, Route, Workload

Collect = Callable[[Sequence[Question], datetime], Awaitable[Mapping[str, Answer]]]
"""Answers as they were at a time."""

_TICKS_AT_ONCE = 10
_ANY_PORT = 80
_COUNTED = (SignalType.ERROR_RATE, SignalType.LATENCY, SignalType.DRIFT)


@dataclass(frozen=True, slots=True)
class Moment:
    """One evaluation: what stood afterwards, and the decisions that it took. `share` is the candidate's
    part of the recorded traffic (0 to 1), `requests` its samples behind that; None where unknown."""

    time: datetime
    status: ModelReleaseStatus
    taken: tuple[DecisionRecord, ...]
    share: float | None
    requests: float | None


@dataclass
class Replay:
    """One release in a world of its own. `step` it from `start` on, an analysis interval at a time."""

    name: str
    namespace: str
    spec: ModelReleaseSpec
    candidate: ArmRef
    incumbent: ArmRef
    start: datetime
    collect: Collect
    status: ModelReleaseStatus | None = None
    route: Route | None = None
    moments: list[Moment] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.candidate, self.incumbent = placed(self.candidate), placed(self.incumbent)
        self.spec = asserted(self.spec, self.incumbent)
        given = self.spec.traffic.route
        if given is not None:
            rule = (_weighs(self.incumbent, 100), _weighs(self.candidate, 0))
            self.route = Route(given.name, 1, False, (rule,), accepted=True)

    @property
    def ended(self) -> bool:
        """Whether the release was promoted or reverted."""
        return self.outcome is not None

    @property
    def outcome(self) -> Outcome | None:
        release = self.status.release if self.status is not None else None
        return release.outcome if release is not None else None

    async def step(self, now: datetime) -> Moment:
        """One evaluation, and whatever follows from it at once, as the operator's ticks do."""
        before = list(self.status.decisions) if self.status is not None else []
        answers: Mapping[str, Answer] | None = None
        heard: Mapping[str, Answer] = {}
        for _ in range(_TICKS_AT_ONCE):
            seen = self._observation(now)
            asked = look(seen).questions
            if asked and not heard:
                answers = heard = await self.collect(asked, now)
            decision = decide(replace(seen, answers=answers))
            wrote = self._carry_out(decision)
            answers = None
            if not wrote and decision.requeue > timedelta(0) and (heard or not asked):
                break
        assert self.status is not None
        taken = tuple(d for d in self.status.decisions if d not in before)
        share, requests = traffic_in(self.spec, heard)
        moment = Moment(now, self.status, taken, share, requests)
        self.moments.append(moment)
        return moment

    def _observation(self, now: datetime) -> Observation:
        arms = (self.candidate, self.incumbent)
        return Observation(
            now=now,
            namespace=self.namespace,
            name=self.name,
            uid="replay",
            generation=1,
            created=self.start,
            spec=self.spec,
            status=self.status,
            workloads={arm.workload: _available(arm.workload) for arm in arms},
            services={arm.service: (arm.port,) for arm in arms},
            route=self.route,
        )

    def _carry_out(self, decision: Decision) -> bool:
        """Do what was decided; whether the route was written."""
        self.status = decision.status
        wrote = False
        for effect in decision.effects:
            if isinstance(effect, WriteManagedRoute):
                rule = tuple(BackendWeight(b.name, b.port, w) for b, w in effect.backends)
                parents = tuple(p.dump() for p in effect.spec.parent_refs)
                hosts = tuple(effect.spec.hostnames)
                self.route = Route(
                    effect.route, self._next(), True, (rule,), parents, hosts, accepted=True
                )
                wrote = True
            elif isinstance(effect, SetWeights) and self.route is not None:
                self.route = _changed(self.route, effect, self._next())
                wrote = True
        return wrote

    def _next(self) -> int:
        return self.route.generation + 1 if self.route is not None else 1


def placed(arm: ArmRef) -> ArmRef:
    """With some port: where no metric tells it, none was looked for."""
    return arm if arm.port else replace(arm, port=_ANY_PORT)


def asserted(spec: ModelReleaseSpec, incumbent: ArmRef) -> ModelReleaseSpec:
    """The spec with this incumbent: in a world without a past nothing else says what served."""
    arm = Incumbent(
        workload_ref=WorkloadRef(name=incumbent.workload),
        backend_ref=BackendRef(name=incumbent.service, port=incumbent.port),
    )
    return spec.model_copy(update={"incumbent": arm, "suspend": False})


def traffic_in(
    spec: ModelReleaseSpec, answers: Mapping[str, Answer]
) -> tuple[float | None, float | None]:
    """The candidate's share of the recorded requests, and how many it had, from the best signal."""
    for kind in _COUNTED:
        for signal in spec.signals:
            answer = answers.get(signal.name)
            if signal.type is not kind or answer is None:
                continue
            new, old = (
                reading.measure.samples if reading.measure is not None else None
                for reading in (answer.candidate, answer.incumbent)
            )
            both = (new or 0.0) + (old or 0.0)
            if old is not None and both > 0:
                return (new or 0.0) / both, new or 0.0
    return None, None


def _weighs(arm: ArmRef, weight: int) -> BackendWeight:
    return BackendWeight(arm.service, arm.port, weight)


def _available(name: str) -> Workload:
    return Workload(name, f"replay-{name}", f"replay-{name}", 1, 1, True)


def _changed(route: Route, effect: SetWeights, generation: int) -> Route:
    rules = [list(rule) for rule in route.rules]
    for change in effect.changes:
        old = rules[change.rule][change.backend]
        rules[change.rule][change.backend] = replace(old, weight=change.weight)
    return replace(route, generation=generation, rules=tuple(map(tuple, rules)))
