"""What every stateful test has to keep: checked with the same few lines for each of them."""

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from surefoot.stats.evidence import Interval

S = TypeVar("S")


def run(advance: Callable[..., S], state: S, intervals: Sequence[Interval[Any]], params: Any) -> S:
    for interval in intervals:
        state = advance(state, interval, params)
    return state


def check_course(
    advance: Callable[..., Any],
    value: Callable[[Any], float],
    start: Any,
    intervals: Sequence[Interval[Any]],
    params: Any,
    cut: int,
) -> None:
    """Evidence is a number, a restart after `cut` intervals changes nothing, none counts twice."""
    whole = run(advance, start, intervals, params)
    assert 0 <= value(whole) < float("inf")
    half = run(advance, start, intervals[:cut], params)
    read = type(start).from_floats(json.loads(json.dumps(half.to_floats())))
    assert read == half
    assert run(advance, read, intervals, params) == whole
    assert run(advance, whole, list(reversed(intervals)), params) == whole
