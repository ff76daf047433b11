"""Simulated releases: what both arms count in each minute, with the disturbances of real traffic.

All draws come from one seeded generator per cell, so that every rule judges the same streams.
Arrays have the shape (runs, minutes) or (runs, minutes, bins).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Arms = tuple[Floats, Floats]
MINUTES, WARMUP = 60, 3
WEIGHTS = (1, 5, 10, 25, 50)
HOLDS, EQUAL_HOLDS = (6, 12, 12, 15, 15), (12, 12, 12, 12, 12)
BASE = 0.005
PODS = (10, 3)


@dataclass(frozen=True)
class Scenario:
    """What is true of a release. Ratios and shifts are the candidate's against the incumbent."""

    seed: int
    rps: float = 100.0
    ratio: float = 1.0
    candidate_blips: bool = False
    latency: float = 1.0
    psi: float = 0.0
    gap: float = 0.0
    shaped: bool = False
    impact: float = 1.0
    holds: tuple[int, ...] = HOLDS

    def healthy(self, seed: int) -> Scenario:
        """A release like this one with nothing wrong."""
        clean = replace(self, seed=seed, ratio=1.0, latency=1.0, psi=0.0)
        return replace(clean, gap=0.0, shaped=False, impact=1.0)


@dataclass(frozen=True)
class Stream:
    """Requests of both arms per minute, and which minutes were scraped. Arm 0 is the incumbent."""

    requests: tuple[Floats, Floats]
    scraped: tuple[NDArray[np.bool_], NDArray[np.bool_]]
    steps: tuple[int, ...]
    """The weight step of each minute."""
    disturbance: tuple[Floats, Floats]
    """By what the error rate of each arm is multiplied: blips, drift over the day, pods."""

    @property
    def exposed(self) -> Floats:
        """Candidate requests until the end of each minute."""
        return np.cumsum(self.requests[1], axis=1)

    @property
    def judged(self) -> NDArray[np.bool_]:
        """Minutes that a rule may look at: scraped in both arms, after the warm-up."""
        both = self.scraped[0] & self.scraped[1]
        both[:, :WARMUP] = False
        return both


def autoregressive(
    rng: np.random.Generator, shape: tuple[int, ...], keep: float, sd: float
) -> Floats:
    """A stationary AR(1) along axis 1 with standard deviation `sd`."""
    noise = rng.normal(0.0, sd * np.sqrt(1 - keep**2), shape)
    noise[:, 0] = rng.normal(0.0, sd, noise[:, 0].shape)
    for t in range(1, shape[1]):
        noise[:, t] += keep * noise[:, t - 1]
    return noise


def blips(
    rng: np.random.Generator, runs: int, every: float, length: float, factor: float
) -> Floats:
    """Multipliers: 1, or a lognormal factor around `factor` for a geometric number of minutes."""
    out = np.ones((runs, MINUTES))
    level = np.ones(runs)
    for t in range(MINUTES):
        ends = rng.random(runs) < 1 / length
        starts = rng.random(runs) < 1 / every
        level = np.where(ends, 1.0, level)
        fresh = np.maximum(1.0, factor * np.exp(rng.normal(0, 0.4, runs)))
        level = np.where(starts, fresh, level)
        out[:, t] = level
    return out


def draw(rng: np.random.Generator, scenario: Scenario, runs: int) -> Stream:
    """Requests with bursts, missing scrapes, and what disturbs the error rate."""
    shape = (runs, MINUTES)
    load = np.exp(autoregressive(rng, shape, 0.8, 0.15)) * np.where(rng.random(shape) < 0.02, 2, 1)
    total = rng.poisson(60 * scenario.rps * load)
    steps = tuple(step for step, hold in enumerate(scenario.holds) for _ in range(hold))
    new = rng.binomial(total, np.array(WEIGHTS)[list(steps)] / 100)
    both = rng.random(shape) < 0.98
    scraped = (both & (rng.random(shape) < 0.99), both & (rng.random(shape) < 0.99))
    shared = np.exp(autoregressive(rng, shape, 0.7, 0.25)) * blips(rng, runs, 60, 3, 4)
    arms = [shared * pods(rng, runs, count, 0.3) for count in PODS]
    arms[1] *= 1 + 2 * np.exp(-np.arange(MINUTES) / 1.5)
    if scenario.candidate_blips:
        arms[1] *= blips(rng, runs, 120, 2, 4)
    requests = ((total - new).astype(float), new.astype(float))
    return Stream(requests, scraped, steps, (arms[0], arms[1]))


def pods(rng: np.random.Generator, runs: int, count: int, sd: float) -> Floats:
    """The mean over pods of a multiplier that wanders per pod (AR(1), 0.6), with mean 1."""
    noise = autoregressive(rng, (runs, MINUTES, count), 0.6, sd)
    mean: Floats = np.exp(noise - 0.5 * sd**2).mean(axis=2)
    return mean


def errors(rng: np.random.Generator, stream: Stream, ratio: float) -> tuple[Floats, Floats]:
    """Errors per minute and arm; they come in clumps of 1.25 on average, as retries do."""
    found = []
    for requests, disturbance, times in zip(
        stream.requests, stream.disturbance, (1.0, ratio), strict=True
    ):
        clumps = rng.poisson(requests * np.minimum(BASE * times * disturbance, 0.5) / 1.25)
        more = rng.negative_binomial(np.maximum(clumps, 1), 0.8)
        found.append(np.minimum(clumps + np.where(clumps > 0, more, 0), requests).astype(float))
    return found[0], found[1]


def _normal_below(x: Floats) -> Floats:
    """Φ(x) (Abramowitz & Stegun 26.2.17, error below 1e-7)."""
    t = 1 / (1 + 0.2316419 * np.abs(x))
    series = t * (
        0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429)))
    )
    tail = np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi) * series
    return np.asarray(np.where(x < 0, tail, 1 - tail))


LATENCY_EDGES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_MEDIAN_S, _SPREAD = 0.08, 0.6


def latencies(rng: np.random.Generator, stream: Stream, times: float) -> tuple[Floats, Floats]:
    """Buckets of lognormal durations (median 80 ms, p99 0.32 s), slowed together and by pod."""
    runs = stream.requests[0].shape[0]
    shape = (runs, MINUTES)
    shared = autoregressive(rng, shape, 0.7, 0.05) + 0.3 * np.log(blips(rng, runs, 60, 3, 4))
    found = []
    for requests, count, factor in zip(stream.requests, PODS, (1.0, times), strict=True):
        noise = autoregressive(rng, shape, 0.6, 0.05 / np.sqrt(count))
        middle = np.log(_MEDIAN_S * factor) + shared + noise
        below = _normal_below((np.log(LATENCY_EDGES) - middle[..., None]) / _SPREAD)
        found.append(rng.multinomial(requests.astype(int), _shares(below)).astype(float))
    return found[0], found[1]


def _shares(below: Floats) -> Floats:
    """Bucket shares from a distribution function at the edges."""
    ones = np.ones((*below.shape[:-1], 1))
    shares = np.diff(np.concatenate([0 * ones, below, ones], axis=-1), axis=-1)
    return shares / shares.sum(axis=-1, keepdims=True)


SCORE_BINS, _SCORE_NOISE = 20, 0.02


def scores(rng: np.random.Generator, stream: Stream, psi: float) -> tuple[Floats, Floats]:
    """Buckets at the incumbent's score quantiles; the population moves for both arms alike.

    Each arm also wanders by itself. `psi` is the mean over minutes, with that wandering in it.
    """
    shape = stream.requests[0].shape
    edges = _quantiles(SCORE_BINS)
    shared = autoregressive(rng, shape, 0.9, 0.1)
    found = []
    shift = shift_for(max(0.0, psi - 2 * _SCORE_NOISE**2))
    for requests, moved in zip(stream.requests, (0.0, shift), strict=True):
        middle = shared + moved + autoregressive(rng, shape, 0.6, _SCORE_NOISE)
        below = _normal_below(edges - middle[..., None])
        found.append(rng.multinomial(requests.astype(int), _shares(below)).astype(float))
    return found[0], found[1]


def _quantiles(bins: int) -> Floats:
    grid = np.linspace(-5, 5, 200001)
    return np.interp(np.arange(1, bins) / bins, _normal_below(grid), grid)


def shift_for(psi: float) -> float:
    """The shift, in standard deviations, at which the binned scores have this PSI."""
    edges, shifts = _quantiles(SCORE_BINS), np.linspace(0, 2, 2001)
    p = _shares(_normal_below(edges - shifts[:, None]))
    q = 1 / SCORE_BINS
    values = ((p - q) * np.log(p / q)).sum(axis=1)
    return float(np.interp(psi, values, shifts))


LABELLED = 0.25
_SCORES = (np.arange(10) + 0.5) / 10
_MASS = np.array([20, 16, 13, 11, 9, 8, 7, 6, 5, 5]) / 100


def outcomes(
    rng: np.random.Generator, stream: Stream, gap: float, shaped: bool
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """(positives, scores) per arm and score bin; labels come for a quarter of the requests.

    Both arms wander alike by 0.02; the candidate's outcomes lie `gap` above its scores, or, if
    `shaped`, above in the lower half of the mass and below in the upper one.
    """
    shape = stream.requests[0].shape
    shared = autoregressive(rng, shape, 0.9, 0.02)[..., None]
    sign = np.where(np.cumsum(_MASS) <= 0.5, 1.0, -1.0) if shaped else 1.0
    found = []
    for requests, off in zip(stream.requests, (0.0, gap), strict=True):
        labels = rng.binomial(requests.astype(int), LABELLED)
        n = rng.multinomial(labels, np.broadcast_to(_MASS, (*shape, 10)))
        noise = autoregressive(rng, shape, 0.6, 0.003)[..., None]
        chance = np.clip(_SCORES + shared + noise + off * sign, 0.0, 1.0)
        found.append((rng.binomial(n, chance).astype(float), n.astype(float)))
    return found[0], found[1]


def bin_scores() -> Floats:
    """The mean score of each bin of `outcomes`."""
    return _SCORES


GROUP_SHARES = (0.7, 0.3)
_SELECTED = 0.3


def selections(
    rng: np.random.Generator, stream: Stream, impact: float
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """(selected, requests) per arm and group; the candidate selects the smaller group less often."""
    shape = stream.requests[0].shape
    shared = np.exp(autoregressive(rng, shape, 0.8, 0.1))[..., None]
    found = []
    for requests, times in zip(stream.requests, (1.0, impact), strict=True):
        large = rng.binomial(requests.astype(int), GROUP_SHARES[0])
        n = np.stack([large, requests.astype(int) - large], axis=-1)
        noise = np.exp(autoregressive(rng, (*shape, 2), 0.6, 0.02))
        chance = np.clip(_SELECTED * np.array([1.0, times]) * shared * noise, 0, 1)
        found.append((rng.binomial(n, chance).astype(float), n.astype(float)))
    return found[0], found[1]
