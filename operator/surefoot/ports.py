"""What the reconciler needs of the world, as protocols, and the errors that belong to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from surefoot.api.metrics_source import MetricsSource
from surefoot.api.record import ReleaseRecordSpec
from surefoot.api.release_class import ReleaseClassSpec
from surefoot.api.spec import ManagedRoute, ModelReleaseSpec
from surefoot.api.status import ModelReleaseStatus
from surefoot.engine.effects import (
    Announcement,
    FinishAction,
    RecordEffect,
    SetWeights,
    WriteManagedRoute,
)
from surefoot.engine.questions import Answer, Question
from surefoot.engine.world import Action, Record, Rival, Route, Workload


class Key(NamedTuple):
    """The release that a tick is about."""

    namespace: str
    name: str


class PortError(Exception):
    """Something outside did not do what it was asked to."""


class TransientError(PortError):
    """May go through later: the network, a 429, a 5xx."""


class UnsentError(TransientError):
    """The same, and nothing was sent."""


class PermanentError(PortError):
    """Will not go through as it is: a 403, a 400 on a sound request."""


class ConflictError(PortError):
    """What was read is stale: read again and decide anew."""


@dataclass(frozen=True)
class ReleaseObject:
    """A ModelRelease as it was read, its status also as the JSON that it was read from. `gone`: it exists
    no more, only its last state is known."""

    key: Key
    uid: str
    generation: int
    created: datetime
    resource_version: str
    deleted: bool
    gone: bool
    spec: ModelReleaseSpec | None
    problem: str
    status: ModelReleaseStatus | None
    raw_status: bytes = b""


class Store(Protocol):
    """ModelReleases and ReleaseActions."""

    async def release(self, key: Key) -> ReleaseObject | None: ...

    async def is_orphan(self, record: ReleaseRecordSpec, namespace: str) -> bool:
        """Whether the API server has no ModelRelease of the record's name any more, and no other
        one has taken its route and backends in hand."""
        ...

    async def release_class(self, name: str) -> ReleaseClassSpec | str | None:
        """A ReleaseClass: its spec, a sentence when it is not valid, None when there is none."""
        ...

    async def save_status(self, release: ReleaseObject, status: ModelReleaseStatus) -> None:
        """Persist intent and evidence. Raises ConflictError when `release` is stale."""
        ...

    def put_off(self, release: ReleaseObject, status: ModelReleaseStatus, now: datetime) -> bool:
        """Keep in memory a status of which only numbers have moved, for the next tick and to be
        written later; False when there is room to write it now, or when it was put off for long."""
        ...

    def actions(self, key: Key) -> tuple[Action, ...]: ...

    def rivals(self, release: ReleaseObject) -> tuple[Rival, ...]: ...

    async def finish_action(self, namespace: str, effect: FinishAction, now: datetime) -> None: ...

    def forget(self, key: Key) -> None:
        """A deleted release has had its last tick."""
        ...


class Records(Protocol):
    """ReleaseRecords, by the name of their release."""

    def known(self, key: Key) -> tuple[Record, ...]:
        """As the watch has shown them; of sealed ones only that they are there."""
        ...

    async def all(self, key: Key) -> tuple[Record, ...]:
        """As the API server has them now, with all that they say."""
        ...

    async def write(self, namespace: str, effect: RecordEffect) -> None:
        """Open, seal or drop one; what is done already is done."""
        ...


class Workloads(Protocol):
    """Deployments, Services and ConfigMaps; None where there is none."""

    async def workload(self, namespace: str, name: str) -> Workload | None: ...

    async def config_value(self, namespace: str, name: str, key: str) -> str | None:
        """An entry of a ConfigMap, at most half a minute old; None where there is none."""
        ...

    async def service_ports(self, namespace: str, name: str) -> tuple[int, ...] | None: ...


class Traffic(Protocol):
    """Routes and their weights."""

    async def route(self, namespace: str, name: str) -> Route | None: ...

    def refusal(self, namespace: str, name: str, wanted: ManagedRoute) -> str:
        """What the API server said when this managed route was last written, if it refused it."""
        ...

    async def write(self, namespace: str, effect: SetWeights | WriteManagedRoute) -> None:
        """Carry out one absolute write. Raises ConflictError when the route was changed meanwhile."""
        ...


class Notifier(Protocol):
    """Tells people."""

    def owed(self, release: ReleaseObject) -> tuple[Announcement, ...] | None:
        """What could not be told yet; None when nothing was told of this release so far, as after
        a start. A doubt ends here, with what the release is read to be."""
        ...

    def doubt(
        self, release: ReleaseObject, status: ModelReleaseStatus, said: tuple[Announcement, ...]
    ) -> None:
        """A write failed, and may have been done all the same: `said` is owed once the release is
        read with that status."""
        ...

    def settle(self, release: ReleaseObject) -> None:
        """The status was written in place of what was read: no write before it was done."""
        ...

    async def announce(self, release: ReleaseObject, said: tuple[Announcement, ...]) -> None:
        """Tell all of it, in order; nothing twice that has the same `about`. Raises PortError at
        the first that fails: what has an `about` is owed from then on, with all that follows."""
        ...


class Metrics(Protocol):
    """Prometheus, asked without waiting: a slow answer must never delay a revert."""

    def collect(
        self,
        key: Key,
        questions: Sequence[Question],
        now: datetime,
        interval: timedelta,
        source: MetricsSource | None = None,
    ) -> Mapping[str, Answer] | None:
        """Answers by signal name when a collection has just finished, else None.

        Starts a collection when one is due (about `interval` after the last began, just after a
        scrape; between two scrapes the last answers are given again) and calls back the queue with `key` when it is done, and when the next one is due.
        Never raises: a failure is a `Problem` in the answers. `source` None is the operator's own.
        """
        ...

    def due(self, key: Key) -> datetime | None:
        """When a release is to be asked for next; None while it is, and where nothing is asked."""
        ...

    def foresee(self, key: Key, questions: Sequence[Question], due: datetime) -> None:
        """What to ask at `due`, so that no tick is needed for it: the next one has the answers. A tick
        until then that asks something else still asks that."""
        ...

    def give_back(self, key: Key, answers: Mapping[str, Answer]) -> None:
        """Hand answers out once more: the tick that had them could not save what it decided."""
        ...

    def forget(self, key: Key) -> None:
        """Drop what is known of a release, its running collection included."""
        ...

    def supports(self, preset: str, signal_type: str) -> str | None:
        """None when the preset can measure that type, else a sentence that says what can."""
        ...


@dataclass(frozen=True)
class Ports:
    """Everything outside, in one hand."""

    store: Store
    workloads: Workloads
    traffic: Traffic
    metrics: Metrics
    notifier: Notifier
    records: Records
