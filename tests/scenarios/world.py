"""A world in memory: ports that keep state, a clock that is moved by hand, and builders for stories."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from surefoot.api.base import sentence
from surefoot.api.spec import ModelReleaseSpec
from surefoot.api.status import ModelReleaseStatus
from surefoot.api.vocabulary import ActionType
from surefoot.engine.decide import RECHECK, decide
from surefoot.engine.effects import (
    Announcement,
    FinishAction,
)
from surefoot.engine.look import look
from surefoot.engine.owed import Owed
from surefoot.engine.questions import Answer, Problem, ProblemKind, Question, Reading
from surefoot.engine.world import Action, BackendWeight, Rival, Route, Workload
from surefoot.observe import observe
from surefoot.ports import (
    ConflictError,
    Key,
    PortError,
    Ports,
    ReleaseObject,
    TransientError,
)
from surefoot.reconcile import Report, reconcile
from surefoot.stats.measures import Counts, Measure
from tests.scenarios.memory import (
    KEY,
    T0,
    CrashError,
    MemoryMetrics,
    MemoryNotifier,
    MemoryRecords,
    MemoryStore,
    MemoryTraffic,
    reading,
)
from tests.scenarios.specs import given_route, spec, workload
from tests.scenarios.witness import Witness
from tests.timeline import OPERATOR

# The worlds of the test that runs: at its end, the invariants look at each once more.
MADE: "list[World]" = []


@dataclass(eq=False)
class World:
    """One release and all around it. Of the writes to come, counted from 1, `crash_after` is the last
    of this process, `lost_after` is done but its answer is lost (and then that of the `lost_next`
    one), and `refused_at` fails."""

    spec: dict[str, Any]
    now: datetime = T0
    status: dict[str, Any] = field(default_factory=dict)
    uid: str = "uid-fraud"
    created: datetime = T0
    generation: int = 1
    version: int = 1
    deleted: bool = False
    workloads: dict[str, Workload] = field(default_factory=dict)
    services: dict[str, tuple[int, ...]] = field(default_factory=dict)
    routes: dict[str, Route] = field(default_factory=dict)
    accepts: bool | None = True
    gateway_says: str = ""
    classes: dict[str, dict[str, Any]] = field(default_factory=dict)
    actions: list[Action] = field(default_factory=list)
    finished: dict[str, FinishAction] = field(default_factory=dict)
    rivals: list[Rival] = field(default_factory=list)
    measures: dict[tuple[str, str], Measure | Problem] = field(default_factory=dict)
    sampled: datetime | None = None
    trouble: Problem | None = None
    config: dict[tuple[str, str], str | PortError] = field(default_factory=dict)
    events: list[Announcement] = field(default_factory=list)
    named: set[str] = field(default_factory=set)
    writes: list[str] = field(default_factory=list)
    weights: list[int] = field(default_factory=list)
    crash_after: int | None = None
    lost_after: int | None = None
    lost_next: int | None = None
    refused_at: int | None = None
    api_down: bool = False
    events_down: bool = False
    busy: bool = False
    """Whether there is no room for statuses of which only numbers have moved."""
    ahead: dict[str, Any] | None = None
    put_off: int = 0
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    no_records: bool = False
    silent: bool = False
    """Whether the API server takes routes and Events, and never answers."""
    no_answers: bool = False
    """Whether the operator lacks the right to answer actions."""
    unseen: bool = False
    forgotten: bool = False
    fast: timedelta = timedelta(0)
    """How far the operator's clock is ahead of the API server's."""
    record_times: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.witness = Witness()
        MADE.append(self)
        self.store, self.metrics = MemoryStore(self), MemoryMetrics(self)
        self.traffic, self.notifier = MemoryTraffic(self), MemoryNotifier(self)
        self.ports = Ports(
            self.store, self.store, self.traffic, self.metrics, self.notifier, MemoryRecords(self)
        )

    # ---- what the ports ask

    def object(self, key: Key) -> ReleaseObject | None:
        if key != KEY or self.forgotten or (self.deleted and self.unseen):
            return None
        try:
            parsed, problem = ModelReleaseSpec.model_validate(self.spec), ""
        except ValidationError as error:
            parsed, problem = None, sentence(error)
        raw = self.ahead or self.status
        status = ModelReleaseStatus.model_validate(raw) if raw else None
        return ReleaseObject(
            KEY, self.uid, self.generation, self.created, str(self.version), self.deleted,
            self.deleted, parsed, problem, status,
        )  # fmt: skip

    def wrote(self, kind: str) -> None:
        self.witness.look(self, OPERATOR)
        self.writes.append(kind)
        if kind == "route":
            self.weights.append(self.weight())
        if self._is_next("crash_after"):
            self.restart()
            raise CrashError
        if self._is_next("lost_after"):
            self.lost_after, self.lost_next = self.lost_next, None
            raise TransientError("the answer was lost")

    def writing(self) -> None:
        """The operator is about to write."""
        self.witness.look(self)
        if self._is_next("refused_at"):
            raise TransientError("503")

    def _is_next(self, counter: str) -> bool:
        left = getattr(self, counter)
        if left is not None:
            setattr(self, counter, left - 1 if left > 1 else None)
        return left is not None and left <= 1

    async def answers(self) -> None:
        """An API server that is silent keeps whoever called it waiting."""
        if self.silent:
            await asyncio.Event().wait()

    def restart(self) -> None:
        """Another process: it knows nothing but what was written."""
        self.metrics.last, self.metrics.running, self.metrics.returned = None, False, None
        self.traffic.refused, self.notifier.left = None, Owed()
        self.traffic.carried.clear()
        self.ahead = None
        # A watch that begins anew does not show what was deleted before.
        self.forgotten = self.forgotten or self.deleted

    def answer(self, question: Question, now: datetime) -> Answer:
        if self.trouble is not None:
            return Answer(Reading(problem=self.trouble), Reading(problem=self.trouble))
        healthy = self.measures.get((question.signal.name, "both"), Counts(1, 1000))
        candidate, incumbent = (
            reading(self.measures.get((question.signal.name, arm), healthy), self.sampled or now)
            for arm in ("candidate", "incumbent")
        )
        if question.signal.query is not None:
            # A query knows of one arm, the one in the candidate's place.
            asked = incumbent if question.swapped else candidate
            return Answer(asked, asked if asked.problem else Reading())
        return Answer(candidate, incumbent)

    # ---- what a story does

    def reads(
        self, bad: float, total: float = 1000, *, arm: str = "candidate", name: str = "errors"
    ) -> None:
        """The arm's counts from now on."""
        self.measures[(name, arm)] = Counts(bad, total)

    async def tick(self, seconds: float = 0) -> Report:
        """Move the clock, then tick until nothing is to be done at once."""
        self.now += timedelta(seconds=seconds)
        report = Report(None, timedelta(seconds=1))
        for _ in range(10):
            try:
                report = await reconcile(KEY, self.ports, self.now)
            except (ConflictError, TransientError):
                continue
            if report.requeue is None or (
                report.requeue > timedelta(0) and not self.metrics.running
            ):
                await self._sleeps_well(report)
                return report
        return report

    async def _sleeps_well(self, report: Report) -> None:
        """Whoever goes to sleep for long has nothing to ask and to save: nobody wakes them."""
        if report.requeue is None or report.requeue < RECHECK or not self.metrics.asleep:
            return
        release = self.object(KEY)
        if release is not None:
            seen, _ = await observe(release, self.ports, self.now)
            assert look(seen).questions == (), "something is to be asked, and nobody looks again"
            assert not decide(seen).save, "something is to be saved, and nobody looks again"

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def reconcile(self) -> Report:
        """One tick, without an event loop: ports in memory never wait."""
        tick = reconcile(KEY, self.ports, self.now)
        try:
            tick.send(None)
        except StopIteration as done:
            report: Report = done.value
            return report
        raise AssertionError("a port waited")

    async def run(self, seconds: float, every: float = 10) -> None:
        """Let time pass, a tick at a time."""
        for _ in range(round(seconds / every)):
            await self.tick(every)

    async def until(self, phase: str, most: float = 1200) -> None:
        """Tick until a phase is reached; fails when it is not."""
        waited = 0.0
        while self.phase != phase:
            assert waited < most, f"{self.phase}: {self.status.get('message')}"
            await self.tick(10)
            waited += 10

    def act(self, kind: str, by: str = "alice", message: str = "") -> str:
        """A person creates a ReleaseAction."""
        name = f"{kind.lower()}-{len(self.finished) + len(self.actions)}"
        self.actions.append(
            Action(name, f"uid-{name}", ActionType(kind), by, message, self.now - self.fast)
        )
        return name

    def edit_weight(
        self, candidate_weight: int, *, manager: str = "kubectl-edit", route: str = "fraud"
    ) -> None:
        """Someone writes the route's weights by hand."""
        old = self.routes[route]
        mine = self.status["release"]["backend"]["name"]
        rules = tuple(
            tuple(
                replace(b, weight=candidate_weight if b.name == mine else 100 - candidate_weight)
                for b in rule
            )
            for rule in old.rules
        )
        self.routes[route] = replace(
            old, generation=old.generation + 1, rules=rules, manager=manager
        )

    def apply(self, **changes: Any) -> None:
        """Git applies another spec."""
        self.spec = {k: v for k, v in {**self.spec, **changes}.items() if v is not None}
        self.generation += 1
        self.version += 1

    def deleted_while_down(self) -> None:
        """Deleted while no operator was there to see it."""
        self.deleted, self.unseen = True, True

    def applied_anew(self, uid: str = "uid-new") -> None:
        """Git applies it where it is not any more, or a status was lost with the same uid."""
        self.status, self.uid, self.version = {}, uid, self.version + 1
        self.ahead = None
        self.deleted, self.unseen, self.forgotten = False, False, False

    # ---- what a story sees

    @property
    def accounts(self) -> list[dict[str, Any]]:
        """Every record, oldest first."""
        return sorted(self.records.values(), key=lambda body: str(body["startedAt"]))

    @property
    def phase(self) -> str:
        return str(self.status.get("phase", ""))

    def weight(self, route: str = "fraud") -> int:
        """The candidate's weight in the route: of what is in flight or was, else of fraud-v42."""
        held = (self.status.get("release") or {}).get("backend", {}).get("name", "fraud-v42")
        found = self.routes.get(route)
        return (
            next((b.weight for rule in found.rules for b in rule if b.name == held), 0)
            if found
            else 0
        )

    def condition(self, kind: str) -> tuple[str, str]:
        found = next(c for c in self.status["conditions"] if c["type"] == kind)
        return found["status"], found["reason"]

    def reasons(self) -> list[str]:
        return [e.reason.value for e in self.events]

    def decided(self) -> list[str]:
        return [d["reason"] for d in self.status.get("decisions", [])]


NO_PROMETHEUS = Problem(
    ProblemKind.UNREACHABLE, "Prometheus at prometheus:9090 refused the connection"
)


def arms(*names: str) -> dict[str, Any]:
    """Deployments and Services of these names, healthy."""
    return {"workloads": {n: workload(n) for n in names}, "services": dict.fromkeys(names, (80,))}


def new_world(**changes: Any) -> World:
    """v41 and v42 are there; nothing has been applied yet."""
    return World(spec=spec(**changes), **arms("fraud-v41", "fraud-v42"))


def given_world(weights: tuple[int, int] = (100, 0), **changes: Any) -> World:
    """As `new_world`, with an HTTPRoute of the user's that lists both arms."""
    world = new_world(traffic=given_route(), **changes)
    rule = (BackendWeight("fraud-v41", 80, weights[0]), BackendWeight("fraud-v42", 80, weights[1]))
    world.routes["fraud"] = Route("fraud", 1, False, (rule,))
    return world
