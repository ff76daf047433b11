"""What is remembered between collections stays small, and is forgotten in time."""

from surefoot.adapters.prometheus.memory import MOST_JOINED, MOST_TRACED, Memory, Trace
from tests.unit.prometheus.builders import series

ONE = series("m", (0, 1))


def trace(size: int) -> Trace:
    return Trace(1.0, {frozenset({("n", str(n))}): ONE for n in range(size)})


def test_traces_are_bounded_by_the_series_that_they_hold() -> None:
    memory, size = Memory(), MOST_TRACED // 4
    for window in range(10):
        memory.keep(window, trace(size))
    assert list(memory.traces) == [6, 7, 8, 9]
    memory.keep("huge", trace(MOST_TRACED + 1))
    assert list(memory.traces) == ["huge"]


def test_what_was_too_much_together_is_asked_in_halves_for_a_while() -> None:
    memory = Memory()
    assert memory.joined_most(0.0) == MOST_JOINED
    memory.too_much_together(20, 0.0)
    assert memory.joined_most(1.0) == 10
    memory.too_much_together(1, 1.0)
    assert memory.joined_most(2.0) == 1
    assert memory.joined_most(1e9) == MOST_JOINED
