"""The interval of the difference: its formula against quadrature, its state, and its coverage while looked at."""

import json
from math import inf, log, nan, pi, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from surefoot.stats import confidence
from surefoot.stats.confidence import Sums
from surefoot.stats.evidence import Interval
from surefoot.stats.measures import Counts

STEPS = ((0.01, 30), (0.05, 30), (0.1, 30), (0.25, 30), (0.5, 30))


def interval(old, new, end=60.0):
    return Interval(end, 0, Counts(*old), Counts(*new))


def seen(intervals, relative=True, exposure=10.0):
    """The sums after all; the first interval sets the scale."""
    first, *rest = intervals
    sums = confidence.begin(first, exposure)
    assert sums is not None
    for each in rest:
        sums = confidence.advance(sums, each, relative=relative)
    return sums


counts = st.tuples(st.integers(0, 500), st.integers(500, 5000)).map(lambda c: tuple(map(float, c)))
pairs = st.lists(st.tuples(counts, counts), min_size=2, max_size=30)


@given(pairs, st.booleans())
def test_the_estimate_lies_between_its_bounds_and_a_restart_changes_nothing(arms, relative):
    sums = seen([interval(old, new) for old, new in arms], relative)
    read = Sums.from_floats(json.loads(json.dumps(sums.to_floats())))
    assert read == sums
    assert len(json.dumps(sums.to_floats())) <= 140
    found = confidence.bounds(sums, relative=relative)
    if found is None:
        assert sums.w <= 0
        return
    assert found.low is None or found.low <= found.estimate
    assert found.high is None or found.estimate <= found.high


@given(pairs)
def test_the_order_of_the_intervals_does_not_matter(arms):
    first, *rest = [interval(old, new) for old, new in arms]
    there, back = seen([first, *rest]), seen([first, *reversed(rest)])
    assert there.to_floats() == pytest.approx(back.to_floats(), rel=1e-6)


@given(pairs)
def test_with_the_arms_exchanged_the_difference_changes_its_sign(arms):
    sums = seen([interval(old, new) for old, new in arms], relative=False)
    other = seen([interval(new, old) for old, new in arms], relative=False)
    one = confidence.bounds(sums, relative=False)
    two = confidence.bounds(other, relative=False)
    assert one is not None
    assert two is not None
    assert one.estimate == pytest.approx(-two.estimate, abs=1e-6)
    assert (one.low is None) == (two.high is None)
    if one.low is not None and two.high is not None:
        assert one.low == pytest.approx(-two.high, rel=1e-4, abs=1e-6)


def test_the_boundary_is_where_the_mixture_of_all_sizes_reaches_1_over_alpha():
    """∫ exp(λS − λ²V/2) dN(λ; 0, 1/η) by quadrature, at S on the boundary."""
    eta, variance = 40.0, 300.0
    edge = sqrt((variance + eta) * (log((variance + eta) / eta) + 2 * log(20)))

    def mixed(size):
        normal = sqrt(eta / (2 * pi)) * np.exp(-eta * size * size / 2)
        return np.exp(size * edge - size * size * variance / 2) * normal

    value, _ = quad(mixed, -3, 3, limit=500)
    assert value == pytest.approx(20.0, rel=1e-6)
    sums = Sums(eta, u=edge, w=1.0, uu=variance, uw=0.0, ww=0.0, model=0.0)
    assert confidence._excluded(sums, 0.0, 1.0, False)
    assert not confidence._excluded(sums, 1e-6 * edge, 1.0, False)


def test_a_worked_example():
    """Forty minutes of 5,400 and 600 requests with 1 % and 2 % errors: Mantel and Haenszel's ratio."""
    sums = seen([interval((54.0, 5400.0), (12.0, 600.0))] * 41)
    assert sums.u == pytest.approx(40 * 12 * 5400 / 6000)
    assert sums.w == pytest.approx(40 * 54 * 600 / 6000)
    found = confidence.bounds(sums, relative=True)
    assert found is not None
    assert found.estimate == pytest.approx(2.0)
    assert found.low is not None
    assert 1.5 < found.low < 2.0
    difference = confidence.bounds(
        seen([interval((54.0, 5400.0), (12.0, 600.0))] * 41, relative=False), relative=False
    )
    assert difference is not None
    assert difference.estimate == pytest.approx(0.01)


@pytest.mark.parametrize(
    "broken",
    [
        Interval(60.0, 0, None, Counts(1, 10)),
        Interval(60.0, 0, Counts(1, 10), None),
        interval((0.0, 0.0), (1.0, 10.0)),
        interval((1.0, 10.0), (0.0, 0.0)),
        interval((nan, 10.0), (1.0, 10.0)),
        interval((1.0, 10.0), (inf, 10.0)),
        interval((-1.0, 10.0), (1.0, 10.0)),
    ],
)
def test_an_interval_without_sound_requests_of_both_arms_changes_nothing(broken):
    assert confidence.begin(broken, 10.0) is None
    sums = seen([interval((5.0, 500.0), (5.0, 500.0))] * 3)
    assert confidence.advance(sums, broken, relative=True) == sums


@pytest.mark.parametrize(
    "floats", [[], [1.0] * 6, [1.0] * 8, [0.0] + [1.0] * 6, [1.0] * 6 + [nan], [1.0] * 6 + [-1.0]]
)
def test_what_cannot_have_been_stored_is_refused(floats):
    with pytest.raises(ValueError, match="store"):
        Sums.from_floats(floats)


def test_nothing_seen_has_no_bounds():
    sums = confidence.begin(interval((0.0, 500.0), (0.0, 500.0)), 10.0)
    assert sums is not None
    assert confidence.bounds(sums, relative=True) is None


def test_little_traffic_excludes_little():
    found = confidence.bounds(seen([interval((1.0, 30.0), (1.0, 30.0))] * 3), relative=True)
    assert found is not None
    assert found.low == 0.0
    assert found.high is None


def test_a_ratio_of_counters_above_1_is_no_proportion():
    sums = seen([interval((5000.0, 500.0), (5000.0, 500.0))] * 20)
    found = confidence.bounds(sums, relative=True)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low < 1.0 < found.high


def test_what_is_still_needed_falls_as_traffic_grows():
    few = seen([interval((54.0, 5400.0), (5.0, 600.0))] * 20)
    many = seen([interval((54.0, 5400.0), (5.0, 600.0))] * 60)
    first = confidence.needed(few, 1.0, relative=True)
    second = confidence.needed(many, 1.0, relative=True)
    assert first is not None
    assert second is not None
    assert 20 * first == pytest.approx(60 * second, rel=0.3)
    found = confidence.bounds(few, relative=True)
    assert found is not None
    assert confidence.needed(few, found.estimate, relative=True) is None
    assert confidence.needed(few, 50.0, relative=True) == 1.0


def missed(seed, rate, ratio, dispersion, per_minute, runs=150, steps=STEPS):
    """In which share of runs the true ratio was ever excluded, looked at after every minute."""
    rng = np.random.default_rng(seed)
    exposure = sum(weight * (1 - weight) * minutes for weight, minutes in steps)
    lost = 0
    for _ in range(runs):
        sums, out = None, False
        for minute, weight in enumerate(w for w, minutes in steps for _ in range(minutes)):
            total = rng.poisson(per_minute * rng.uniform(0.5, 1.5))
            new = rng.binomial(total, weight)
            shared = rate * np.exp(0.3 * np.sin(minute / 20))
            arms = [
                (float(clumped(rng, n * p, dispersion)), float(n))
                for n, p in ((total - new, shared), (new, shared * ratio))
            ]
            made = interval(*arms)
            if sums is None:
                sums = confidence.begin(made, exposure)
                continue
            sums = confidence.advance(sums, made, relative=True)
            out = out or confidence._excluded(sums, ratio, 1.0, True)
        lost += out
    return lost / runs


@pytest.mark.simulation
@pytest.mark.parametrize(("dispersion", "most", "least"), [(2.0, 0.05, 0.0), (0.0, 1.0, 0.1)])
def test_rare_errors_need_more_than_the_sum_of_squares(monkeypatch, dispersion, most, least):
    """At 1 % for hours a candidate expects 0.06 errors a minute: a lucky one has hardly any squares."""
    monkeypatch.setattr(confidence, "DISPERSION", dispersion)
    found = missed(7, 0.001, 1.0, 1.0, 6000, steps=((0.01, 150),))
    assert least <= found <= most


def clumped(rng, mean, dispersion):
    """A count with `dispersion` times Poisson's variance."""
    if dispersion <= 1 or mean <= 0:
        return rng.poisson(mean)
    return rng.poisson(rng.gamma(mean / (dispersion - 1), dispersion - 1))


@pytest.mark.simulation
@pytest.mark.parametrize(
    ("rate", "ratio", "dispersion", "per_minute"),
    [(0.005, 1.0, 1.0, 6000), (0.001, 1.0, 1.0, 1200), (0.005, 0.8, 2.0, 1200), (0.02, 2.0, 2.0, 6000)],
)  # fmt: skip
def test_the_truth_is_covered_at_all_looks_together(rate, ratio, dispersion, per_minute):
    """95 % are promised; with 150 runs and 3 % or less to be expected, 5 % are not exceeded."""
    assert missed(7, rate, ratio, dispersion, per_minute) <= 0.05


def test_a_fixed_interval_looked_at_as_often_would_not_cover():
    """The comparison that makes the price worth while: 1.96 standard errors at every look."""
    rng = np.random.default_rng(3)
    lost = 0
    for _ in range(200):
        steps = rng.normal(size=150).cumsum()
        lost += bool(np.any(np.abs(steps) > 1.96 * np.sqrt(np.arange(1, 151))))
    assert lost / 200 > 0.3


@settings(deadline=None)
@given(st.floats(0.5, 2.0), st.integers(20, 80))
def test_bounds_close_in_as_more_is_seen(ratio, minutes):
    made = interval((54.0, 5400.0), (round(60 * ratio), 5400.0))
    some = confidence.bounds(seen([made] * minutes), relative=True)
    more = confidence.bounds(seen([made] * (2 * minutes)), relative=True)
    assert some is not None
    assert more is not None
    assert more.low is not None
    assert some.low is None or more.low >= some.low
    assert some.high is None or (more.high is not None and more.high <= some.high)
