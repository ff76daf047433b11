"""How far the candidate's scores have moved from the incumbent's: shares of bins compared.

Distances along the axis of the scores are in `distances`.
"""

from dataclasses import dataclass
from math import log, log1p, sqrt

from surefoot.stats.bins import EdgesDiffer as EdgesDiffer
from surefoot.stats.bins import check_comparable, merged
from surefoot.stats.chance import CONFIDENCE, chi_square_quantile
from surefoot.stats.measures import Histogram

SHARE_FLOOR = 1e-4


@dataclass(frozen=True, slots=True)
class Distance:
    """How far two histograms are apart, and what noise alone reaches.

    `null_cut` is what two samples of this size from one distribution exceed in 5 % of all cases (in
    absolute value). `bins` is how many bins were compared; with fewer than two there is nothing to
    compare.
    """

    value: float
    null_cut: float
    bins: int

    @property
    def significant(self) -> bool:
        """Whether the value is more than what noise alone reaches."""
        return abs(self.value) > self.null_cut


def population_stability_index(p: Histogram, q: Histogram) -> Distance:
    """PSI = Σ (p_b − q_b)·ln(p_b / q_b) over shares of the candidate (p) and the incumbent (q).

    Thin bins are merged first (see `bins.merged`); shares are floored at 1e-4 after merging. Under
    equal distributions the index is close to (1/n + 1/m)·χ² with B − 1 degrees of freedom (B.
    Yurdakul, "Statistical Properties of Population Stability Index", 2018), whose 95 % quantile is
    the cut. Raises EdgesDiffer, and ValueError for a histogram without observations.
    """
    check_comparable(p, q)
    n, m = p.samples, q.samples
    bins = list(merged(p, q))
    shares = [(max(a / n, SHARE_FLOOR), max(b / m, SHARE_FLOOR)) for a, b in bins]
    value = sum((a - b) * log(a / b) for a, b in shares)
    return Distance(value, _chi_square_cut(n, m, len(bins)), len(bins))


def jensen_shannon_distance(p: Histogram, q: Histogram) -> Distance:
    """√JSD with the natural logarithm, between 0 and √ln 2 = 0.833; symmetric in the arms.

    JSD = ½ Σ p_b·ln(p_b/h_b) + ½ Σ q_b·ln(q_b/h_b), h = (p + q)/2, over bins merged as for PSI. No
    share needs a floor. For close p and q it is Σ (p_b − q_b)²/(8·h_b) (J. Lin, "Divergence
    Measures Based on the Shannon Entropy", 1991, expanded to second order), and under equal
    distributions Σ (p_b − q_b)²/h_b is close to (1/n + 1/m)·χ² with B − 1 degrees of freedom, so
    the cut is √((1/n + 1/m)·χ²_.95 / 8). Raises EdgesDiffer, and ValueError for a histogram without
    observations.
    """
    check_comparable(p, q)
    n, m = p.samples, q.samples
    bins = list(merged(p, q))
    divergence = sum(_jensen_shannon_term(a / n, b / m) for a, b in bins)
    return Distance(
        sqrt(max(divergence, 0.0)), sqrt(_chi_square_cut(n, m, len(bins)) / 8.0), len(bins)
    )


def _jensen_shannon_term(a: float, b: float) -> float:
    """½ a·ln(2a/(a+b)) + ½ b·ln(2b/(a+b)), exact for nearly equal shares too."""
    lean = (a - b) / (a + b)
    one, other = ((1 + d) * log1p(d) if d > -1 else 0.0 for d in (lean, -lean))
    return (a + b) / 4.0 * (one + other)


def _chi_square_cut(n: float, m: float, bins: int) -> float:
    return (1 / n + 1 / m) * chi_square_quantile(bins - 1, CONFIDENCE)
