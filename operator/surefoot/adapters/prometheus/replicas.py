"""Raw samples of replicated Prometheus servers: of each target, those of one replica.

Thanos can merge replicas itself, but then counters are right only inside of `rate` and its like: raw
samples of two replicas interleave. So it is asked not to, and of each target one replica is read, whole.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from surefoot.adapters.prometheus.increases import Target
from surefoot.adapters.prometheus.labels import labels_of
from surefoot.adapters.prometheus.payload import Series

_MOST_KNOWN = 20_000


@dataclass(frozen=True, slots=True)
class _Span:
    first: float
    last: float


class Replicas:
    """Which replica each target is read from. It stays with one as long as that one keeps up.

    A replica that lags by more than two scrapes, or whose samples begin that much later, has missed
    something; another that has not is read instead, and its whole window with it.
    """

    def __init__(self, labels: Sequence[str], scrape_s: float) -> None:
        self._labels, self._slack_s = tuple(labels), 2 * scrape_s
        self._chosen: dict[Target, str] = {}

    def one_of_each(self, series: tuple[Series, ...]) -> tuple[Series, ...]:
        """The series of the chosen replicas, without the labels that tell replicas apart."""
        spans = self._spans(series)
        for target, found in spans.items():
            self._chosen[target] = self._choose(found, self._chosen.pop(target, None))
        while len(self._chosen) > _MOST_KNOWN:
            self._chosen.pop(next(iter(self._chosen)))
        return tuple(
            Series(labels_of(self._bare(each.labels)), each.samples, each.natives)
            for each in series
            if self._chosen.get(self._target(each)) == self._replica(each.labels)
        )

    def _spans(self, series: tuple[Series, ...]) -> Mapping[Target, Mapping[str, _Span]]:
        spans: dict[Target, dict[str, _Span]] = defaultdict(dict)
        for each in series:
            if times := (each.samples or each.natives):
                first, last = times[0][0], times[-1][0]
                of = spans[self._target(each)]
                known = of.get(replica := self._replica(each.labels), _Span(first, last))
                of[replica] = _Span(min(known.first, first), max(known.last, last))
        return spans

    def _choose(self, found: Mapping[str, _Span], known: str | None) -> str:
        begun = min(span.first for span in found.values()) + self._slack_s
        fresh = max(span.last for span in found.values()) - self._slack_s
        whole = [name for name, s in found.items() if s.first <= begun and s.last >= fresh]
        if known in whole:
            return str(known)
        if whole:
            return min(whole)
        return min(found, key=lambda name: (found[name].first - found[name].last, name))

    def _replica(self, labels: Mapping[str, str]) -> str:
        return "\0".join(labels.get(label, "") for label in self._labels)

    def _target(self, series: Series) -> Target:
        """By job and instance; without them every series is its own."""
        labels = series.labels
        if "instance" in labels:
            return labels.get("job", ""), labels["instance"]
        bare = sorted(item for item in self._bare(labels).items())
        return "", repr(bare)

    def _bare(self, labels: Mapping[str, str]) -> dict[str, str]:
        return {name: value for name, value in labels.items() if name not in self._labels}
