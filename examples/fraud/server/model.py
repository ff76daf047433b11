"""Three versions of one fraud model: logistic regressions learned from the same past payments."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice

from examples.fraud.world import FEATURES, payments, sigmoid

HISTORY_SEED = 20
HISTORY_SIZE = 4_000
BINS = 20


@dataclass(frozen=True, slots=True)
class Version:
    """What sets one version apart.

    `features` is how many of the world's features it was given. From `fault_after_s` seconds after
    its first request on, `fault_shift` is added to its log-odds: such a model still answers 200.
    """

    features: int
    fault_after_s: float = math.inf
    fault_shift: float = 0.0


VERSIONS = {
    "v41": Version(features=5),
    "v42": Version(features=6),
    "v43-good": Version(features=6),
    # As when a cached feature table is refreshed with one in another unit: everything looks riskier.
    "v43": Version(features=6, fault_after_s=30.0, fault_shift=2.9),
}
INCUMBENT = "v41"


@cache
def history() -> tuple[tuple[tuple[float, ...], bool], ...]:
    """The past payments that every version was trained on."""
    return tuple((p.features, p.fraud) for p in islice(payments(HISTORY_SEED), HISTORY_SIZE))


@cache
def weights(features: int) -> tuple[float, ...]:
    """Maximum-likelihood weights on the first `features` features; the intercept comes first."""
    rows = [((1.0, *x[:features]), float(y)) for x, y in history()]
    beta = [0.0] * (features + 1)
    for _ in range(6):
        step = _newton_step(rows, beta)
        beta = [b + s for b, s in zip(beta, step, strict=True)]
    return tuple(beta)


def _newton_step(rows: Sequence[tuple[Sequence[float], float]], beta: list[float]) -> list[float]:
    """One step of iteratively reweighted least squares."""
    size = len(beta)
    gradient = [0.0] * size
    hessian = [[0.0] * size for _ in range(size)]
    for x, y in rows:
        p = sigmoid(sum(b * v for b, v in zip(beta, x, strict=True)))
        error, curvature = y - p, p * (1.0 - p)
        for i in range(size):
            gradient[i] += error * x[i]
            scaled, row = curvature * x[i], hessian[i]
            for j in range(i + 1):
                row[j] += scaled * x[j]
    for i in range(size):
        for j in range(i):
            hessian[j][i] = hessian[i][j]
    return _solve(hessian, gradient)


def _solve(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Gaussian elimination; the matrix is positive definite, so no pivoting is needed."""
    size = len(right)
    rows = [[*matrix[i], right[i]] for i in range(size)]
    for i in range(size):
        for j in range(i + 1, size):
            factor = rows[j][i] / rows[i][i]
            rows[j] = [a - factor * b for a, b in zip(rows[j], rows[i], strict=True)]
    solution = [0.0] * size
    for i in reversed(range(size)):
        known = sum(rows[i][j] * solution[j] for j in range(i + 1, size))
        solution[i] = (rows[i][size] - known) / rows[i][i]
    return solution


def _score(beta: Sequence[float], features: Sequence[float], shift: float = 0.0) -> float:
    logit = beta[0] + sum(b * x for b, x in zip(beta[1:], features, strict=False))
    return sigmoid(logit + shift)


@cache
def edges() -> tuple[float, ...]:
    """Histogram edges at the incumbent's score quantiles: the same for every version."""
    beta = weights(VERSIONS[INCUMBENT].features)
    scores = sorted(_score(beta, features) for features, _ in history())
    cuts = (scores[len(scores) * i // BINS] for i in range(1, BINS))
    return tuple(float(f"{cut:.3g}") for cut in cuts)


class Model:
    """One version, ready to score. `clock` is a monotonic clock in seconds."""

    def __init__(self, version: str, clock: Callable[[], float] = time.monotonic) -> None:
        if version not in VERSIONS:
            known = ", ".join(VERSIONS)
            raise ValueError(f"MODEL_VERSION is {version!r}: set it to one of {known}")
        self.version = version
        self._traits = VERSIONS[version]
        self._beta = weights(self._traits.features)
        self._clock = clock
        self._first: float | None = None

    @property
    def faulty_for_s(self) -> float | None:
        """For how many seconds the scores have been wrong; None while they are right."""
        if self._first is None:
            return None
        wrong = self._clock() - self._first - self._traits.fault_after_s
        return wrong if wrong >= 0 else None

    def score(self, features: Sequence[float]) -> float:
        """The probability of fraud. Raises ValueError unless there is a number for each feature."""
        if len(features) != len(FEATURES):
            raise ValueError(f"features: {len(features)} given, {len(FEATURES)} needed")
        if self._first is None:
            self._first = self._clock()
        shift = 0.0 if self.faulty_for_s is None else self._traits.fault_shift
        return _score(self._beta, features, shift)
