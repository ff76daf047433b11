"""How much better: an interval for the difference between the arms that may be looked at always.

θ is the ratio of the arms' rates (`relative`) or their difference, candidate against incumbent. Per
interval, x(θ) = u − θ·w has a mean of 0 at the true θ: Mantel and Haenszel's weighting (1959), in
which an interval counts by n0·n1/N whatever the weight step. With S = Σ x and a V that is at
least the variance, exp(λS − λ²V/2) is a supermartingale for every λ; mixed over a normal λ it
bounds |S| at all times at once (H. Robbins, 1970). All that is needed are seven sums.
docs/statistics.md has the proof.
"""

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from math import isfinite, log, sqrt

from surefoot.stats.evidence import Interval
from surefoot.stats.measures import Counts

CONFIDENCE = 0.95
DISPERSION = 2.0
"""φ: how much more than Poisson's the variance of a count may be before only the sum of squares
tells it."""
TIGHTEST = 7.94
"""The mixture is tightest where V = 7.94·prior: 2·ln(1/α) + ln(1 + 2·ln(1/α)) at α = 0.05."""
_DIGITS = 9
_DOUBLINGS = 6
_BISECTIONS = 60
_FURTHEST = 4096.0
# One tick asks for the same twice, and most ticks have nothing new.
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Sums:
    """All that has been seen: `prior` (η), then Σ u, Σ w, Σ u², Σ u·w, Σ w² and `model`, the sum of
    the variances that Poisson's counts would have (at θ = 1)."""

    prior: float
    u: float = 0.0
    w: float = 0.0
    uu: float = 0.0
    uw: float = 0.0
    ww: float = 0.0
    model: float = 0.0

    def to_floats(self) -> list[float]:
        """Seven numbers of nine significant digits: about 85 bytes as JSON, at most 130."""
        return [float(f"{number:.{_DIGITS}g}") for number in astuple(self)]

    @classmethod
    def from_floats(cls, floats: Sequence[float]) -> "Sums":
        """The sums that were stored. Raises ValueError for what cannot have been."""
        if len(floats) != 7 or not all(map(isfinite, floats)):
            raise ValueError("seven finite numbers are stored")
        found = cls(*floats)
        if found.prior <= 0 or min(found.uu, found.ww, found.model) < 0:
            raise ValueError("stored sums of squares are not negative")
        return found


@dataclass(frozen=True, slots=True)
class Bounds:
    """θ as estimated, and between what; None where nothing is excluded on that side."""

    estimate: float
    low: float | None
    high: float | None


def begin(first: Interval[Counts], exposure: float) -> Sums | None:
    """The sums before the first interval that counts, from one that does not: it only sets the scale.

    `exposure` is Σ weight·(1 − weight) over all planned intervals (weights as fractions). A wrong
    scale costs width, never validity. None without requests of both arms.
    """
    arms = _arms(first)
    if arms is None:
        return None
    old, new = arms
    total = old.total + new.total
    rate = (old.bad + new.bad + 0.5) / total
    planned = rate * _free(rate) * total * max(exposure, 0.01)
    prior = (1.0 + 2.0 * DISPERSION) / 3.0 * planned / TIGHTEST
    return Sums(float(f"{prior:.{_DIGITS}g}"))


def advance(sums: Sums, interval: Interval[Counts], *, relative: bool) -> Sums:
    """The sums after one more interval; unchanged where an arm has no requests."""
    arms = _arms(interval)
    if arms is None:
        return sums
    old, new = arms
    total = old.total + new.total
    mine, theirs = new.bad * old.total / total, old.bad * new.total / total
    both = old.total * new.total / total
    u, w = (mine, theirs) if relative else (mine - theirs, both)
    count = old.bad + new.bad
    model = count * _free(count / total) * both / total
    found = Sums(
        sums.prior,
        sums.u + u,
        sums.w + w,
        sums.uu + u * u,
        sums.uw + u * w,
        sums.ww + w * w,
        sums.model + model,
    )
    return Sums.from_floats(found.to_floats())


@lru_cache(_REMEMBERED)
def bounds(sums: Sums, *, relative: bool) -> Bounds | None:
    """Between what θ lies, at 95 % for all times at once; None where nothing was counted."""
    if sums.w <= 0:
        return None
    centre = sums.u / sums.w
    unit = sqrt(_variance(sums, centre, relative) + sums.prior) / sums.w

    def excluded(theta: float) -> bool:
        return _excluded(sums, theta, 1.0, relative)

    low = _outermost(excluded, centre, -unit)
    if relative:
        low = max(low or 0.0, 0.0)
    return Bounds(centre, low, _outermost(excluded, centre, unit))


@lru_cache(_REMEMBERED)
def needed(sums: Sums, theta: float, *, relative: bool) -> float | None:
    """How many times as much traffic excludes `theta` if all goes on as it did; None if hardly any."""
    if _excluded(sums, theta, 1.0, relative):
        return 1.0
    high = 2.0
    while not _excluded(sums, theta, high, relative):
        high *= 2.0
        if high > _FURTHEST:
            return None
    low = high / 2.0
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if _excluded(sums, theta, middle, relative) else (middle, high)
    return high


def _arms(interval: Interval[Counts]) -> tuple[Counts, Counts] | None:
    old, new = interval.incumbent, interval.candidate
    if old is None or new is None or old.total <= 0 or new.total <= 0:
        return None
    numbers = (old.bad, old.total, new.bad, new.total)
    return (old, new) if all(map(isfinite, numbers)) and min(numbers) >= 0 else None


def _free(rate: float) -> float:
    """What is left of Poisson's variance in a proportion; a rate above 1 is none."""
    return 1.0 - rate if rate <= 1.0 else 1.0


def _variance(sums: Sums, theta: float, relative: bool) -> float:
    """V(θ): the sum of squares, or what skewed counts need beside it, whichever is more."""
    squares = max(sums.uu - 2.0 * theta * sums.uw + theta * theta * sums.ww, 0.0)
    model = sums.model * (max(theta, 0.0) if relative else 1.0)
    return max(squares, (squares + 2.0 * DISPERSION * model) / 3.0)


def _excluded(sums: Sums, theta: float, times: float, relative: bool) -> bool:
    """Whether θ is disproved, had everything been seen `times` times."""
    distance = times * (sums.u - theta * sums.w)
    spread = times * _variance(sums, theta, relative) + sums.prior
    risk = 2.0 * log(1.0 / (1.0 - CONFIDENCE))
    return distance * distance >= spread * (log(spread / sums.prior) + risk)


def _outermost(excluded: Callable[[float], bool], centre: float, unit: float) -> float | None:
    """The furthest θ on one side that is not excluded: looked for at doubling distances, so that a
    set with gaps counts as a whole; None where it goes on beyond 64 units."""
    grid = [centre, *(centre + unit * 2.0**power for power in range(_DOUBLINGS + 1))]
    last = max(index for index, theta in enumerate(grid) if index == 0 or not excluded(theta))
    if last == len(grid) - 1:
        return None
    inside, outside = grid[last], grid[last + 1]
    for _ in range(_BISECTIONS):
        middle = 0.5 * (inside + outside)
        inside, outside = (inside, middle) if excluded(middle) else (middle, outside)
    return outside
