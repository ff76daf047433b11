"""More series than may be read one by one: each arm summed by Prometheus, which estimates."""

from collections.abc import Iterator
from dataclasses import dataclass

from surefoot.adapters.prometheus import promql
from surefoot.adapters.prometheus.labels import Labels
from surefoot.adapters.prometheus.payload import Series
from surefoot.adapters.prometheus.wants import Page, Parts, Values

_SIDES = ("candidate", "incumbent")


@dataclass(frozen=True)
class Sums:
    """A window (start, end] of some metrics of two arms, as sums by the labels `by`."""

    arms: promql.Arms
    names: frozenset[str]
    gauges: frozenset[str]
    by: frozenset[str]
    start: float
    end: float

    @property
    def told_apart(self) -> promql.Arms:
        """How the arms are told apart in the sums."""
        return promql.Arms(promql.SUMMED, *_SIDES)

    def values(self) -> Values:
        """One part for each arm and metric, and one for the time of its newest sample."""
        return Values((self.arms, self.names, "sums"), tuple(self._parts()))

    def _parts(self) -> Iterator[tuple[str, str]]:
        at, length = promql.pinned(self.end), promql.over(self.end - self.start)
        by = ",".join(sorted(self.by))
        for side in _SIDES:
            found = self.arms.only(getattr(self.arms, side))
            for name in sorted(self.names):
                one = f"{name}{{{found}}}"
                summed = f"sum by ({by}) (increase({one}{length}{at}))"
                lowest = f"min by ({by}) ({one}{at})"
                yield f"{side} {name}", lowest if name in self.gauges else summed
                yield f"newest {side} {name}", f"max(timestamp({one}{at}))"

    def page(self, found: Parts) -> Page:
        """Each sum as a counter that stood at 0 when the window began."""
        return tuple(
            series
            for side in _SIDES
            for name in self.names
            for series in self._series(found, side, name)
        )

    def _series(self, found: Parts, side: str, name: str) -> Iterator[Series]:
        newest = found[f"newest {side} {name}"]
        if not newest:
            return
        time = max(newest[0].samples[0][1], self.start + 0.001)
        for each in found[f"{side} {name}"]:
            labels = Labels(each.labels, __name__=name, **{promql.SUMMED: side})
            samples = tuple((time, value) for _, value in each.samples)
            natives = tuple((time, value) for _, value in each.natives)
            if name not in self.gauges and samples:
                samples = ((self.start, 0.0), *samples)
            if natives:
                zero = type(natives[0][1])(0.0, 0.0, ())
                natives = ((self.start, zero), *natives)
            yield Series(labels, samples, natives)
