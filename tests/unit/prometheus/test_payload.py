"""Prometheus' answers as recorded, and everything else that may answer at its address."""

import math

import pytest

from surefoot.adapters.prometheus.native import Native
from surefoot.adapters.prometheus.payload import Failed, Series, Vector, clean, decode
from surefoot.engine.questions import ProblemKind

MATRIX = b"""{"status":"success","data":{"resultType":"matrix","result":[
{"metric":{"__name__":"m","le":"+Inf"},"values":[[1795246080.868,"5"],[1795246081.868,"NaN"]]},
{"metric":{"__name__":"native"},"histograms":[[1795246080.868,{"count":"5","sum":"2.5","buckets":[[0,"0.5","1","5"]]}]]}]}}"""
SCALAR = b'{"status":"success","data":{"resultType":"scalar","result":[1795246081.916,"0.25"]}}'
VECTOR = b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1795246081.918,"0.25"]}]}}'
STRING = b'{"status":"success","data":{"resultType":"string","result":[1795246081.921,"a"]}}'
REFUSED = b'{"status":"error","errorType":"bad_data","error":"invalid parameter \\"query\\": 1:5: parse error: unclosed left parenthesis"}'
GIVEN_UP = (
    b'{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}'
)
PARTIAL = b'{"status":"success","warnings":["store http://u:pw@s1:1/x\\nis down"],"data":{"resultType":"vector","result":[]}}'
INFORMED = b'{"status":"success","infos":["metric might not be a counter"],"data":{"resultType":"vector","result":[]}}'


def test_raw_samples() -> None:
    found = decode(200, MATRIX)
    assert isinstance(found, tuple)
    first, native = found
    assert (first.name, first.labels["le"]) == ("m", "+Inf")
    assert first.samples[0] == (1795246080.868, 5.0)
    assert math.isnan(first.samples[1][1])
    bins = ((0.5, 1.0, 5.0),)
    assert native == Series({"__name__": "native"}, (), ((1795246080.868, Native(5, 2.5, bins)),))


def test_single_values() -> None:
    assert decode(200, SCALAR) == Vector((0.25,))
    assert decode(200, VECTOR) == Vector((0.25,))
    assert decode(200, INFORMED) == Vector(())


WARNED = b',"warnings":["store is down"],"infos":[]}'


@pytest.mark.parametrize("body", [MATRIX, VECTOR])
def test_results_that_are_read_one_by_one_are_those_that_are_read_at_once(body: bytes) -> None:
    """A space before the status is no way that Prometheus begins."""
    assert repr(decode(200, body)) == repr(decode(200, body.replace(b"{", b"{ ", 1)))
    with pytest.raises(Failed, match="partial: store is down"):
        decode(200, body[:-1] + WARNED)


@pytest.mark.parametrize("cut", [b"}]}}", b",]}}", b"]]}}", b"]", b"]},5", b'],"result":1}}x'])
def test_a_list_of_results_that_ends_otherwise_is_no_answer(cut: bytes) -> None:
    for body in (MATRIX, VECTOR):
        broken = body.removesuffix(b"]}}") + cut
        for text in (broken, broken.replace(b"{", b"{ ", 1)):
            with pytest.raises(Failed) as caught:
                decode(200, text)
            assert caught.value.problem.kind is ProblemKind.UNREACHABLE


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (400, REFUSED, ProblemKind.QUERY, "parse error: unclosed left parenthesis"),
        (422, REFUSED, ProblemKind.QUERY, "refuses the query"),
        (503, GIVEN_UP, ProblemKind.TIMEOUT, "query timed out"),
        (200, STRING, ProblemKind.QUERY, "gives a string"),
        (200, PARTIAL, ProblemKind.PARTIAL, "store http://s1:1/x is down"),
        (200, b"<html>Sign in</html>", ProblemKind.UNREACHABLE, "no complete JSON"),
        (200, MATRIX[:-9], ProblemKind.UNREACHABLE, "no complete JSON"),
        (200, b'"ok"', ProblemKind.UNREACHABLE, "no complete JSON"),
        (200, b"\xff\xfe\x00", ProblemKind.UNREACHABLE, "no complete JSON"),
        (200, b'{"status":"success"}', ProblemKind.UNREACHABLE, "not shaped as"),
        (200, VECTOR.replace(b'"0.25"', b'"a"'), ProblemKind.UNREACHABLE, "not shaped as"),
        (200, VECTOR.replace(b"[{", b"[5,{"), ProblemKind.UNREACHABLE, "not shaped as"),
        (200, b"[" * 200_000, ProblemKind.UNREACHABLE, "no complete JSON"),
        (
            200,
            MATRIX.replace(b"[[", b"[[" + b"9" * 400 + b',"1"],['),
            ProblemKind.UNREACHABLE,
            "not shaped as",
        ),
        (200, MATRIX.replace(b"[[", b'[[1e300,"1"],['), ProblemKind.UNREACHABLE, "not shaped as"),
        (200, b'{"status":"success","warnings":7,"data":{}}', ProblemKind.PARTIAL, "partial: 7"),
        (302, b"", ProblemKind.UNREACHABLE, "redirect (HTTP 302)"),
        (401, b"Unauthorized", ProblemKind.UNREACHABLE, "check the credentials"),
        (502, b"Bad Gateway", ProblemKind.TIMEOUT, "HTTP 502"),
        (500, b'{"status":"error"}', ProblemKind.QUERY, "HTTP 500"),
    ],
)
def test_what_is_no_answer(status: int, body: bytes, kind: ProblemKind, said: str) -> None:
    with pytest.raises(Failed) as caught:
        decode(status, body)
    assert caught.value.problem.kind is kind
    assert said in caught.value.problem.message
    assert "\n" not in caught.value.problem.message
    assert "pw" not in caught.value.problem.message


def test_words_of_others_become_one_short_line_without_credentials() -> None:
    assert clean("a\n\t b") == "a b"
    assert clean("see https://user:secret@host/x?y") == "see https://host/x?y"
    assert len(clean("long " * 200)) <= 240


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (504, b"<html>", ProblemKind.TIMEOUT),
        (413, b"too large", ProblemKind.TIMEOUT),
        (404, b"<html>", ProblemKind.UNREACHABLE),
        (429, b'{"status":"error","errorType":"x","error":"slow down"}', ProblemKind.UNREACHABLE),
        (
            503,
            b'{"status":"error","errorType":"unavailable","error":"no"}',
            ProblemKind.UNREACHABLE,
        ),
    ],
)
def test_only_what_another_query_may_fare_better_with_is_asked_apart(
    status: int, body: bytes, kind: ProblemKind
) -> None:
    with pytest.raises(Failed) as failed:
        decode(status, body)
    assert failed.value.problem.kind is kind
