"""Native histograms in Prometheus' binary exposition format (`MetricFamily` of client_model)."""

import struct
from collections.abc import Mapping, Sequence

HISTOGRAM = 4


def histogram(
    name: str, series: Sequence[tuple[Mapping[str, str], Mapping[int, int], float]], schema: int
) -> bytes:
    """One family. Each series has its labels, its observations by bucket index (upper bound
    2^(index·2^-schema)) and their sum."""
    metrics = b"".join(_field(4, _metric(*each, schema)) for each in series)
    family = _field(1, name.encode()) + _number(3, HISTOGRAM) + metrics
    return _varint(len(family)) + family


def _metric(
    labels: Mapping[str, str], buckets: Mapping[int, int], total: float, schema: int
) -> bytes:
    pairs = b"".join(
        _field(1, _field(1, name.encode()) + _field(2, value.encode()))
        for name, value in labels.items()
    )
    count = _number(1, sum(buckets.values())) + _double(2, total)
    spans, deltas, after, before = b"", b"", 0, 0
    for index, number in sorted(buckets.items()):
        spans += _field(12, _number(1, _zigzag(index - after)) + _number(2, 1))
        deltas += _number(13, _zigzag(number - before))
        after, before = index + 1, number
    body = count + _number(5, _zigzag(schema)) + _double(6, 1e-9) + _number(7, 0)
    return pairs + _field(7, body + spans + deltas)


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def _zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def _field(field: int, body: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(body)) + body
