"""Arithmetic of route weights: what a percentage means in a rule, and what a rule says now."""

from collections.abc import Iterable
from dataclasses import dataclass

from surefoot.api.status import Backend, ModelReleaseStatus, Released
from surefoot.engine.world import BackendWeight, Route

FULL = 100
# What the Gateway API allows for one backendRef.
MOST_WEIGHT = 1_000_000


def intent_of(status: ModelReleaseStatus, percent: int) -> str:
    """A weight and the decision that it follows from: after a Resume the same weight is another intent."""
    decided = status.decisions[-1].time.isoformat() if status.decisions else ""
    return f"{percent} {decided}"


@dataclass(frozen=True, slots=True)
class WeightChange:
    """Set one backendRef's weight; `name` is tested before the write."""

    rule: int
    backend: int
    name: str
    weight: int


@dataclass(frozen=True, slots=True)
class SplitRule:
    """A rule that lists both arms: where each stands (the first place counts, repeats are to weigh
    nothing), and what the other backends weigh."""

    rule: int
    backends: tuple[BackendWeight, ...]
    incumbent_at: tuple[int, ...]
    candidate_at: tuple[int, ...]
    others: int

    def _weight(self, places: tuple[int, ...]) -> int:
        return sum(self.backends[place].weight for place in places)

    @property
    def candidate_weight(self) -> int:
        return self._weight(self.candidate_at)

    @property
    def both(self) -> int:
        """What the two arms weigh together now; 0 with nothing beside them is an outage."""
        return self._weight(self.incumbent_at) + self.candidate_weight

    @property
    def pool(self) -> int:
        """What the arms share: 100, or what they have beside other weighted backends."""
        return min(self.both, MOST_WEIGHT) if self.others else FULL

    @property
    def repeats(self) -> bool:
        """Whether an arm stands in the rule more than once."""
        return len(self.incumbent_at) + len(self.candidate_at) > 2

    def planned(self, percent: int) -> tuple[int, int]:
        """(incumbent, candidate) weights for a percentage; the candidate's share rounds down."""
        candidate = self.pool * percent // FULL
        return self.pool - candidate, candidate

    @property
    def percent(self) -> float:
        """The candidate's share of what the two arms get now, in percent."""
        return FULL * self.candidate_weight / self.both if self.both else 0.0

    def changes(self, percent: int) -> list[WeightChange]:
        """The writes that bring this rule to `percent`."""
        wanted = dict.fromkeys((*self.incumbent_at, *self.candidate_at), 0)
        wanted[self.incumbent_at[0]], wanted[self.candidate_at[0]] = self.planned(percent)
        return [
            WeightChange(self.rule, at, self.backends[at].name, weight)
            for at, weight in wanted.items()
            if self.backends[at].weight != weight
        ]


def _places(rule: tuple[BackendWeight, ...], arm: Backend) -> tuple[int, ...]:
    return tuple(i for i, b in enumerate(rule) if (b.name, b.port) == (arm.name, arm.port))


def _named(rule: tuple[BackendWeight, ...], arm: Backend) -> tuple[int, ...]:
    return tuple(i for i, b in enumerate(rule) if b.name == arm.name)


def split_rules(route: Route, incumbent: Backend, candidate: Backend) -> list[SplitRule]:
    """Every rule that lists both arms; rules with one arm are nobody's business."""
    places = ((_places(rule, incumbent), _places(rule, candidate)) for rule in route.rules)
    return _splits(route, places)


def kept_rules(route: Route, incumbent: Backend, candidate: Backend) -> list[SplitRule]:
    """Every rule that lists both arms of a release that has begun, also where someone has changed a
    port since: its traffic is still the arm's, and has to be taken back."""
    exact = split_rules(route, incumbent, candidate)
    if incumbent.name == candidate.name:
        return exact
    places = []
    for rule in route.rules:
        at_i, at_c = _places(rule, incumbent), _places(rule, candidate)
        if at_i or at_c or not exact:
            at_i, at_c = at_i or _named(rule, incumbent), at_c or _named(rule, candidate)
        places.append((at_i, at_c))
    return _splits(route, places)


def _splits(
    route: Route, places: Iterable[tuple[tuple[int, ...], tuple[int, ...]]]
) -> list[SplitRule]:
    found = []
    for index, (rule, (at_i, at_c)) in enumerate(zip(route.rules, places, strict=True)):
        if at_i and at_c:
            others = sum(b.weight for i, b in enumerate(rule) if i not in (*at_i, *at_c))
            found.append(SplitRule(index, rule, at_i, at_c, others))
    return found


def lone_rules(route: Route, incumbent: Backend, candidate: Backend) -> tuple[int, ...]:
    """Rules in which the candidate has weight and the incumbent is not: nothing can be taken back."""
    return tuple(
        index
        for index, rule in enumerate(route.rules)
        if any(rule[place].weight for place in _named(rule, candidate))
        and not _named(rule, incumbent)
    )


def lost_rules(route: Route, incumbent: Backend, release: Released) -> tuple[int, ...]:
    """Rules with the candidate alone, where there are more of them than when the release began."""
    found = lone_rules(route, incumbent, release.backend)
    return found if len(found) > release.lone_rules else ()


def lists(route: Route, arm: Backend) -> bool:
    """Whether any rule names this backend."""
    return any(_places(rule, arm) for rule in route.rules)


def names(route: Route, arm: Backend) -> bool:
    """Whether any rule names this backend's Service, at whichever port."""
    return any(_named(rule, arm) for rule in route.rules)


def changes(rules: list[SplitRule], percent: int) -> tuple[WeightChange, ...]:
    """The writes that bring every rule to `percent`; empty when all of them are there."""
    return tuple(change for split in rules for change in split.changes(percent))


def emptied(rules: list[SplitRule]) -> list[SplitRule]:
    """Rules whose every backend weighs nothing: nobody is served."""
    return [split for split in rules if split.both == 0 and split.others == 0]


def observed_percent(rules: list[SplitRule]) -> int | None:
    """The candidate's largest share over the rules, rounded; None when no rule lists both arms."""
    return round(max(split.percent for split in rules)) if rules else None


def is_raised(rules: list[SplitRule], allowed: int) -> bool:
    """Some rule gives the candidate more than `allowed` percent."""
    return any(split.percent > allowed for split in rules)


def is_lowered(rules: list[SplitRule], written: int) -> bool:
    """Some rule gives the candidate less than what was written there as `written` percent."""
    return any(split.candidate_weight < split.planned(written)[1] for split in rules)


def whole_percents(rules: list[SplitRule]) -> list[int]:
    """What each rule gives the candidate, rounded down."""
    return [int(split.percent) for split in rules]


def left_by_hand(status: ModelReleaseStatus, rules: list[SplitRule]) -> list[int]:
    """What each rule was left with by someone who lowered it: the most until a Resume. Empty without."""
    left = status.hold.left if status.hold is not None else []
    if not left or len(left) == len(rules):
        return left
    # Rules came or went: nobody knows which is which.
    return [min(left)] * len(rules)


def back_to(rules: list[SplitRule], left: list[int], percent: int) -> tuple[WeightChange, ...]:
    """The writes that take away what was given since a lowering; what is lower still stays so."""
    return tuple(
        change
        for split, most, now in zip(rules, left, whole_percents(rules), strict=True)
        if now > most or not split.both
        for change in split.changes(min(most, percent, now))
    )


def too_coarse(rules: list[SplitRule], percent: int) -> SplitRule | None:
    """A rule whose arms have too small a sum beside other backends to carry `percent`."""
    return next((s for s in rules if percent > 0 and s.planned(percent)[1] == 0), None)


def share_of(route: Route, backend: Backend) -> int | None:
    """The smallest share, in percent, that a backend has in the rules that list it."""
    shares = []
    for rule in route.rules:
        places, total = _places(rule, backend), sum(b.weight for b in rule)
        if places:
            mine = sum(rule[place].weight for place in places)
            shares.append(round(FULL * mine / total) if total else 0)
    return min(shares, default=None)
