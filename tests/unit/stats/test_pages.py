"""The numbers of the worked examples on the signals' pages are what the code computes."""

from pathlib import Path

import pytest

from surefoot.stats import calibration, distances, drift, fairness, performance, quality
from surefoot.stats.measures import (
    Counts,
    GroupRates,
    Histogram,
    LabeledHistogram,
    LabeledScores,
    Quality,
    Ratio,
)

PAGES = Path(__file__).parents[3] / "docs" / "signals"
CANDIDATE = Histogram((0.5, 1.0), (50, 50, 0), total=52.0)
INCUMBENT = Histogram((0.5, 1.0), (80, 20, 0), total=33.0)
LABELED = LabeledHistogram((0.5,), positives=(9, 32), negatives=(51, 8), score_sum=45.0)
SELECTED = GroupRates((("a", Counts(120, 400)), ("b", Counts(90, 500))))
TRUE_POSITIVES = GroupRates((("a", Counts(40, 50)), ("b", Counts(36, 60))))

PSI = drift.population_stability_index(CANDIDATE, INCUMBENT)
JENSEN_SHANNON = drift.jensen_shannon_distance(CANDIDATE, INCUMBENT)
KOLMOGOROV = distances.kolmogorov_smirnov(CANDIDATE, INCUMBENT)
WASSERSTEIN = distances.wasserstein_normed(CANDIDATE, INCUMBENT)
SHIFT = distances.mean_shift(CANDIDATE, INCUMBENT)
ECE = calibration.expected_calibration_error(LABELED)
MCE = calibration.maximum_calibration_error(LABELED)
AUC = performance.area_under_curve(LABELED)


@pytest.mark.parametrize(
    ("page", "text", "value"),
    [
        ("drift", "0.141 + 0.275 = {:.3f} |", PSI.value),
        ("drift", "3.841 = {:.3f} |", PSI.null_cut),
        ("drift", "√((0.0472 + 0.0542)/2) = {:.3f} |", JENSEN_SHANNON.value),
        ("drift", "√(0.0768/8) = {:.3f} |", JENSEN_SHANNON.null_cut),
        ("drift", "0.8 − 0.5 = {:.1f} |", KOLMOGOROV.value),
        ("drift", "1.358·√0.02 = {:.3f} |", KOLMOGOROV.null_cut),
        ("drift", "0.15 / 0.2 = {:.2f} |", WASSERSTEIN.value),
        ("drift", "0.75 | {:.3f} |", WASSERSTEIN.null_cut),
        ("drift", "(0.52 − 0.33) / 0.2 = {:.2f} |", SHIFT.value),
        ("drift", "1.96·√0.02 = {:.3f} |", SHIFT.null_cut),
        (
            "calibration",
            "30 / 40 = {:.2f}:",
            calibration.calibration_in_the_large(LabeledScores(30, 40.0, 100)),
        ),
        ("calibration", "/ 100 = {:.4f}. 0.08 −", ECE.bias),
        ("calibration", "0.08 − 0.0486 = {:.4f} |", ECE.value),
        ("calibration", "Chance alone exceeds {:.4f} in the ECE", ECE.null_cut),
        ("calibration", "and {:.3f} in the MCE", MCE.null_cut),
        ("calibration", "9/60 − 0.25\\| = {:.1f},", MCE.value),
        ("calibration", "8·0.75²) / 100 = {:.4f} |", calibration.brier_score(LABELED)),
        ("performance", "(1,632 + 357.5) / 2,419 = {:.3f} |", AUC.value),
        ("performance", "0.822 ± {:.3f}.", AUC.resolution),
        ("performance", "(32 + 51) / 100 = {:.2f} |", performance.accuracy(LABELED, 0.5)),
        ("performance", "32 / 40 = {:.1f} |", performance.precision(LABELED, 0.5)),
        ("performance", "32 / 41 = {:.3f} |", performance.recall(LABELED, 0.5)),
        ("fairness", "0.18 / 0.3 = {:.1f},", fairness.demographic_parity_ratio(SELECTED).value),
        ("fairness", "counts for `minSamples`: {} scores", SELECTED.samples),
        ("fairness", "0.8 − 0.6 = {:.1f}.", fairness.rate_difference(TRUE_POSITIVES).value),
        ("data-quality", "1 − 30/1,000 = {:.2f},", quality.completeness(Quality(1200, 30, 1000))),
        ("business", "45 / 1,500 = {:.2f},", quality.business_ratio(Ratio(45, 1500))),
    ],
)
def test_a_worked_example_says_what_is_computed(page: str, text: str, value: float) -> None:
    assert text.format(value) in (PAGES / f"{page}.md").read_text(encoding="utf-8")
