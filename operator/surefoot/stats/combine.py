"""One verdict from the evidence of all signals, under one error budget.

Σ w_i·W_i with Σ w_i ≤ 1 is an e-process whatever the dependence between signals, because an
average of expectations asks for no independence (V. Vovk, R. Wang, "E-values", 2021).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite, sqrt

from surefoot.stats.evidence import floor_digits


class Ruling(StrEnum):
    """What the combined evidence asks for, the mildest first."""

    CONTINUE = "Continue"
    HOLD = "Hold"
    REVERT = "Revert"


@dataclass(frozen=True, slots=True)
class Term:
    """A signal's part: its `share` of the budget (0 to 1) and the value W of its test."""

    name: str
    share: float
    value: float

    @property
    def evidence(self) -> float:
        return self.share * self.value


@dataclass(frozen=True, slots=True)
class Judgement:
    """The ruling, Σ w_i·W_i, the limit 1/α that reverts, and the signal that weighs most in it."""

    ruling: Ruling
    evidence: float
    limit: float
    leading: str | None


def even_shares(names: Sequence[str]) -> dict[str, float]:
    """Equal shares of six digits; together at most 1."""
    return {name: floor_digits(1.0 / len(names)) for name in names}


def judge(terms: Iterable[Term], budget: float) -> Judgement:
    """Revert at 1/`budget`, hold at its square root. The first of equal terms leads.

    Raises ValueError where shares add up to more than 1, or where evidence is not a number.
    """
    listed = list(terms)
    if sum(term.share for term in listed) > 1.0 + 1e-9 or any(t.share < 0 for t in listed):
        raise ValueError("the shares of the budget add up to more than 1, or one is negative")
    if not all(isfinite(term.value) and term.value >= 0 for term in listed):
        raise ValueError("evidence has to be finite and not negative")
    total, limit = sum(term.evidence for term in listed), 1.0 / budget
    if total >= limit:
        ruling = Ruling.REVERT
    else:
        ruling = Ruling.HOLD if total >= sqrt(limit) else Ruling.CONTINUE
    leading = max(listed, key=lambda term: term.evidence).name if listed else None
    return Judgement(ruling, total, limit, leading)


def restarted_share(share: float, value: float) -> float:
    """The share a signal keeps when its evidence `value` is given up and starts anew at 1.

    Half of it, and no more than the wealth that is there: share·value. Then the sum does not rise
    at the restart and the bound stays α however often evidence is restarted.
    """
    return floor_digits(share * min(0.5, value))


def joined_shares(terms: Sequence[Term], joining: Sequence[str], spare: float) -> dict[str, float]:
    """The shares once `joining` signals, whose evidence begins at 1, have been added to `terms`.

    `spare` is what no signal has: 1 at the start, later what those that left have left (see
    `restarted_share`). It goes to the newcomers, and with it a part p = 1/(terms + joining) of what
    the others have, in shares and in wealth; the others keep 1 − k·p. Neither the shares nor
    Σ w_i·W_i, the spare included, add up to more than before, so the bound stays.
    """
    if not joining:
        return {term.name: term.share for term in terms}
    part = 1.0 / (len(terms) + len(joining))
    given = part * sum(term.share * min(1.0, term.value) for term in terms)
    given += spare / len(joining)
    kept = 1.0 - part * len(joining)
    shares = {term.name: floor_digits(kept * term.share) for term in terms}
    return shares | {name: floor_digits(given) for name in joining}


def lacking(values: Mapping[str, float], budget: float) -> tuple[str, ...]:
    """The gating signals whose mirrored test has not reached 1/`budget` (β), in their order."""
    return tuple(name for name, value in values.items() if not value >= 1.0 / budget)


def promotable(values: Mapping[str, float], budget: float) -> bool:
    """Whether every gating signal is proven to be no worse than its promote margin.

    All of them have to be, so their errors do not add up. Without a gating signal nothing is.
    """
    return bool(values) and not lacking(values, budget)
