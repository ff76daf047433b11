"""The made-up world: payments flagged for review, and which of them really are fraud.

About one flagged payment in four is fraud. The server learns from this world's past, the load
generator draws its present; both know nothing else of each other.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

FEATURES = ("amount", "night", "abroad", "velocity", "account_age", "merchant_risk")
GROUPS = ("a", "b")
VERSION_HEADER = "X-Model-Version"
_TRUTH = (1.6, 0.9, 1.5, 1.3, -1.2, 0.6)
_INTERCEPT = -2.9


@dataclass(frozen=True, slots=True)
class Payment:
    """One flagged payment. `features` are ordered as `FEATURES`, roughly in units of their spread."""

    features: tuple[float, ...]
    group: str
    fraud: bool


def sigmoid(logit: float) -> float:
    """The probability that belongs to a log-odds; safe for any finite input."""
    if logit >= 0:
        return 1.0 / (1.0 + math.exp(-logit))
    odds = math.exp(logit)
    return odds / (1.0 + odds)


def payments(seed: int) -> Iterator[Payment]:
    """An endless stream of payments; the same seed gives the same stream."""
    dice = random.Random(seed)
    while True:
        features = (
            dice.gauss(0.0, 1.0),
            float(dice.random() < 0.3),
            float(dice.random() < 0.2),
            dice.expovariate(1.0),
            dice.gauss(0.0, 1.0),
            dice.gauss(0.0, 1.0),
        )
        logit = _INTERCEPT + sum(w * x for w, x in zip(_TRUTH, features, strict=True))
        group = GROUPS[dice.random() < 0.4]
        yield Payment(features, group, dice.random() < sigmoid(logit))
