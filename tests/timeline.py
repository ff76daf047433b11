"""What was written about one release, by whom, in the order of the writes; and what is known from it."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

Json = dict[str, Any]
OPERATOR = "surefoot"
ENDED = ("Reverted", "Superseded")


class Ref(NamedTuple):
    """A backendRef of a route's rule; an omitted weight has been read as 1."""

    name: str
    port: int
    weight: int


Rules = tuple[tuple[Ref, ...], ...]


@dataclass(frozen=True)
class Seen:
    """One write. `by` is the field manager, `replica` the process, where that is known."""

    by: str
    replica: str = field(default="", kw_only=True)


@dataclass(frozen=True)
class Saved(Seen):
    """A ModelRelease was stored. `meta` is what else it carries: labels, annotations, finalizers."""

    spec: Json
    status: Json
    meta: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Gone(Seen):
    """The ModelRelease was deleted."""


@dataclass(frozen=True)
class Routed(Seen):
    """A route was stored (or deleted: no rules). `rest` is all of it but names, ports and weights of backends."""

    name: str
    rules: Rules
    managed: bool = False
    rest: Any = None


@dataclass(frozen=True)
class Told(Seen):
    """An Event."""

    reason: str
    note: str


@dataclass(frozen=True)
class Asked(Seen):
    """A ReleaseAction was made."""

    uid: str
    type: str


@dataclass(frozen=True)
class Touched(Seen):
    """Anything else was written: a Deployment, a Service, a Namespace."""

    what: str


@dataclass(frozen=True)
class Led(Seen):
    """From here on `by` alone may write: it holds the lease, or is the only one that was started."""


class Split(NamedTuple):
    """What a rule that lists both arms gives to each, and to others."""

    incumbent: int
    candidate: int
    others: tuple[Ref, ...]

    @property
    def both(self) -> int:
        return self.incumbent + self.candidate

    @property
    def percent(self) -> float:
        return 100 * self.candidate / self.both if self.both else 0.0


def _arm(body: Json | None) -> tuple[str, int] | None:
    backend = (body or {}).get("backend")
    return (backend["name"], backend["port"]) if backend else None


def flying(status: Json) -> bool:
    """Whether a release is in flight."""
    release = status.get("release")
    return release is not None and release.get("outcome") is None


def identity(status: Json) -> tuple[str, str] | None:
    """Which release the status is about; an id alone holds the beginning of a digest only."""
    release = status.get("release")
    return (release["id"], release["fingerprint"]) if release else None


def outcome(status: Json) -> str | None:
    return (status.get("release") or {}).get("outcome")


def intended(status: Json) -> int:
    """What the candidate shall have; nothing when there is none, or when it has become the incumbent."""
    if not status.get("release") or outcome(status) == "Promoted":
        return 0
    return int((status.get("traffic") or {}).get("intended", 0))


def splits(status: Json, rules: Rules) -> dict[int, Split]:
    """By place, the rules that list both arms of the release in flight or taken back."""
    mine, theirs = _arm(status.get("release")), _arm(status.get("incumbent"))
    if mine is None or theirs is None or mine == theirs or outcome(status) == "Promoted":
        return {}
    found = {}
    for place, rule in enumerate(rules):
        arms = {arm: [r for r in rule if (r.name, r.port) == arm] for arm in (mine, theirs)}
        if arms[mine] and arms[theirs]:
            others = tuple(r for r in rule if (r.name, r.port) not in arms)
            given = (sum(r.weight for r in arms[arm]) for arm in (theirs, mine))
            found[place] = Split(*given, others)
    return found


@dataclass
class Past:
    """All that was seen before the write that is looked at."""

    saved: Saved | None = None
    gone: bool = False
    routes: dict[str, Routed] = field(default_factory=dict)
    leader: str = ""
    decisions: list[Json] = field(default_factory=list)
    retries: int = 0
    started: dict[tuple[str, str] | None, int] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    owed: list[tuple[str, str]] = field(default_factory=list)
    ceilings: dict[tuple[str, int], float] = field(default_factory=dict)
    """What someone's lowering left, by route and rule; raised again before the operator held the
    release for it, nobody can know of it."""
    obeyed: dict[tuple[str, int], float] = field(default_factory=dict)

    @property
    def status(self) -> Json:
        return self.saved.status if self.saved is not None else {}

    def percent(self, route: str) -> float:
        """The largest share of the candidate in a route as it stands."""
        known = self.routes.get(route)
        found = splits(self.status, known.rules).values() if known else ()
        return max((split.percent for split in found), default=0.0)

    def add(self, seen: Seen) -> None:
        """Take a write in."""
        match seen:
            case Saved():
                self._saved(seen)
            case Gone():
                self.gone = True
                self._resumed()
            case Routed():
                self._lowered(seen)
                self.routes[seen.name] = seen
            case Told():
                self.told.append(seen)
            case Asked(type="Resume" | "Retry" as kind):
                self.retries += kind == "Retry"
                self._resumed()
            case Led():
                self.leader = seen.by

    def _saved(self, seen: Saved) -> None:
        before, after = self.status, seen.status
        if seen.by == OPERATOR:
            self.owed += owed(before, after)
            fresh = new_decisions(before, after)
            self.decisions += fresh
            if any(entry["reason"] == "WeightLowered" for entry in fresh):
                self.obeyed = dict(self.ceilings)
        if identity(before) != identity(after):
            self._resumed()
            self.started[identity(after)] = self.retries
        if not flying(after):
            self._resumed()
        self.saved, self.gone = seen, False

    def _resumed(self) -> None:
        """No lowering stands any more."""
        self.ceilings.clear()
        self.obeyed = {}

    def _lowered(self, seen: Routed) -> None:
        """What someone else leaves the candidate with is the most that it may have from then on, also
        once another one has raised it."""
        before = self.routes.get(seen.name)
        if seen.by == OPERATOR or before is None or not flying(self.status):
            return
        was, now = splits(self.status, before.rules), splits(self.status, seen.rules)
        for place, split in now.items():
            had = was[place].percent if place in was else 0.0
            if split.percent < had:
                self.ceilings[seen.name, place] = split.percent
            elif split.percent > had:
                self.ceilings.pop((seen.name, place), None)
                if (seen.name, place) in self.obeyed:
                    self.ceilings[seen.name, place] = self.obeyed[seen.name, place]


def new_decisions(before: Json, after: Json) -> list[Json]:
    """What was added to the account; the account is a ring."""
    known = before.get("decisions") or []
    return [entry for entry in after.get("decisions") or [] if entry not in known]


def owed(before: Json, after: Json) -> list[tuple[str, str]]:
    """Reason and note of every Event that a change of weight makes: one for each step that the
    route was seen to carry, and one for each other decision that moved the intent."""
    found = []
    old, new = before.get("step") or {}, after.get("step") or {}
    if new.get("verifiedAt") and not old.get("verifiedAt") and new.get("index", -1) >= 0:
        where = "bake" if new["index"] >= new["count"] else f"step {new['position']}"
        found.append(("StepReached", f"{where}: the route gives the candidate {new['weight']} %"))
    ended = outcome(after) is not None and outcome(before) != outcome(after)
    moved = intended(before) != intended(after)
    found += [
        (entry["reason"], entry["message"])
        for entry in new_decisions(before, after)
        if entry["rule"] != "Advance" and (moved or ended or entry["rule"] == "Repair")
    ]
    return found
