"""A real Prometheus with a past: samples of hours, written as blocks before it starts."""

import subprocess
from collections.abc import Callable, Iterable, Mapping
from itertools import takewhile
from pathlib import Path

from localcluster import build
from tests.cluster.prometheus.exporters import Prometheus

SCRAPE_S = 15.0
Line = tuple[float, float]


class Past:
    """Series of counters, scraped every 15 s in [first, last] but for the `gaps`."""

    def __init__(self, first: float, last: float, *gaps: tuple[float, float]) -> None:
        self.first, self.last, self.gaps = first, last, gaps
        self.series: dict[str, dict[tuple[tuple[str, str], ...], list[Line]]] = {}

    def times(self) -> Iterable[float]:
        steps = int((self.last - self.first) / SCRAPE_S) + 1
        every = (self.first + n * SCRAPE_S for n in range(steps))
        return (t for t in every if not any(low < t < high for low, high in self.gaps))

    def add(
        self, metric: str, labels: Mapping[str, str], value: Callable[[float], float | None]
    ) -> None:
        """`value` of the seconds since the first scrape; None where there is no sample."""
        made = [(t, v) for t in self.times() if (v := value(t - self.first)) is not None]
        self.series.setdefault(metric, {})[tuple(sorted(labels.items()))] = made

    def risen(self, metric: str, start: float, end: float, **labels: str) -> float:
        """How much the series with these labels rose, told without the code that is tested."""
        return sum(
            _at(samples, end) - _at(samples, start)
            for found, samples in self.series[metric].items()
            if labels.items() <= dict(found).items()
        )

    def serve(self, folder: Path) -> Prometheus:
        """A Prometheus that has these samples and scrapes nothing."""
        text = folder / "past.txt"
        with text.open("w") as file:
            for metric, many in self.series.items():
                for labels, samples in many.items():
                    named = ",".join(f'{name}="{value}"' for name, value in labels)
                    file.writelines(f"{metric}{{{named}}} {v} {t:.3f}\n" for t, v in samples)
            file.write("# EOF\n")
        tool = build.binary("prometheus").with_name("promtool")
        subprocess.run(
            [tool, "tsdb", "create-blocks-from", "openmetrics", text, folder / "data"],
            check=True, capture_output=True,
        )  # fmt: skip
        return Prometheus(build.binary("prometheus"), folder)


def _at(samples: list[Line], time: float) -> float:
    return list(takewhile(lambda each: each[0] <= time, samples))[-1][1]
