"""What a decision wants done, as data: absolute, idempotent writes, and what is told to people."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from surefoot.api.actions import ActionPhase
from surefoot.api.spec import ManagedRoute
from surefoot.api.status import Backend, ModelReleaseStatus
from surefoot.api.vocabulary import Reason, Rule
from surefoot.engine.weights import WeightChange


@dataclass(frozen=True, slots=True)
class SetWeights:
    """Change weights of an HTTPRoute that still is at `generation`."""

    route: str
    generation: int
    changes: tuple[WeightChange, ...]


@dataclass(frozen=True, slots=True)
class WriteManagedRoute:
    """Create the release's own HTTPRoute, or (with a generation) bring its spec to this."""

    route: str
    spec: ManagedRoute
    backends: tuple[tuple[Backend, int], ...]
    generation: int | None


@dataclass(frozen=True, slots=True)
class FinishAction:
    """Say on a ReleaseAction what became of it."""

    name: str
    phase: ActionPhase
    message: str


Effect = SetWeights | WriteManagedRoute | FinishAction


@dataclass(frozen=True, slots=True)
class Announcement:
    """One Event: its own reason at each transition. What has the same `about` is told once."""

    reason: Reason
    message: str
    warning: bool = False
    about: str = ""


@dataclass(frozen=True)
class Decision:
    """What a tick comes to. `save` is false when nothing that matters changed in the status."""

    rule: Rule
    reason: Reason
    status: ModelReleaseStatus
    save: bool
    effects: tuple[Effect, ...]
    announcements: tuple[Announcement, ...]
    requeue: timedelta
    verdicts: Mapping[str, str]
