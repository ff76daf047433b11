"""Classic histograms on the edges of all: absent buckets, and how many there may be."""

from collections.abc import Mapping
from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surefoot.adapters.prometheus.histograms import EdgesDisagree, binned, edges_of

EDGES = (0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 10.0)


def by_definition(risen: Mapping[float, float], edges: tuple[float, ...]) -> list[float] | str:
    """Cumulative counts at every edge, each looked for on its own; or what is said of the first that
    nothing is known of."""
    below, filled = 0.0, []
    for position, edge in enumerate((*edges, inf)):
        if edge in risen:
            below = risen[edge]
        else:
            higher = next(each for each in (*edges, inf)[position:] if each in risen)
            if risen[higher] - below > 1e-6:
                return f"has no bucket edge {edge:g}, which another one has"
        filled.append(below)
    return filled


@st.composite
def exported(draw: st.DrawFn) -> dict[float, float]:
    edges = sorted(draw(st.sets(st.sampled_from(EDGES), min_size=1)))
    steps = draw(st.lists(st.sampled_from((0.0, 0.0, 3.0)), min_size=len(EDGES) + 1))
    total, found = 0.0, {}
    for edge, step in zip((*edges, inf), steps, strict=False):
        total += step
        found[edge] = total
    return found


@given(st.lists(exported(), min_size=1, max_size=4))
def test_absent_buckets_are_filled_as_they_are_defined(arm: list[dict[float, float]]) -> None:
    edges = edges_of(arm)
    wanted = [by_definition(each, edges) for each in arm]
    said = [each for each in wanted if isinstance(each, str)]
    if said:
        with pytest.raises(EdgesDisagree, match=f"^{said[0]}$"):
            binned(arm, edges)
        return
    at_most = [sum(column) for column in zip(*wanted, strict=True)]  # type: ignore[arg-type]
    assert binned(arm, edges).counts == tuple(b - a for a, b in pairwise([0.0, *at_most]))
