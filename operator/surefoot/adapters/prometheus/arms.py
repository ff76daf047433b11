"""One arm's share of a sheet of series, and the problems that it may have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from surefoot.adapters.prometheus import histograms
from surefoot.adapters.prometheus.histograms import Grid, Observed
from surefoot.adapters.prometheus.increases import GoesBackwards, Sheet
from surefoot.adapters.prometheus.payload import Series
from surefoot.adapters.prometheus.promql import SUMMED, Arms, quote
from surefoot.engine.questions import Problem, ProblemKind
from surefoot.stats.counters import NotANumber


@dataclass(frozen=True)
class Arm:
    """One arm's share of a sheet: the series whose label matches its pattern."""

    name: str
    sheet: Sheet
    arms: Arms

    @property
    def pattern(self) -> str:
        return self.arms.candidate if self.name == "candidate" else self.arms.incumbent

    def of(self, metric: str) -> list[Series]:
        """This arm's series of one metric."""
        return self.sheet.index.select(metric, self.arms, self.pattern)

    def newest(self, metrics: Sequence[str]) -> datetime:
        """The time of the newest sample of any of the metrics."""
        return datetime.fromtimestamp(max(map(self._newest, metrics)), UTC)

    def _newest(self, metric: str) -> float:
        series, kept = self.of(metric), self.sheet.index.kept
        key = "newest", id(series)
        if key not in kept:
            times = ((each.samples or each.natives)[-1][0] for each in series)
            kept[key] = max(times, default=0.0)
        found: float = kept[key]
        return found

    def split(
        self, series: list[Series], label: str, value: str
    ) -> tuple[list[Series], list[Series]]:
        """Those with a value of a label, and the others."""
        kept, key = self.sheet.index.kept, (id(series), label, value)
        if key not in kept:
            parts: tuple[list[Series], list[Series]] = ([], [])
            for each in series:
                parts[each.labels.get(label) != value].append(each)
            kept[key] = series, parts
        found: tuple[list[Series], list[Series]] = kept[key][1]
        return found

    def absent(self, metric: str) -> Problem:
        """No series of a metric."""
        if self.arms.label == SUMMED:
            text = f"no samples of {metric} for the {self.name}"
            return Problem(ProblemKind.EMPTY, f"{text}: check that it is scraped")
        exact = [f"{label}={quote(value)}" for label, value in self.arms.shared]
        labels = ", ".join([*exact, f"{self.arms.label}=~{quote(self.pattern)}"])
        text = f"no samples of {metric} with {labels} for the {self.name}"
        return Problem(ProblemKind.EMPTY, f"{text}: check that it is scraped with these labels")

    def unsound(self, metric: str, said: str) -> Problem:
        """Buckets that make up no histogram, or not the same as others."""
        return Problem(ProblemKind.EDGES, f"{metric} of the {self.name} {said}")

    def not_a_number(self, metrics: Sequence[str], error: NotANumber) -> Problem:
        """A sample that nothing may be counted with."""
        text = f"{' or '.join(metrics)} of the {self.name} "
        if isinstance(error, GoesBackwards):
            text += f"{error}: check that it is a counter, and that no two replicas are mixed"
        else:
            text += "has a sample that is negative or not a finite number: check its exporter"
        return Problem(ProblemKind.NOT_A_NUMBER, text)

    def observed(self, name: str, series: Sequence[Series], grid: Grid) -> Observed | Problem:
        """What the buckets, or the native histograms, of one metric counted in the window.

        Signals of one window that need the same series share the work."""
        sheet, kept = self.sheet, self.sheet.index.kept
        key = sheet.start, sheet.end, grid, tuple(map(id, series))
        if key not in kept:
            kept[key] = series, self._observed(name, series, grid)
        found: Observed | Problem = kept[key][1]
        return found

    def _observed(self, name: str, series: Sequence[Series], grid: Grid) -> Observed | Problem:
        try:
            if any(each.natives for each in series):
                return histograms.native_of(self.sheet, series, grid)
            return histograms.cumulative(self.sheet, series)
        except histograms.UnsoundBuckets as error:
            return self.unsound(name, str(error))
        except NotANumber as error:
            return self.not_a_number((name,), error)


def has(series: Series, labels: Mapping[str, str]) -> bool:
    """Whether a series carries all of these labels."""
    return all(series.labels.get(label) == value for label, value in labels.items())
