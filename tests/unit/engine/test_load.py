"""Whether two arms had alike to do: by requests in flight, as Little's law tells them."""

import pytest

from surefoot.engine.load import Load, load_of, unlike
from surefoot.stats.measures import Histogram


def test_requests_in_flight_are_the_durations_of_a_second():
    """600 requests of 0.2 s in a minute are 10 a second and 2 in flight: half of it on each of two."""
    assert load_of(Histogram((1.0,), (600.0, 0.0), 120.0), 60.0, 2) == Load(5.0, 1.0)


@pytest.mark.parametrize(
    ("total", "seconds", "replicas"), [(None, 60.0, 2), (120.0, 60.0, 0), (120.0, 0.0, 2), (-1.0, 60.0, 2)]
)  # fmt: skip
def test_what_is_not_known_is_no_load(total, seconds, replicas):
    assert load_of(Histogram((1.0,), (600.0, 0.0), total), seconds, replicas) is None


@pytest.mark.parametrize(
    ("candidate", "incumbent", "expected"),
    [
        (Load(10, 2), Load(10, 2), False),
        (Load(20, 8), Load(10, 2), True),
        (Load(1, 0.1), Load(10, 2), True),
        # Slow at the same rate: its own slowness, and no confounder.
        (Load(10, 8), Load(10, 2), False),
        (Load(12, 8), Load(10, 2), False),
        # Hardly anything waits.
        (Load(1, 0.01), Load(90, 0.9), False),
        # Twice as much is borne.
        (Load(10, 4), Load(5, 2), False),
    ],
)
def test_unlike_is_more_in_flight_by_more_requests_where_it_matters(candidate, incumbent, expected):
    assert unlike(candidate, incumbent) is expected
    assert unlike(incumbent, candidate) is expected
