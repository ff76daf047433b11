"""Errors of the client library become one sentence."""

import json

import pytest
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import ProtocolError

from surefoot.cli.problem import Problem, as_problems


def answer(status: int | None, body: object = None) -> ApiException:
    error = ApiException(status=status, reason="Reason")
    error.body = body if isinstance(body, str) else json.dumps(body)
    return error


def told(error: Exception) -> Problem:
    with pytest.raises(Problem) as raised, as_problems("Cannot read fraud"):
        raise error
    return raised.value


NOT_FOUND = {"message": 'modelreleases "fraud" not found', "details": {"name": "fraud"}}


@pytest.mark.parametrize(
    ("error", "sentence", "is_passing"),
    [
        (answer(401, {}), "the API server does not know who you are; log in again", False),
        (answer(403, {"message": "alice may not"}), "alice may not", False),
        (answer(404, NOT_FOUND), 'modelreleases "fraud" not found', False),
        (
            answer(404, "404 page not found"),
            "this cluster has no such resource; install Surefoot's CRDs first",
            False,
        ),
        (answer(410, {"message": "too old"}), "too old", True),
        (answer(503, "<html>"), "Reason", True),
        (answer(0), "Reason", True),
        (ProtocolError("cut \x1b"), r"cannot reach the API server (cut \x1b)", True),
        (ConnectionResetError("reset"), "cannot reach the API server (reset)", True),
    ],
)
def test_a_sentence_for_each(error: Exception, sentence: str, is_passing: bool) -> None:
    problem = told(error)
    assert str(problem) == f"Cannot read fraud: {sentence}"
    assert problem.is_passing is is_passing
