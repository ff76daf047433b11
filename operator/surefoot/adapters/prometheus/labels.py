"""Labels of a series, read once however often the series is sampled."""

from collections.abc import Mapping
from functools import cached_property
from math import inf, isnan

Rest = frozenset[tuple[str, str]]
# About 2 KB each.
_MOST = 10_000
_KNOWN: dict[tuple[tuple[str, str], ...], "Labels"] = {}
_RESTS: dict[Rest, Rest] = {}


class Labels(dict[str, str]):
    """A series' labels (the metric's name as `__name__`)."""

    @cached_property
    def rest(self) -> Rest:
        """All but `le`: what the buckets of one histogram have in common, for all the same object."""
        found = frozenset(item for item in self.items() if item[0] != "le")
        return _RESTS.setdefault(found, found)

    @cached_property
    def edge(self) -> float | None:
        """`le` as a number, however it is written; None where it is none."""
        try:
            edge = float(self.get("le", ""))
        except ValueError:
            return None
        return None if isnan(edge) or edge == -inf else edge


def labels_of(metric: Mapping[str, str]) -> Labels:
    """The same object for the same labels, as they come again with every scrape."""
    key = tuple(metric.items())
    found = _KNOWN.get(key)
    if found is None:
        if len(_KNOWN) >= _MOST:
            _KNOWN.clear()
            _RESTS.clear()
        found = _KNOWN[key] = Labels(metric)
    return found
