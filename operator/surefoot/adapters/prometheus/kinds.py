"""Classic or native: in which of the two forms a histogram is read, for both arms the same."""

from collections.abc import Sequence
from math import inf

from surefoot.adapters.prometheus import native
from surefoot.adapters.prometheus.arms import Arm
from surefoot.adapters.prometheus.histograms import Grid
from surefoot.adapters.prometheus.payload import Series
from surefoot.engine.questions import Problem

_BUCKET = "_bucket"
SCORE_GRID = native.grid(*native.SCORES) + native.grid(*native.BEYOND_SCORES)


def duration_grid(divide_by: float) -> Grid:
    """Edges for durations, in the histogram's own unit: 1000 of it are `divide_by` 1000 seconds."""
    return native.grid(*native.DURATIONS, divide_by)


def is_native(histogram: str, arms: Sequence[Arm]) -> bool:
    """Whether any arm has more native histograms of that name than classic ones.

    A server that keeps both forms of everything is read in the classic one, whose edges the
    exporter chose.
    """
    return any(
        len(natives) > _classic(arm, histogram)
        for arm in arms
        if (natives := _natives(arm, histogram))
    )


def _natives(arm: Arm, histogram: str) -> list[Series]:
    return [series for series in arm.of(histogram) if series.natives]


def _classic(arm: Arm, histogram: str) -> int:
    """How many classic histograms there are: each has one bucket for all."""
    return sum(series.labels.edge == inf for series in arm.of(histogram + _BUCKET))


def series_of(arm: Arm, histogram: str, as_native: bool) -> list[Series] | Problem:
    """The arm's series of a histogram in the chosen form."""
    name = histogram if as_native else histogram + _BUCKET
    found = _natives(arm, histogram) if as_native else arm.of(name)
    if found:
        return found
    if as_native and arm.of(histogram + _BUCKET):
        text = "is a classic histogram, that of the other arm a native one: export the same form"
        return arm.unsound(histogram, text)
    return arm.absent(name)
