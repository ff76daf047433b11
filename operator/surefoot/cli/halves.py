"""The incumbent's pods dealt into two halves, one of which plays the candidate: an A/A test on the past."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from surefoot.adapters.prometheus.labels import labels_of
from surefoot.adapters.prometheus.payload import Result, Series, Vector
from surefoot.adapters.prometheus.wants import Ask
from surefoot.engine.questions import ArmRef

PREFIX = "aa-"
_KEPT = ("__name__", "le", "job", "instance", "namespace")


def twin(incumbent: ArmRef) -> ArmRef:
    """The name by which the second half is asked for; nothing real is called so."""
    return ArmRef(PREFIX + incumbent.workload, PREFIX + incumbent.service, incumbent.port)


@dataclass
class Halves:
    """Deals pods in the order in which they appear, two at a time, one of each pair to either half.

    What tells pods apart is the series' `pod`, else its `instance`: for a proxy's metrics it is the
    proxy's pods that are dealt.
    """

    incumbent: ArmRef
    seed: int
    _dealt: dict[str, dict[str, bool]] = field(default_factory=lambda: defaultdict(dict))

    def over(self, ask: Ask) -> Ask:
        """The same answers, with the second half's series under the twin's name."""

        async def asked(query: str, at: float) -> Result:
            result = await ask(query, at)
            if isinstance(result, Vector):
                return replace(result, series=self.split(result.series))
            return self.split(result)

        return asked

    def split(self, series: tuple[Series, ...]) -> tuple[Series, ...]:
        """Series as they are, or renamed."""
        for each in sorted(series, key=_whose):
            self._deal(each)
        return tuple(
            self._renamed(s) if self._dealt[_family(s)].get(_whose(s), False) else s for s in series
        )

    @property
    def lonely(self) -> str | None:
        """A pod that has no partner in what it exports, so that one half stays empty."""
        for family in self._dealt.values():
            if len(family) == 1:
                return next(iter(family))
        return None

    @property
    def hand(self) -> frozenset[str]:
        """The pods of the second half."""
        return frozenset(
            pod for family in self._dealt.values() for pod, second in family.items() if second
        )

    def _deal(self, series: Series) -> None:
        family, pod = self._dealt[_family(series)], _whose(series)
        if pod in family:
            return
        partner = list(family.values())[-1] if len(family) % 2 else None
        coin = hashlib.sha256(f"{self.seed} {pod}".encode()).digest()[0] % 2 == 1
        family[pod] = coin if partner is None else not partner

    def _renamed(self, series: Series) -> Series:
        labels = {
            name: value if name in _KEPT else self._rename(value)
            for name, value in series.labels.items()
        }
        return Series(labels_of(labels), series.samples, series.natives)

    def _rename(self, value: str) -> str:
        for name in (self.incumbent.workload, self.incumbent.service):
            at = value.find(name)
            if at >= 0:
                return f"{value[:at]}{PREFIX}{value[at:]}"
        return value


def _whose(series: Series) -> str:
    return series.labels.get("pod") or series.labels.get("instance") or ""


def _family(series: Series) -> str:
    """Pods of one kind are dealt among themselves."""
    return series.labels.get("job", "")


@dataclass
class Shared:
    """One answer for all who ask the same at the same time; forgets what was asked before."""

    ask: Ask
    _at: float = -1.0
    _known: dict[str, Result] = field(default_factory=dict)

    async def __call__(self, query: str, at: float) -> Result:
        if at != self._at:
            self._at, self._known = at, {}
        if query not in self._known:
            self._known[query] = await self.ask(query, at)
        return self._known[query]


def distinct(all_halves: Mapping[int, Halves]) -> list[int]:
    """The seeds of splits that differ: two pods can be dealt in two ways only."""
    seen: dict[frozenset[str], int] = {}
    for seed, halves in all_halves.items():
        seen.setdefault(halves.hand, seed)
    return list(seen.values())
