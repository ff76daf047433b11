"""How much worse is still the same: the margins of a comparison, with their defaults."""

from math import log1p

from surefoot.api.comparison import Margin, Worse
from surefoot.api.signals import Signal
from surefoot.api.vocabulary import SignalType as T

_DEFAULTS: dict[T, tuple[float, bool]] = {
    T.ERROR_RATE: (0.1, True),
    T.LATENCY: (0.1, True),
    T.DRIFT: (0.1, False),
    T.CALIBRATION: (0.01, False),
    T.FAIRNESS: (0.1, True),
    T.PERFORMANCE: (0.01, False),
}
_UNITS = {T.DRIFT: " of PSI", T.PROMQL: "", T.BUSINESS: ""}


def margin_of(signal: Signal, promotes: bool = False) -> tuple[float, bool]:
    """(δ, whether δ is a fraction of the incumbent's value) to revert or to promote.

    Where a type has no default, admission asks for the margin.
    """
    assert signal.compare is not None
    given = signal.compare.promote_margin if promotes else signal.compare.revert_margin
    if given is None:
        return _DEFAULTS.get(signal.type, (0.1, True))
    return _amount(given), given.relative is not None


def _amount(margin: Margin) -> float:
    return margin.relative or margin.absolute or 0.0


def log_margin(margin: float, relative: bool) -> tuple[float, bool]:
    """A gauge's margin for its test: of log ratios where it is relative."""
    return (log1p(margin), True) if relative else (margin, False)


def worse_is_lower(signal: Signal) -> bool:
    """Whether a low value is the bad one, where the type does not say so itself."""
    return signal.compare is not None and signal.compare.worse is Worse.LOWER


def margin_text(signal: Signal, promotes: bool = False) -> str:
    """The margin as people write it."""
    margin, relative = margin_of(signal, promotes)
    return f"{margin:.0%}" if relative else f"{margin:.3g}{_UNITS.get(signal.type, '')}"
