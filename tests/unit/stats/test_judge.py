"""The bench that compares judging rules: its rules by hand, and that its streams are what they say."""

import numpy as np
import pytest

from surefoot.stats.drift import population_stability_index
from surefoot.stats.measures import Histogram
from tests.bench import judge_cells, judge_measure, judge_peers, judge_surefoot
from tests.bench import judge_traffic as traffic
from tests.bench.judge_table import Required
from tests.bench.judge_traffic import MINUTES, Scenario, Stream

QUIET = np.ones((1, MINUTES))


def stream(n0: float = 9000, n1: float = 1000) -> Stream:
    """One release of equal minutes, all of them scraped."""
    seen = np.ones((1, MINUTES), dtype=bool)
    steps = (0,) * MINUTES
    return Stream((n0 * QUIET, n1 * QUIET), (seen, seen.copy()), steps, (QUIET, QUIET))


def bad_minutes(count: int, rate: float = 0.02) -> tuple[np.ndarray, np.ndarray]:
    """Errors of the candidate in every fourth minute after the warm-up, `count` times."""
    new = 0 * QUIET
    new[0, [5 + 4 * i for i in range(count)]] = rate * 1000
    return 0 * QUIET, new


@pytest.mark.parametrize(("bad", "reverted"), [(4, False), (5, True)])
def test_flagger_adds_failures_up_and_forgets_none(bad: int, reverted: bool) -> None:
    rule = judge_peers.RULES[0]
    score = rule.score(stream(), bad_minutes(bad))
    assert judge_measure.found(score, stream().exposed, rule.limit).percent == 100 * reverted


def test_argo_fails_above_its_failure_limit_and_not_at_it() -> None:
    rule = judge_peers.RULES[2]
    three, four = (rule.score(stream(), bad_minutes(n)) for n in (3, 4))
    assert three.max() <= rule.limit < four.max()
    assert int(np.argmax(four[0] > rule.limit)) == 5 + 4 * 3


def test_kayenta_calls_a_clear_shift_high_and_equal_arms_not() -> None:
    rule = judge_peers.RULES[3]
    rng = np.random.default_rng(1)
    wander = rng.normal(0, 3, (2, 1, MINUTES))
    equal = rule.score(stream(), (9 * (50 + wander[0]), 50 + wander[1]))
    higher = rule.score(stream(), (9 * (50 + wander[0]), 70 + wander[1]))
    assert equal.max() <= rule.limit < higher.max()


def test_the_z_test_by_hand() -> None:
    errors = (45 * QUIET, 10 * QUIET)
    first = judge_peers.repeated_z(stream(), errors)[0, traffic.WARMUP]
    p = 55 / 10000
    assert first == pytest.approx((0.01 - 0.005) / (p * (1 - p) * (1 / 1000 + 1 / 9000)) ** 0.5)


def test_a_limit_is_tuned_to_a_share_of_the_healthy() -> None:
    scores = np.arange(100.0)[:, None]
    limit = judge_measure.tuned(scores, 5.0)
    assert (scores > limit).sum() == 5


def test_medians_are_over_all_runs() -> None:
    score = np.array([[0.0, 2.0], [2.0, 2.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    found = judge_measure.found(score, np.array([[10.0, 20.0]] * 5), 1.0)
    assert (found.percent, found.minutes, found.exposed) == (40, float("inf"), float("inf"))


def test_drifted_scores_have_the_psi_they_are_named_by() -> None:
    rng = np.random.default_rng(2)
    scenario = Scenario(seed=2, rps=10000, psi=0.25)
    old, new = traffic.scores(rng, traffic.draw(rng, scenario, 20), scenario.psi)
    edges = tuple(map(float, range(traffic.SCORE_BINS - 1)))
    found = [
        population_stability_index(Histogram(edges, tuple(p)), Histogram(edges, tuple(q))).value
        for run_new, run_old in zip(new, old, strict=True)
        for p, q in zip(run_new[40:], run_old[40:], strict=True)
    ]
    assert np.mean(found) == pytest.approx(0.25, rel=0.05)


def test_errors_have_the_rate_they_are_named_by() -> None:
    rng = np.random.default_rng(3)
    drawn = traffic.draw(rng, Scenario(seed=3, rps=1000), 200)
    quiet = Stream(drawn.requests, drawn.scraped, drawn.steps, (0 * drawn.exposed + 1,) * 2)
    k0, k1 = traffic.errors(rng, quiet, 2.0)
    assert k0.sum() / drawn.requests[0].sum() == pytest.approx(0.005, rel=0.02)
    assert k1.sum() / drawn.requests[1].sum() == pytest.approx(0.01, rel=0.02)


def test_a_cell_is_the_same_again_and_its_verdict_is_the_shipped_tests() -> None:
    (cell,) = [c for c in judge_cells.cells() if c.key == "errors x4 100"]
    once, again = judge_cells.score(cell, 5), judge_cells.score(cell, 5)
    assert once.seed == again.seed
    evidence = once.scores[judge_cells.SUREFOOT]
    assert np.array_equal(evidence, again.scores[judge_cells.SUREFOOT])
    assert (evidence.max(axis=1) >= judge_surefoot.LIMIT).all()
    assert (evidence[:, : traffic.WARMUP] == 1).all()


def test_a_figure_is_kept_on_its_own_side_of_the_limit() -> None:
    assert Required("delay", 2.0, 2.0).kept
    assert not Required("found", 97.9, 98.0, at_least=True).kept
