"""The bench's Kayenta rule: against a plain calculation, and the numbers that it is given."""

import numpy as np
import pytest

from surefoot.stats.latency import quantile
from surefoot.stats.measures import Histogram
from tests.bench import judge_beside, judge_cells, judge_kayenta
from tests.bench import judge_traffic as traffic
from tests.bench.judge_cells import SUREFOOT, Cell, Scored
from tests.bench.judge_traffic import MINUTES, Scenario

NEVER = np.full((100, MINUTES), 0.0)


def plain_quotient(new: np.ndarray, old: np.ndarray) -> float:
    """The classifier on two samples as a textbook would write it."""

    def trimmed(values: np.ndarray) -> np.ndarray:
        low, high = np.percentile(values, [25, 75])
        return values[(values >= low - 3 * (high - low)) & (values <= high + 3 * (high - low))]

    new, old = trimmed(new), trimmed(old)
    gaps = np.sort(np.subtract.outer(new, old).ravel())
    spread = 2.3263478740408408 * (len(gaps) * (len(new) + len(old) + 1) / 12) ** 0.5
    return float(gaps[max(0, int(len(gaps) / 2 - spread))] / abs(np.median(gaps)))


def test_all_runs_at_once_are_as_one_by_one() -> None:
    rng = np.random.default_rng(5)
    arms = rng.normal(10, 1, (2, 8, MINUTES))
    arms[1] += rng.uniform(0, 1, (8, 1))
    arms[0, :, 7], arms[1, ::2, 3] = 99.0, np.nan
    score = judge_kayenta.mann_whitney(*arms)
    for run, (old, new) in enumerate(zip(*arms, strict=True)):
        seen, best = np.isfinite(new), -np.inf
        for end in range(10, MINUTES + 1, 10):
            best = max(best, plain_quotient(new[:end][seen[:end]], old[:end][seen[:end]]))
            assert score[run, end - 1] == pytest.approx(best)
            assert (score[run, end - 10 : end - 1] < score[run, end - 1] + 1e-12).all()


def test_a_side_is_the_mirror_of_the_other_and_either_is_both() -> None:
    rng = np.random.default_rng(6)
    old, new = rng.normal(0, 1, (2, 20, MINUTES))
    high, either = (judge_kayenta.mann_whitney(old, new, side) for side in ("high", "either"))
    low = judge_kayenta.mann_whitney(old, new, "low")
    assert np.allclose(low, judge_kayenta.mann_whitney(-old, -new, "high"))
    assert np.array_equal(either, np.maximum(high, low))
    assert (judge_kayenta.mann_whitney(old, old - 3, "low")[:, -1] > 0.25).all()


def test_too_few_minutes_or_equal_ones_are_no_verdict() -> None:
    level, few = np.ones((1, MINUTES)), np.full((1, MINUTES), np.nan)
    few[0, :3] = [1.0, 2.0, 3.0]
    assert (judge_kayenta.mann_whitney(level, level) == -np.inf).all()
    assert (judge_kayenta.mann_whitney(few, few + 9) == -np.inf).all()


def test_p99_is_the_operators() -> None:
    counts = np.random.default_rng(7).integers(0, 9, (30, len(traffic.LATENCY_EDGES) + 1))
    counts[:, -1] *= np.arange(30) % 2
    found = judge_kayenta.p99(counts.astype(float))
    told = [Histogram(traffic.LATENCY_EDGES, tuple(map(float, row))) for row in counts]
    assert found == pytest.approx([quantile(histogram, 0.99).value for histogram in told])
    assert np.isnan(judge_kayenta.p99(0.0 * counts)).all()


def test_a_psi_of_noise_alone_is_about_zero_at_any_size() -> None:
    rng, expected = np.random.default_rng(8), np.full(20, 0.05)
    for n in (200, 5000):
        counts = rng.multinomial(n, expected, 2000).astype(float)
        assert judge_kayenta.psi(counts, expected).mean() == pytest.approx(0, abs=1 / n)
    assert np.isnan(judge_kayenta.psi(np.zeros((1, 20)), expected)).all()


def test_gaps_in_both_directions_cancel_but_not_bin_by_bin() -> None:
    n = np.full((1, 10), 1e6)
    k = n * (traffic.bin_scores() + np.array([0.05, -0.05] * 5))
    assert judge_kayenta.gap((k, n)) == pytest.approx(0, abs=1e-12)
    assert judge_kayenta.gap_by_bin((k, n)) == pytest.approx(0.05, abs=0.001)
    assert judge_kayenta.gap((k + 0.02 * n, n)) == pytest.approx(0.02)


def test_noise_alone_is_no_gap_by_bin() -> None:
    rng, n = np.random.default_rng(9), np.full((4000, 10), 50.0)
    k = rng.binomial(50, traffic.bin_scores(), n.shape).astype(float)
    assert judge_kayenta.gap_by_bin((k, n)).mean() == pytest.approx(0, abs=0.003)


def test_the_fairness_ratio_is_of_the_named_pair_and_nan_without_its_groups() -> None:
    k, n = np.array([[30.0, 7.0], [30.0, 9.0], [0.0, 1.0]]), np.array([[100.0, 33.0]] * 3)
    found = judge_kayenta.impact((k, n))
    assert found[:2] == pytest.approx([7 / 33 / 0.3, 9 / 33 / 0.3])
    assert np.isnan(found[2])


def scored(name: str, ours: int | None, theirs: int | None) -> Scored:
    """A cell in which each rule reverts every run in that minute, or none."""
    cell = Cell(name, "latency", Scenario(seed=0))
    scores = {}
    for rule, minute in ((SUREFOOT, ours), ("p99", theirs)):
        scores[rule] = NEVER.copy()
        if minute:
            scores[rule][:, minute - 1 :] = 50.0
    return Scored(cell, 0, np.cumsum(1 + NEVER, axis=1), scores)


@pytest.mark.parametrize(
    ("ours", "theirs", "later"),
    [(12, 20, -8), (23, 20, 3), (60, None, -1), (None, 60, 1), (None, None, 0)],
)
def test_who_never_finds_it_is_later_than_the_hour(
    ours: int | None, theirs: int | None, later: float
) -> None:
    results = {"latency healthy 100": scored("healthy", None, None)}
    results["latency bad 100"] = scored("bad", ours, theirs)
    assert judge_beside.later(results, judge_beside.FAULTS[0], 100, 1.0) == later


def test_a_signals_cell_is_judged_by_both_on_the_same_stream() -> None:
    (cell,) = [c for c in judge_cells.cells() if c.key == "calibration bad 100"]
    scores = judge_cells.score(cell, 3).scores
    assert set(scores) == {SUREFOOT, "gap", "gap by bin"}
    assert (scores["gap"].max(axis=1) > judge_kayenta.TOLERANCE).all()
