"""Arithmetic of route weights: what a percentage means in a rule, and what a rule says now."""

from dataclasses import dataclass

from surefoot.api.status import Backend
from surefoot.engine.world import BackendWeight, Route

FULL = 100


@dataclass(frozen=True, slots=True)
class WeightChange:
    """Set one backendRef's weight; `name` is tested before the write."""

    rule: int
    backend: int
    name: str
    weight: int


@dataclass(frozen=True, slots=True)
class SplitRule:
    """A rule that lists both arms: where they stand, and what they and the others weigh."""

    rule: int
    incumbent_at: int
    candidate_at: int
    incumbent: BackendWeight
    candidate: BackendWeight
    others: int

    @property
    def pool(self) -> int:
        """What the arms share: 100, or what they have beside other weighted backends."""
        return self.incumbent.weight + self.candidate.weight if self.others else FULL

    def planned(self, percent: int) -> tuple[int, int]:
        """(incumbent, candidate) weights for a percentage; the candidate's share rounds down."""
        candidate = self.pool * percent // FULL
        return self.pool - candidate, candidate

    @property
    def percent(self) -> float:
        """The candidate's share of what the two arms get now, in percent."""
        both = self.incumbent.weight + self.candidate.weight
        return FULL * self.candidate.weight / both if both else 0.0


def _find(rule: tuple[BackendWeight, ...], arm: Backend) -> int | None:
    return next((i for i, b in enumerate(rule) if (b.name, b.port) == (arm.name, arm.port)), None)


def split_rules(route: Route, incumbent: Backend, candidate: Backend) -> list[SplitRule]:
    """Every rule that lists both arms; rules with one arm are nobody's business."""
    found = []
    for index, rule in enumerate(route.rules):
        at_i, at_c = _find(rule, incumbent), _find(rule, candidate)
        if at_i is None or at_c is None:
            continue
        others = sum(b.weight for i, b in enumerate(rule) if i not in (at_i, at_c))
        found.append(SplitRule(index, at_i, at_c, rule[at_i], rule[at_c], others))
    return found


def lists(route: Route, arm: Backend) -> bool:
    """Whether any rule names this backend."""
    return any(_find(rule, arm) is not None for rule in route.rules)


def changes(rules: list[SplitRule], percent: int) -> tuple[WeightChange, ...]:
    """The writes that bring every rule to `percent`; empty when all of them are there."""
    wanted = []
    for split in rules:
        for at, backend, weight in zip(
            (split.incumbent_at, split.candidate_at),
            (split.incumbent, split.candidate),
            split.planned(percent),
            strict=True,
        ):
            if backend.weight != weight:
                wanted.append(WeightChange(split.rule, at, backend.name, weight))
    return tuple(wanted)


def observed_percent(rules: list[SplitRule]) -> int | None:
    """The candidate's largest share over the rules, rounded; None when no rule lists both arms."""
    return round(max(split.percent for split in rules)) if rules else None


def is_raised(rules: list[SplitRule], allowed: int) -> bool:
    """Some rule gives the candidate more than `allowed` percent."""
    return any(split.percent > allowed for split in rules)


def is_lowered(rules: list[SplitRule], written: int) -> bool:
    """Some rule gives the candidate less than what was written there as `written` percent."""
    return any(split.candidate.weight < split.planned(written)[1] for split in rules)


def too_coarse(rules: list[SplitRule], percent: int) -> SplitRule | None:
    """A rule whose arms have too small a sum beside other backends to carry `percent`."""
    return next((s for s in rules if percent > 0 and s.planned(percent)[1] == 0), None)


def share_of(route: Route, backend: Backend) -> int | None:
    """The smallest share, in percent, that a backend has in the rules that list it."""
    shares = []
    for rule in route.rules:
        at, total = _find(rule, backend), sum(b.weight for b in rule)
        if at is not None and total > 0:
            shares.append(round(FULL * rule[at].weight / total))
    return min(shares, default=None)
