"""Prometheus' JSON, decoded: series of samples or one value, and every way in which it fails."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from math import isfinite
from typing import Annotated, Any, Required

from pydantic import Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from surefoot.adapters.prometheus.labels import Labels, labels_of
from surefoot.adapters.prometheus.native import Native, NativeSample
from surefoot.api.plain import one_line, without_credentials
from surefoot.engine.questions import Problem, ProblemKind
from surefoot.stats.counters import Sample

_LONGEST = 240
_HEAD = re.compile(rb'\{"status":"success","data":\{"resultType":"(matrix|vector)","result":\[')
_NEXT, _TAIL = b',{"metric":', b"]}}"
# Bytes that take about half a millisecond to read.
_PIECE = 32 * 1024
_DECODER = json.JSONDecoder()
_MISSHAPEN = (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError)
# The year 3000 in Unix seconds: what lies beyond it cannot be a sample's time.
LATEST = 32_503_680_000.0
_Time = Annotated[float, Field(ge=0, lt=LATEST)]
_Sample = tuple[_Time, float]


class _Entry(TypedDict, total=False):
    """One series of a matrix, or one element of a vector."""

    metric: Required[dict[str, str]]
    values: tuple[_Sample, ...]
    histograms: list[Any]
    value: _Sample
    histogram: list[Any]


_ENTRY, _ENTRIES = TypeAdapter(_Entry), TypeAdapter(list[_Entry])


class Failed(Exception):
    """A question that got no answer; carries the problem to report."""

    def __init__(self, kind: ProblemKind, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(kind, message)


@dataclass(frozen=True, slots=True)
class Series:
    """Labels (the metric's name as `__name__`) and raw samples in the order of their times.

    A series may be a native histogram: then its samples are in `natives`. `steady`: as far as its
    samples tell, it is a counter that never restarted.
    """

    labels: Labels
    samples: tuple[Sample, ...]
    natives: tuple[NativeSample, ...] = ()
    steady: bool = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        values = [value for _, value in self.samples]
        steady = bool(values) and values[0] >= 0 and isfinite(sum(values))
        object.__setattr__(self, "steady", steady and sorted(values) == values)

    @property
    def name(self) -> str:
        return self.labels.get("__name__", "")


@dataclass(frozen=True, slots=True)
class Vector:
    """Instant values: one for a scalar, any number for a vector.

    `series` are the elements of a vector with their labels, of one sample each, native histograms
    included; a scalar has none.
    """

    values: tuple[float, ...]
    series: tuple[Series, ...] = field(default=(), compare=False)
    is_vector: bool = field(default=True, compare=False)


Result = tuple[Series, ...] | Vector


def decode(status: int, body: bytes) -> Result:
    """The result of an instant query. Raises Failed."""
    try:
        answer, series = _loaded(body)
        if isinstance(answer, dict) and answer.get("kind") == "Status":
            text = (
                f"Kubernetes' service proxy answers: {clean(str(answer.get('message') or status))}"
            )
            raise Failed(ProblemKind.UNREACHABLE, text)
        if not isinstance(answer, dict) or answer.get("status") not in ("success", "error"):
            raise ValueError("no such answer")
    except (ValueError, RecursionError):
        # What stands in front gave this query up: another one may go through.
        kind = ProblemKind.TIMEOUT if status in (413, 502, 504) else ProblemKind.UNREACHABLE
        raise Failed(kind, _foreign(status)) from None
    if answer["status"] == "error" or status >= 300:
        raise _error(answer, status)
    if answer.get("warnings"):
        listed = answer["warnings"]
        words = clean("; ".join(map(str, listed if isinstance(listed, list) else [listed])))
        raise Failed(ProblemKind.PARTIAL, f"Prometheus says that its answer is partial: {words}")
    try:
        kind = answer["data"]["resultType"]
        if series is None:
            return _result(kind, answer["data"]["result"])
    except _MISSHAPEN:
        text = "the answer is not shaped as Prometheus' are: check what listens at its address"
        raise Failed(ProblemKind.UNREACHABLE, text) from None
    return series if kind == "matrix" else _vector(series)


def _loaded(body: bytes) -> tuple[Any, tuple[Series, ...] | None]:
    """The JSON. Where it begins as results of Prometheus do, these are read some at a time and left out.

    Reading JSON holds the interpreter's lock until it returns, so that a thread gives way to the
    event loop in between only; and each is dropped as soon as it is a series.
    """
    head = _HEAD.match(body)
    if head is not None:
        try:
            return _by_pieces(body, head)
        except _MISSHAPEN:
            # What is wrong is told as that of any other JSON is.
            pass
    return json.loads(body.decode(json.detect_encoding(body), "surrogatepass")), None


def _by_pieces(body: bytes, head: re.Match[bytes]) -> tuple[Any, tuple[Series, ...]]:
    """Most of what is decoded is samples: pydantic reads them in a third of the time that json takes."""
    made = _series if head[1] == b"matrix" else _element
    found: list[Series] = []
    at = head.end()
    while (end := _some(body, at)) > at:
        entries = _ENTRIES.validate_json(b"[%b]" % body[at:end])
        found += map(made, entries)
        at = end + 1
    if body.endswith(_TAIL):
        # What follows the last one is all that mostly does.
        with suppress(ValidationError):
            last = _ENTRY.validate_json(body[at : -len(_TAIL)])
            found.append(made(last))
            return json.loads(body[: head.end()] + _TAIL), tuple(found)
    # The last one, and what follows it.
    text = body[at:].decode()
    entry, after = _DECODER.raw_decode(text)
    found.append(made(_ENTRY.validate_python(entry)))
    return json.loads(body[: head.end()].decode() + text[after:]), tuple(found)


def _some(body: bytes, at: int) -> int:
    """Where the entries end that make up a piece; `at` where only the last one is left. What stands
    between two entries stands nowhere else: in a string its quotes would be escaped."""
    near = body.rfind(_NEXT, at, at + _PIECE)
    return max(near if near > at else body.find(_NEXT, at), at)


def _foreign(status: int) -> str:
    if status in (401, 403):
        return f"Prometheus refuses (HTTP {status}): check the credentials that it is asked with"
    if 300 <= status < 400:
        return f"Prometheus' address answers with a redirect (HTTP {status}): set where it leads"
    if status >= 400:
        return (
            f"Prometheus' address answers with HTTP {status}: check it and what is in front of it"
        )
    return "the answer is no complete JSON of Prometheus: check its address and what is in front"


def _error(answer: Mapping[str, Any], status: int) -> Failed:
    words = clean(str(answer.get("error") or f"HTTP {status}"))
    if status == 429 or answer.get("errorType") in ("unavailable", "too_many_requests"):
        text = f"Prometheus takes no more queries now (HTTP {status}): {words}"
        return Failed(ProblemKind.UNREACHABLE, text)
    if answer.get("errorType") == "timeout":
        return Failed(ProblemKind.TIMEOUT, f"Prometheus gave the query up: {words}")
    return Failed(ProblemKind.QUERY, f"Prometheus refuses the query: {words}")


def clean(text: str) -> str:
    """One short line without the credentials of any URL in it."""
    return one_line(without_credentials(" ".join(text.split())), _LONGEST)


def _result(kind: str, result: Any) -> Result:
    if kind == "matrix":
        return tuple(_series(each) for each in map(_ENTRY.validate_python, _handed_over(result)))
    if kind == "vector":
        return _vector(tuple(map(_element, map(_ENTRY.validate_python, _handed_over(result)))))
    if kind == "scalar":
        return Vector((float(result[1]),), is_vector=False)
    raise Failed(
        ProblemKind.QUERY,
        f"the query gives a {clean(kind)}: it must give a scalar or a vector of one element",
    )


def _vector(found: tuple[Series, ...]) -> Vector:
    return Vector(tuple(each.samples[0][1] for each in found if each.samples), found)


def _handed_over(entries: list[Any]) -> Iterator[Any]:
    """Each entry, and then no more: a large answer is not kept in two forms at once."""
    for position, entry in enumerate(entries):
        entries[position] = None
        yield entry


def _series(entry: _Entry) -> Series:
    natives = tuple(_native(time, found) for time, found in entry.get("histograms", ()))
    return Series(labels_of(entry["metric"]), entry.get("values", ()), natives)


def _element(entry: _Entry) -> Series:
    """One element of a vector, as a series of one sample."""
    value, histogram = entry.get("value"), entry.get("histogram")
    natives = (_native(*histogram),) if histogram is not None else ()
    return Series(labels_of(entry["metric"]), (value,) if value is not None else (), natives)


def _native(time: Any, found: Mapping[str, Any]) -> NativeSample:
    if not 0 <= float(time) < LATEST:
        raise ValueError("a time that no clock shows")
    bins = tuple(
        (float(lower), float(upper), float(count))
        for _, lower, upper, count in found.get("buckets", ())
    )
    return float(time), Native(float(found["count"]), float(found["sum"]), bins)
