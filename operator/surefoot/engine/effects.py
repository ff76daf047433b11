"""What a decision wants done, as data: absolute, idempotent writes, and what is told to people."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from surefoot.api.actions import ActionPhase
from surefoot.api.record import RecordEnd, ReleaseRecordSpec
from surefoot.api.spec import ManagedRoute
from surefoot.api.status import Backend, ModelReleaseStatus
from surefoot.api.vocabulary import Reason, Rule
from surefoot.engine.weights import WeightChange


@dataclass(frozen=True, slots=True)
class SetWeights:
    """Change weights of an HTTPRoute that still is at `generation`; `intent` says which intent it is."""

    route: str
    generation: int
    changes: tuple[WeightChange, ...]
    intent: str = ""


@dataclass(frozen=True, slots=True)
class WriteManagedRoute:
    """Create the release's own HTTPRoute, or (with a generation) bring its spec to this."""

    route: str
    spec: ManagedRoute
    backends: tuple[tuple[Backend, int], ...]
    generation: int | None


@dataclass(frozen=True, slots=True)
class FinishAction:
    """Say on a ReleaseAction what became of it; on no other one of its name."""

    name: str
    uid: str
    phase: ActionPhase
    message: str


@dataclass(frozen=True, slots=True)
class OpenRecord:
    """Create the record of a release that has begun."""

    name: str
    spec: ReleaseRecordSpec


@dataclass(frozen=True, slots=True)
class SealRecord:
    """Write into an open record how its release ended."""

    name: str
    end: RecordEnd


@dataclass(frozen=True, slots=True)
class DropRecord:
    """Delete a sealed record: newer ones are kept."""

    name: str


RecordEffect = OpenRecord | SealRecord | DropRecord
Effect = SetWeights | WriteManagedRoute | FinishAction | RecordEffect


@dataclass(frozen=True, slots=True)
class Announcement:
    """One Event: its own reason at each transition. What has the same `about` is told once."""

    reason: Reason
    message: str
    warning: bool = False
    about: str = ""


@dataclass(frozen=True)
class Decision:
    """What a tick comes to. `save`: the status has to be written before anything else is done; without
    it `moved` says that numbers in it have changed, which may be written later.

    `urgent`: the next tick is for a rule, at `requeue`, and not for what Prometheus answers until then.
    `owed`: a deleted release whose traffic could not be taken back yet; its record stays open.
    """

    rule: Rule
    reason: Reason
    status: ModelReleaseStatus
    save: bool
    moved: bool
    effects: tuple[Effect, ...]
    announcements: tuple[Announcement, ...]
    requeue: timedelta
    verdicts: Mapping[str, str]
    owed: bool = False
    urgent: bool = False
