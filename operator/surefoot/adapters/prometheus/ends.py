"""Long windows: counters at both ends, and the samples around what began or restarted in between."""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from surefoot.adapters.prometheus import native, promql
from surefoot.adapters.prometheus.increases import target
from surefoot.adapters.prometheus.labels import Labels
from surefoot.adapters.prometheus.memory import Identity, Trace, identity
from surefoot.adapters.prometheus.payload import Series
from surefoot.adapters.prometheus.wants import Page, Parts, Values
from surefoot.stats.counters import reset_times

# Prometheus calls a series without a sample for this long gone.
_LOOKBACK_S = 300.0
_MOMENT_S = 0.001


@dataclass(frozen=True)
class Ends:
    """A window (start, end] of some metrics of two arms; `counters` are those that may restart.

    `window` is what the window is known by from one collection to the next, as its start moves.
    """

    arms: promql.Arms
    names: frozenset[str]
    counters: frozenset[str]
    start: float
    end: float
    reach_s: float
    window: Hashable = None

    def values(self) -> Values:
        """All that one query can tell of it.

        The last samples up to its start and up to its end, how often each counter restarted, and
        when each metric's newest sample was.
        """
        found, length = self.arms.matchers, self.end - self.start
        every, at = promql.named(self.names, found), promql.pinned(self.end)
        before = promql.over(self.reach_s) + promql.pinned(self.start)
        parts = [
            ("start", f"last_over_time({every}{before})"),
            ("end", f"last_over_time({every}{promql.over(length)}{at})"),
        ]
        for name in sorted(self.counters):
            window = promql.over(length + self.reach_s)
            parts.append((f"resets {name}", f"resets({name}{{{found}}}{window}{at}) > 0"))
        for name in sorted(self.names):
            newest = f"max by ({self.arms.label}) (timestamp({name}{{{found}}}{at}))"
            parts.append((f"newest {name}", newest))
        return Values((self.arms, self.names), tuple(parts))

    def restarts(self, found: Parts) -> dict[Identity, int]:
        """How often each series restarted, the samples before the window included."""
        counts: dict[Identity, int] = {}
        for name in self.counters:
            for series in found[f"resets {name}"]:
                labels = {k: v for k, v in series.labels.items() if k != "__name__"}
                counts[frozenset({**labels, "__name__": name}.items())] = int(series.samples[0][1])
        return counts

    def restless(self, found: Parts, trace: Trace) -> list[Series]:
        """Series of which the ends do not tell enough, and the trace neither."""
        before, counts = {identity(each) for each in found["start"]}, self.restarts(found)
        earliest = self.start - self.reach_s
        return [
            series
            for series in found["end"]
            if series.name in self.counters
            and (
                (identity(series) not in before and identity(series) not in trace.series)
                or counts.get(identity(series), 0) > trace.falls(series, earliest, self.end)
            )
        ]

    def page(self, found: Parts, trace: Trace) -> Page:
        """Series as if all raw samples had been read, of which only those that matter are there."""
        before = {identity(each): each for each in found["start"]}
        newest = self._newest(found)
        return tuple(
            self._series(each, before.get(identity(each)), trace.series.get(identity(each)), newest)
            for each in found["end"]
        )

    def _newest(self, found: Parts) -> Mapping[tuple[str, str], float]:
        return {
            (name, series.labels.get(self.arms.label, "")): series.samples[0][1]
            for name in self.names
            for series in found[f"newest {name}"]
            if series.samples
        }

    def _series(
        self,
        last: Series,
        first: Series | None,
        between: Series | None,
        newest: Mapping[tuple[str, str], float],
    ) -> Series:
        """Between its ends, in the order of their times. A series that is gone has no time: its last
        sample is older than any that counts as fresh."""
        key = last.name, last.labels.get(self.arms.label, "")
        known = between or Series(Labels(), ())
        inside = (
            [each for each in known.samples if self.start < each[0] <= self.end],
            [each for each in known.natives if self.start < each[0] <= self.end],
        )
        time = newest.get(key)
        if time is None:
            newest_known = max((each[0] for many in inside for each in many), default=self.start)
            time = max(self.end - _LOOKBACK_S, newest_known + _MOMENT_S)
        time = max(time, self.start + _MOMENT_S)
        before = first or Series(Labels(), ())
        samples = [
            *((self.start, value) for _, value in before.samples),
            *inside[0],
            *((time, value) for _, value in last.samples),
        ]
        natives = [
            *((self.start, found) for _, found in before.natives),
            *inside[1],
            *((time, found) for _, found in last.natives),
        ]
        return Series(last.labels, tuple(sorted(dict(samples).items())), _in_order(natives))


def _in_order(many: Iterable[native.NativeSample]) -> tuple[native.NativeSample, ...]:
    natives = dict(many)
    return tuple((time, natives[time]) for time in sorted(natives))


def instances(series: Iterable[Series]) -> Collection[str]:
    """The targets that are read closely; none if any series does not name its own."""
    found = {each.labels.get("instance", "") for each in series}
    return () if "" in found else found


def thinned(page: Iterable[Series], known: Trace, until: float) -> Trace:
    """The trace, with what `page` adds: first samples, and those on both sides of a restart.

    Everything of one target restarts together, so that a series that has caught up is told by the
    others.
    """
    by_target: dict[object, list[Series]] = defaultdict(list)
    for series in page:
        by_target[target(series)].append(series)
    added = dict(known.series)
    for many in by_target.values():
        times = frozenset[float]().union(*(_restarts(series) for series in many))
        for series in many:
            old = added.get(identity(series))
            kept = _kept(series, times, first=old is None)
            added[identity(series)] = _merged(old, kept) if old is not None else kept
    return Trace(until, added)


def _restarts(series: Series) -> frozenset[float]:
    return reset_times(series.samples) | native.reset_times(series.natives)


def _kept(series: Series, times: Collection[float], first: bool) -> Series:
    every = [time for time, _ in (series.samples or series.natives)]
    chosen = {earlier for earlier, time in pairwise(every) if time in times} | {*times}
    if first:
        chosen |= {*every[:1]}
    return replace(
        series,
        samples=tuple(each for each in series.samples if each[0] in chosen),
        natives=tuple(each for each in series.natives if each[0] in chosen),
    )


def _merged(old: Series, new: Series) -> Series:
    samples = dict(old.samples) | dict(new.samples)
    natives = _in_order((*old.natives, *new.natives))
    return Series(old.labels, tuple(sorted(samples.items())), natives)
