"""Answers of the API server as the ports' errors, paths, and Events that fit."""

import json
from typing import Any

import pytest

from surefoot.adapters.kubernetes.api import NotFoundError, RefusedError, error_of, path_of
from surefoot.adapters.kubernetes.deep import MOST_DEEP, read
from surefoot.adapters.kubernetes.events import MOST_NOTE_BYTES, note_of
from surefoot.ports import ConflictError, PermanentError, TransientError


def answer(message: str = "no", causes: list[dict[str, str]] | None = None) -> str:
    details: dict[str, Any] = {"causes": causes} if causes else {}
    return json.dumps({"kind": "Status", "message": message, "details": details})


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, answer(), NotFoundError),
        (409, answer(), ConflictError),
        (422, answer(causes=[{"reason": "UnexpectedServerResponse"}]), ConflictError),
        (422, answer(causes=[{"reason": "FieldValueInvalid"}]), RefusedError),
        (422, "", RefusedError),
        (429, answer(), TransientError),
        (503, "<html>", TransientError),
        (403, answer(), PermanentError),
        (400, "[1]", PermanentError),
    ],
)
def test_an_answer_becomes_the_error_that_tells_what_to_do(
    status: int, body: str, kind: type[Exception]
) -> None:
    assert type(error_of(status, body, "PATCH /x")) is kind


def test_a_refusal_carries_the_servers_own_sentence() -> None:
    refused = error_of(422, answer("hostnames[0]: no such"), "PATCH /x")
    assert isinstance(refused, RefusedError)
    assert refused.said == "hostnames[0]: no such"


def test_a_name_cannot_lead_to_another_path() -> None:
    made = path_of("apps", "v1", "deployments", "risk", "../x?y=1")
    assert made == "/apis/apps/v1/namespaces/risk/deployments/..%2Fx%3Fy%3D1"
    for name in (".", ".."):
        with pytest.raises(PermanentError, match="no name of an object"):
            path_of("apps", "v1", "deployments", "risk", name)


def test_what_belongs_to_the_cluster_has_no_namespace_in_its_path() -> None:
    assert path_of("surefoot.dev", "v1alpha1", "releaseclasses", "", "tier1") == (
        "/apis/surefoot.dev/v1alpha1/releaseclasses/tier1"
    )


@pytest.mark.parametrize("text", ["x" * 2000, "顧客から苦情" * 200, "é" + "x" * 2000])
def test_a_note_is_cut_to_the_bytes_that_the_api_takes(text: str) -> None:
    note = note_of(text)
    assert text.startswith(note.removesuffix("…"))
    assert MOST_NOTE_BYTES - 4 < len(note.encode()) <= MOST_NOTE_BYTES
    assert note.endswith("…")


def test_a_note_is_one_line_in_which_nothing_is_hidden() -> None:
    assert note_of("paused by al\x1b[2Jice:\n\u202e42 ") == ("paused by al\\x1b[2Jice:\\n\\u202e42")


def levels(found: Any) -> int:
    depth = 0
    while found:
        found, depth = next(iter(found.values() if isinstance(found, dict) else found)), depth + 1
    return depth


@pytest.mark.parametrize(("opens", "closes"), [('{"a":', "}"), ("[", "]")])
def test_json_is_read_to_a_depth_and_all_beside_it_in_full(opens: str, closes: str) -> None:
    for depth in (150, 250, 1500, 100_000):
        deep = opens * depth + "1" + closes * depth
        found = read(f'{{"deep":{deep},"after":"}}]\\"{{[","more":[{deep},2]}}', "GET /x")
        if depth > 200:
            assert levels(found["deep"]) == MOST_DEEP - 1
        assert found["after"] == '}]"{['
        assert found["more"][1] == 2


@pytest.mark.parametrize("text", ["", "<html>", '{"a":' * 300, "]" * 300, '{"a":1', "1 2"])
def test_what_is_no_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="line 1"):
        read(text, "GET /x")


def test_a_refusal_without_a_bottom_is_a_refusal() -> None:
    deep = "[" * 1500 + "]" * 1500
    assert type(error_of(503, f'{{"message":"no","details":{deep}}}', "GET /x")) is TransientError
