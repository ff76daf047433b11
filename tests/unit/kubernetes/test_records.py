"""ReleaseRecords on an API server that answers by hand: opened, sealed and dropped at most once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio import client

from surefoot.adapters.kubernetes.api import Api, RefusedError
from surefoot.adapters.kubernetes.cache import RECORDS
from surefoot.adapters.kubernetes.records import KubernetesRecords
from surefoot.api.record import RecordEnd, ReleaseRecordSpec, label_of
from surefoot.engine.effects import DropRecord, OpenRecord, SealRecord
from surefoot.ports import Key
from tests.support.examples import EXAMPLES
from tests.support.kube import Json, load_all

FRAUD = Key("risk", "fraud")
PATH = "/apis/surefoot.dev/v1alpha1/namespaces/risk/releaserecords"
(OPEN,) = load_all(EXAMPLES / "valid" / "record-open.yaml")
(FULL,) = load_all(EXAMPLES / "valid" / "record-full.yaml")
NAME = OPEN["metadata"]["name"]
SPEC = ReleaseRecordSpec.model_validate(OPEN["spec"])
END = RecordEnd.model_validate(FULL["spec"]["end"])


def stored(body: Json, **spec: Any) -> Json:
    """As an API server gives it back."""
    meta = {**body["metadata"], "namespace": "risk", "creationTimestamp": "2026-01-05T09:00:00Z"}
    return {**body, "metadata": meta, "spec": {**body["spec"], **spec}}


class Server:
    """Records by name, and every request."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.records: dict[str, Json] = {}
        self.refuses, self.chosen = False, ""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(f"{request.method} {request.path.removeprefix(PATH)}")
        self.chosen = request.query.get("labelSelector", "")
        name = request.path.removeprefix(PATH).strip("/")
        if request.method == "POST":
            body = await request.json()
            if body["metadata"]["name"] in self.records:
                return web.json_response({"message": "already exists"}, status=409)
            self.records[body["metadata"]["name"]] = stored(body)
            return web.json_response(stored(body), status=201)
        if not name:
            return web.json_response({"items": list(self.records.values())})
        if name not in self.records:
            return web.json_response({"message": "not found"}, status=404)
        if request.method == "DELETE":
            del self.records[name]
            return web.json_response({"kind": "Status"})
        if request.method == "PATCH":
            if self.refuses:
                return web.json_response({"message": "sealed"}, status=422)
            patch = await request.json()
            self.records[name]["spec"] |= patch["spec"]
        return web.json_response(self.records[name])


@asynccontextmanager
async def records_on(server: Server) -> AsyncIterator[KubernetesRecords]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    async with TestServer(app) as running:
        api = Api(client.Configuration(host=str(running.make_url("/")).rstrip("/")))
        try:
            yield KubernetesRecords(api)
        finally:
            await api.close()


async def test_a_record_is_opened_sealed_and_dropped() -> None:
    server = Server()
    async with records_on(server) as records:
        await records.write("risk", OpenRecord(NAME, SPEC))
        (known,) = records.known(FRAUD)
        assert (known.name, known.sealed, known.spec) == (NAME, False, SPEC)
        labels = server.records[NAME]["metadata"]["labels"]
        assert labels == {
            "surefoot.dev/release": "fraud",
            "app.kubernetes.io/managed-by": "surefoot",
        }
        await records.write("risk", SealRecord(NAME, END))
        (known,) = records.known(FRAUD)
        assert (known.sealed, known.spec) == (True, None)
        whole = ReleaseRecordSpec.model_validate(server.records[NAME]["spec"])
        assert whole == ReleaseRecordSpec.model_validate(FULL["spec"])
        await records.write("risk", DropRecord(NAME))
        assert records.known(FRAUD) == ()
    assert server.records == {}


async def test_one_that_was_opened_before_a_restart_is_found_again() -> None:
    server = Server()
    server.records[NAME] = stored(OPEN)
    async with records_on(server) as records:
        await records.write("risk", OpenRecord(NAME, SPEC))
        assert [r.spec for r in records.known(FRAUD)] == [SPEC]
    assert server.asked == ["POST ", f"GET /{NAME}"]


async def test_one_that_was_sealed_already_counts_as_sealed() -> None:
    server = Server()
    async with records_on(server) as records:
        await records.write("risk", OpenRecord(NAME, SPEC))
        server.records[NAME], server.refuses = stored(FULL), True
        await records.write("risk", SealRecord(NAME, END))
        assert [r.sealed for r in records.known(FRAUD)] == [True]


async def test_an_end_that_the_api_server_does_not_take_is_an_error() -> None:
    server = Server()
    async with records_on(server) as records:
        await records.write("risk", OpenRecord(NAME, SPEC))
        server.refuses = True
        with pytest.raises(RefusedError):
            await records.write("risk", SealRecord(NAME, END))


async def test_one_that_someone_deleted_needs_no_end() -> None:
    server = Server()
    async with records_on(server) as records:
        await records.write("risk", OpenRecord(NAME, SPEC))
        server.records.clear()
        await records.write("risk", SealRecord(NAME, END))
        assert records.known(FRAUD) == ()
        await records.write("risk", DropRecord(NAME))


async def test_all_of_a_release_are_asked_for_by_label_and_say_all_that_they_have() -> None:
    server = Server()
    other = stored(OPEN, releaseName="fraud-b")
    server.records = {"a": stored(FULL), "b": other, "c": stored(OPEN, candidate="odd")}
    async with records_on(server) as records:
        sealed, unreadable = await records.all(FRAUD)
        assert sealed.sealed
        assert sealed.spec is not None
        assert sealed.spec.end == END
        assert (unreadable.sealed, unreadable.spec) == (False, None)
    assert server.asked == ["GET "]
    assert server.chosen == "surefoot.dev/release=fraud"


async def test_where_the_kind_is_not_there_no_record_is() -> None:
    async def nothing(_: web.Request) -> web.Response:
        return web.json_response({"message": "the server could not find it"}, status=404)

    server = Server()
    server.answer = nothing  # type: ignore[method-assign]
    async with records_on(server) as records:
        assert await records.all(FRAUD) == ()


# the watch


def test_events_are_taken_in_and_name_the_release() -> None:
    records = KubernetesRecords(None)  # type: ignore[arg-type]
    assert records.see(stored(OPEN), gone=False) == FRAUD
    assert [r.spec for r in records.known(FRAUD)] == [SPEC]
    assert records.see(stored(FULL), gone=False) == FRAUD
    assert [r.sealed for r in records.known(FRAUD)] == [True]
    assert records.see(stored(OPEN), gone=False) == FRAUD, "an event that is late"
    assert [r.sealed for r in records.known(FRAUD)] == [True]
    assert records.see(stored(FULL), gone=True) == FRAUD
    assert records.known(FRAUD) == ()


def test_what_is_known_of_records_is_enough_to_tell_later_that_one_is_gone() -> None:
    records = KubernetesRecords(None)  # type: ignore[arg-type]
    body = stored(FULL)
    body["metadata"] |= {"uid": "u1", "resourceVersion": "7"}
    records.see(body, gone=False)
    assert records.every(RECORDS) == records.every(RECORDS, "risk") == [("risk", NAME, "u1", "7")]
    assert records.every(RECORDS, "away") == []
    assert records.get(RECORDS, "risk", "other") is None
    found = records.get(RECORDS, "risk", NAME)
    assert found is not None
    assert found["metadata"]["uid"] == "u1"
    assert records.see(found, gone=True) == FRAUD
    assert records.known(FRAUD) == ()


def test_what_names_no_release_is_nobodys() -> None:
    records = KubernetesRecords(None)  # type: ignore[arg-type]
    assert records.see({"metadata": {"name": "odd", "namespace": "risk"}}, gone=False) is None


@pytest.mark.parametrize("started", ["soon", None])
def test_a_record_without_a_sound_start_began_when_it_was_made(started: str | None) -> None:
    records = KubernetesRecords(None)  # type: ignore[arg-type]
    records.see(stored(FULL, startedAt=started), gone=False)
    (known,) = records.known(FRAUD)
    assert known.started_at.isoformat() == "2026-01-05T09:00:00+00:00"


@pytest.mark.parametrize(
    ("name", "label"), [("fraud", "fraud"), ("a" * 62 + ".b", "a" * 62), ("b" * 200, "b" * 63)]
)
def test_a_label_is_short_enough_and_ends_well(name: str, label: str) -> None:
    assert label_of(name) == label
