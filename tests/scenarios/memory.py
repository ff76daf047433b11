"""Ports that keep what they are told in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import ValidationError

from surefoot.api.base import sentence
from surefoot.api.metrics_source import MetricsSource
from surefoot.api.record import ReleaseRecordSpec
from surefoot.api.release_class import ReleaseClassSpec
from surefoot.api.spec import ManagedRoute
from surefoot.api.status import ModelReleaseStatus
from surefoot.engine.effects import (
    Announcement,
    DropRecord,
    FinishAction,
    OpenRecord,
    RecordEffect,
    SealRecord,
    SetWeights,
    WriteManagedRoute,
)
from surefoot.engine.owed import Owed
from surefoot.engine.questions import Answer, Problem, Question, Reading
from surefoot.engine.world import Action, BackendWeight, Record, Rival, Route, Workload
from surefoot.ports import (
    ConflictError,
    Key,
    PermanentError,
    ReleaseObject,
    TransientError,
)
from surefoot.stats.measures import Measure

if TYPE_CHECKING:
    from tests.scenarios.world import World

T0 = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


KEY = Key("risk", "fraud")


# Hostnames that the API server of this world refuses.
REFUSED = ["refused.example"]


class MemoryStore:
    """Store and Workloads."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def release(self, key: Key) -> ReleaseObject | None:
        self.world.witness.look(self.world)
        return self.world.object(key)

    async def is_orphan(self, record: ReleaseRecordSpec, namespace: str) -> bool:
        return self.world.deleted and not any(rival.adopted for rival in self.world.rivals)

    async def release_class(self, name: str) -> ReleaseClassSpec | str | None:
        found = self.world.classes.get(name)
        try:
            return ReleaseClassSpec.model_validate(found) if found is not None else None
        except ValidationError as error:
            return sentence(error)

    async def save_status(self, release: ReleaseObject, status: ModelReleaseStatus) -> None:
        world = self.world
        world.writing()
        if release.resource_version != str(world.version):
            raise ConflictError("stale")
        # Through JSON and back, as the API server would: what is not in the schema is lost.
        world.status, world.ahead = status.dump(), None
        world.version += 1
        world.wrote("status")

    def put_off(self, release: ReleaseObject, status: ModelReleaseStatus, now: datetime) -> bool:
        if not self.world.busy:
            return False
        self.world.ahead = status.dump()
        self.world.put_off += 1
        return True

    def actions(self, key: Key) -> tuple[Action, ...]:
        return tuple(self.world.actions)

    def rivals(self, release: ReleaseObject) -> tuple[Rival, ...]:
        return tuple(self.world.rivals)

    async def finish_action(self, namespace: str, effect: FinishAction, now: datetime) -> None:
        if self.world.no_answers:
            raise PermanentError("403")
        self.world.writing()
        self.world.actions = [a for a in self.world.actions if a.name != effect.name]
        self.world.finished[effect.name] = effect
        self.world.wrote("action")

    def forget(self, key: Key) -> None:
        self.world.forgotten = True

    async def workload(self, namespace: str, name: str) -> Workload | None:
        return self.world.workloads.get(name)

    async def service_ports(self, namespace: str, name: str) -> tuple[int, ...] | None:
        return self.world.services.get(name)

    async def config_value(self, namespace: str, name: str, key: str) -> str | None:
        found = self.world.config.get((name, key))
        if isinstance(found, Exception):
            raise found
        return found


class MemoryRecords:
    """ReleaseRecords as JSON by name: sealed once, as the API server sees to it."""

    def __init__(self, world: World) -> None:
        self.world = world

    def known(self, key: Key) -> tuple[Record, ...]:
        return tuple(r if not r.sealed else replace(r, spec=None) for r in self._read())

    async def all(self, key: Key) -> tuple[Record, ...]:
        return self._read()

    def _read(self) -> tuple[Record, ...]:
        found = []
        for name, body in self.world.records.items():
            made = self.world.record_times.get(name)
            try:
                spec = ReleaseRecordSpec.model_validate(body)
            except ValidationError:
                spec = None
            started = datetime.fromisoformat(body["startedAt"])
            found.append(Record(name, started, "end" in body, spec, made))
        return tuple(found)

    async def write(self, namespace: str, effect: RecordEffect) -> None:
        world = self.world
        if world.api_down:
            raise TransientError("503")
        if world.no_records:
            raise PermanentError("403")
        world.writing()
        if isinstance(effect, OpenRecord):
            assert effect.name not in world.records, "opened twice"
            world.records[effect.name] = effect.spec.dump()
            world.record_times[effect.name] = world.now - world.fast
        elif isinstance(effect, SealRecord):
            assert "end" not in world.records[effect.name], "sealed twice"
            world.records[effect.name]["end"] = effect.end.dump()
        elif isinstance(effect, DropRecord):
            assert "end" in world.records.pop(effect.name), "an open record was dropped"
        world.wrote("record")


class MemoryTraffic:
    """HTTPRoutes by name; a Gateway that accepts what it is told to."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.refused: ManagedRoute | None = None
        self.carried: dict[str, str] = {}

    def refusal(self, namespace: str, name: str, wanted: ManagedRoute) -> str:
        return "hostnames: no such" if wanted == self.refused else ""

    async def route(self, namespace: str, name: str) -> Route | None:
        found = self.world.routes.get(name)
        if found is None:
            return None
        carried, accepted = self.carried.get(name, ""), self.world.accepts
        return replace(found, carried=carried, accepted=accepted, verdict=self.world.gateway_says)

    async def write(self, namespace: str, effect: SetWeights | WriteManagedRoute) -> None:
        world = self.world
        await world.answers()
        if world.api_down:
            raise TransientError("503")
        world.writing()
        old = world.routes.get(effect.route)
        if isinstance(effect, WriteManagedRoute) and effect.spec.hostnames == REFUSED:
            self.refused = effect.spec
            raise ConflictError("422")
        if isinstance(effect, WriteManagedRoute):
            rule = tuple(BackendWeight(b.name, b.port, w) for b, w in effect.backends)
            world.routes[effect.route] = Route(
                effect.route, (old.generation if old else 0) + 1, True, (rule,),
                tuple(p.dump() for p in effect.spec.parent_refs), tuple(effect.spec.hostnames),
            )  # fmt: skip
        else:
            if old is None or old.generation != effect.generation:
                raise ConflictError("the route changed")
            rules = [list(rule) for rule in old.rules]
            for change in effect.changes:
                at = rules[change.rule][change.backend]
                assert at.name == change.name
                rules[change.rule][change.backend] = replace(at, weight=change.weight)
            world.routes[effect.route] = replace(
                old, generation=old.generation + 1, rules=tuple(map(tuple, rules))
            )
        world.wrote("route")
        if isinstance(effect, SetWeights):
            self.carried[effect.route] = effect.intent


class MemoryMetrics:
    """Starts a collection when one is due and hands its answers to the next tick, as the real one."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.last: datetime | None = None
        self.running = False
        self.returned: Mapping[str, Answer] | None = None
        self.interval = timedelta()
        self.asked: list[Sequence[Question]] = []
        self.ahead: tuple[datetime, Sequence[Question]] | None = None
        self.foreseen: list[tuple[Sequence[Question], Sequence[Question]]] = []
        """What was to be asked at a time, and what was asked then."""
        self.source: MetricsSource | None = None
        self.asleep = True
        """Whether nothing is to be asked, so that nothing will wake the release."""

    def collect(
        self,
        key: Key,
        questions: Sequence[Question],
        now: datetime,
        interval: timedelta,
        source: MetricsSource | None = None,
    ) -> Mapping[str, Answer] | None:
        self.source, self.interval, self.asleep = source, interval, not questions
        if questions and self.returned is not None:
            returned, self.returned = self.returned, None
            return returned
        asked, self.running = self.running, False
        if asked and questions:
            return {q.key: self.world.answer(q, now) for q in questions}
        if questions and (self.last is None or not timedelta(0) <= now - self.last < interval):
            self.last, self.running = now, True
            self.asked.append(questions)
            if self.ahead is not None and self.ahead[0] == now:
                self.foreseen.append((self.ahead[1], questions))
            self.ahead = None
        return None

    def due(self, key: Key) -> datetime | None:
        return None if self.last is None or self.running else self.last + self.interval

    def foresee(self, key: Key, questions: Sequence[Question], due: datetime) -> None:
        self.ahead = due, questions

    def give_back(self, key: Key, answers: Mapping[str, Answer]) -> None:
        self.returned = answers

    def forget(self, key: Key) -> None:
        self.last = None

    def supports(self, preset: str, signal_type: str) -> str | None:
        return (
            None
            if preset in ("envoy", "model-server")
            else f"there is no preset {preset}: name another"
        )


class MemoryNotifier:
    """Events, of which the API server takes one of a name; what could not be told is owed."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.left = Owed()

    def owed(self, release: ReleaseObject) -> tuple[Announcement, ...] | None:
        return self.left.of(release.uid, release.resource_version, release.status)

    def doubt(
        self, release: ReleaseObject, status: ModelReleaseStatus, said: tuple[Announcement, ...]
    ) -> None:
        self.left.doubt(release.uid, release.resource_version, status, said)

    def settle(self, release: ReleaseObject) -> None:
        self.left.settle(release.uid, release.resource_version, release.status)

    async def announce(self, release: ReleaseObject, said: tuple[Announcement, ...]) -> None:
        world = self.world
        for count, each in enumerate(said):
            if each.about in world.named:
                continue
            await world.answers()
            self.left.owe(release.uid, said[count:])
            if world.events_down:
                raise TransientError("503")
            world.writing()
            world.named |= {each.about} - {""}
            world.events.append(each)
            world.witness.told(each)
            world.wrote("event")
        self.left.owe(release.uid, ())


class CrashError(Exception):
    """The operator was killed."""


def reading(found: Measure | Problem, newest: datetime) -> Reading:
    return Reading(problem=found) if isinstance(found, Problem) else Reading(found, newest)
