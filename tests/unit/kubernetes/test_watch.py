"""A list and a watch of one kind, on a server that says what the test wants: what is told, and from where it goes on."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from itertools import islice
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio import client

from surefoot.__main__ import Operator
from surefoot.adapters.kubernetes.api import PAGE, Api
from surefoot.adapters.kubernetes.cache import RECORDS, SERVICES, Cache, Kind
from surefoot.adapters.kubernetes.watch import Watch, backoff
from surefoot.handlers import KINDS, Sensor
from surefoot.ports import Key
from surefoot.settings import Settings

Json = dict[str, Any]


def service(name: str, version: int = 1, uid: str = "") -> Json:
    meta = {"name": name, "namespace": "risk", "uid": uid or name, "resourceVersion": str(version)}
    return {"metadata": meta, "spec": {"ports": [{"port": 80}]}}


def event(type_: str, body: Json) -> Json:
    return {"type": type_, "object": body}


def bookmark(version: int) -> Json:
    return event("BOOKMARK", {"metadata": {"resourceVersion": str(version)}})


# A depth at which a reader that recurses ends, which Python's own writer cannot bring about either.
_DEPTH = 1500
_DEEP = '{"a":' * _DEPTH + "1" + "}" * _DEPTH


def nested(name: str, version: int) -> Json:
    """An object with a status of that depth."""
    return {**service(name, version), "status": "deep"}


def written(body: Any) -> str:
    return json.dumps(body).replace('"deep"', _DEEP)


EXPIRED = event("ERROR", {"code": 410, "reason": "Expired", "message": "too old resource version"})


class ApiServer:
    """Each list is of the next of `worlds`, a resourceVersion and its objects, and then of the last one;
    each watch gets the next of `streams`, events or a status code, and then one that stays open."""

    def __init__(self) -> None:
        self.worlds: list[tuple[int, list[Json]]] = [(10, [])]
        self._next = 0
        self.streams: list[list[Json] | int] = []
        self.lists: list[int | str] = []
        """Status codes of the next lists, or what they say instead, before they succeed."""
        self.asked: list[str] = []
        app = web.Application()
        app.router.add_get("/api/v1/namespaces/risk/services", self._answer)
        app.router.add_get(
            "/apis/surefoot.dev/v1alpha1/namespaces/risk/releaserecords", self._answer
        )
        self.server = TestServer(app)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            return await self._watch(request)
        self.asked.append("list" + request.query.get("continue", ""))
        if self.lists:
            said = self.lists.pop(0)
            if isinstance(said, str):
                return web.Response(text=said, content_type="application/json")
            return web.json_response({"message": "no"}, status=said)
        first = int(request.query.get("continue", "0"))
        last = first + int(request.query["limit"])
        version, objects = self.worlds[min(self._next, len(self.worlds) - 1)]
        meta = {"resourceVersion": str(version)}
        if last < len(objects):
            meta["continue"] = str(last)
        else:
            self._next += 1
        # Go writes null for a list with nothing in it.
        page = {"metadata": meta, "items": objects[first:last] or None}
        return web.json_response(page, dumps=written)

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"watch from {request.query['resourceVersion']}")
        assert request.query["allowWatchBookmarks"] == "true"
        events = self.streams.pop(0) if self.streams else None
        if isinstance(events, int):
            return web.json_response({"code": events, "message": "no"}, status=events)
        response = web.StreamResponse()
        await response.prepare(request)
        for each in events or ():
            await response.write(written(each).encode() + b"\n")
        if events is None:
            await asyncio.Event().wait()
        return response


class Place:
    """A watch on a server, and what it told."""

    def __init__(self, api: Api, server: ApiServer) -> None:
        self.api, self.server, self.cache, self.told = api, server, Cache(), list[str]()
        self.watch = Watch(api, self.cache, SERVICES, "risk", self._saw)

    def _saw(self, kind: Kind, body: Json, gone: bool) -> None:
        meta = body["metadata"]
        if meta["name"] == "odd":
            raise TypeError("nobody can read it")
        self.told.append(f"{'-' if gone else ''}{meta['name']}@{meta['resourceVersion']}")
        if gone:
            self.cache.drop(kind, "risk", meta["name"], meta["uid"])
        else:
            self.cache.put(kind, body)

    async def until(self, done: Callable[[], bool]) -> None:
        """Run the watch until something has come about."""
        running = asyncio.create_task(self.watch.run())
        try:
            async with asyncio.timeout(60):
                while not done():
                    await asyncio.wait([running], timeout=0.01)
                    assert not running.done()
        finally:
            running.cancel()
            await asyncio.wait([running])


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Place]:
    server = ApiServer()
    await server.server.start_server()
    configuration = client.Configuration(host=str(server.server.make_url("")).rstrip("/"))
    configuration.retries = None
    api = Api(configuration)
    yield Place(api, server)
    await api.close()
    await server.server.close()


async def test_all_pages_of_a_list_are_told_and_then_what_changes(place: Place) -> None:
    numbers = range(2 * PAGE + 1)
    place.server.worlds = [(10, [service(f"s{n}") for n in numbers])]
    place.server.streams = [
        [event("ADDED", service("new", 11)), event("MODIFIED", service("s0", 12)),
         event("DELETED", service("s1", 13))],
    ]  # fmt: skip
    await place.until(lambda: "watch from 13" in place.server.asked)
    assert place.told == [*(f"s{n}@1" for n in numbers), "new@11", "s0@12", "-s1@13"]
    assert place.server.asked == [
        "list", f"list{PAGE}", f"list{2 * PAGE}", "watch from 10", "watch from 13",
    ]  # fmt: skip
    assert place.watch.tried.is_set()


async def test_a_stream_that_ended_goes_on_from_the_last_bookmark(place: Place) -> None:
    place.server.streams = [[bookmark(57)], []]
    await place.until(lambda: place.server.asked.count("watch from 57") == 2)
    assert place.server.asked == ["list", "watch from 10", "watch from 57", "watch from 57"]
    assert place.told == []


async def test_the_largest_object_that_etcd_stores_is_told(place: Place) -> None:
    large = service("large", 11)
    large["metadata"]["annotations"] = {"notes": "x" * (3 << 19)}
    place.server.streams = [[event("ADDED", large)]]
    await place.until(lambda: "large@11" in place.told)


@pytest.mark.parametrize("forgotten", [[EXPIRED], 410])
async def test_what_a_watch_missed_is_found_by_the_list_after_a_410(
    place: Place, forgotten: list[Json] | int
) -> None:
    before = [service(name) for name in ("stays", "goes", "changes", "anew")]
    after = [service("stays"), service("changes", 98), service("anew", 99, "other")]
    place.server.worlds = [(10, before), (99, after)]
    place.server.streams = [[bookmark(57)], forgotten]
    await place.until(lambda: "watch from 99" in place.server.asked)
    assert place.told[:4] == ["stays@1", "goes@1", "changes@1", "anew@1"]
    # The old one of a name that was made anew is no more known by then.
    assert place.told[4:] == ["changes@98", "anew@99", "-goes@1"]
    assert place.server.asked[-2:] == ["list", "watch from 99"]


def record(name: str, version: int = 1) -> Json:
    meta = {
        "name": name, "namespace": "risk", "uid": f"uid-{name}", "resourceVersion": str(version),
        "creationTimestamp": "2026-01-05T09:00:00Z",
    }  # fmt: skip
    return {"metadata": meta, "spec": {"releaseName": "fraud"}}


async def test_records_that_a_watch_missed_the_end_of_are_known_no_more(place: Place) -> None:
    settings = Settings(prometheus_url="http://localhost:9090", namespaces=("risk",))
    operator, woken = Operator(settings, place.api), list[Key]()
    records = operator.records
    sensor = Sensor(operator.cache, operator.store, records, woken.append)
    place.watch = operator.watches(sensor.saw)[KINDS.index(RECORDS)]
    place.server.worlds = [(10, [record("stays"), record("goes")]), (99, [record("stays")])]
    place.server.streams = [[EXPIRED]]
    await place.until(lambda: "watch from 99" in place.server.asked)
    assert [known.name for known in records.known(Key("risk", "fraud"))] == ["stays"]
    assert woken == [Key("risk", "fraud")] * 3, "what stayed as it was wakes nobody again"


@pytest.mark.parametrize(
    ("refused", "ended"),
    [
        (404, 500),
        (403, [event("ERROR", {"code": 500, "message": "etcd"})]),
        (500, [{}]),
        (503, []),
        ("<html>", [None]),
        ("null", [{"type": "ADDED"}]),
        ("{}", [7]),
        (
            '{"metadata": {"resourceVersion": "9"}, "items": [{}]}',
            [event("ADDED", {"metadata": None})],
        ),
    ],
)
async def test_what_fails_is_tried_again_and_what_is_known_stays(
    place: Place, refused: int | str, ended: Any
) -> None:
    place.server.worlds = [(10, [service("stays")])]
    place.server.lists = [refused]
    place.server.streams = [ended]
    await place.until(lambda: place.server.asked.count("watch from 10") == 2)
    assert place.server.asked == ["list"] * 2 + ["watch from 10"] * 2
    assert place.told == ["stays@1"]


async def test_a_first_list_that_fails_keeps_nobody_waiting(place: Place) -> None:
    place.server.lists = [500] * 100
    await place.until(place.watch.tried.is_set)
    assert place.told == []


async def test_an_object_that_nobody_can_read_keeps_no_other_from_being_told(place: Place) -> None:
    place.server.worlds = [(10, [service("odd"), service("one")])]
    place.server.streams = [
        [event("MODIFIED", service("odd", 11)), event("ADDED", service("two", 12))]
    ]
    await place.until(lambda: "watch from 12" in place.server.asked)
    assert place.told == ["one@1", "two@12"]


async def test_an_object_without_a_bottom_keeps_no_other_from_being_told(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.server.worlds = [(10, [service("one"), nested("bottomless", 1), service("two")])]
    place.server.streams = [
        [event("MODIFIED", nested("bottomless", 11)), event("ADDED", service("three", 12))]
    ]
    await place.until(lambda: "watch from 12" in place.server.asked)
    assert place.told == ["one@1", "bottomless@1", "two@1", "bottomless@11", "three@12"]
    assert place.server.asked == ["list", "watch from 10", "watch from 12"]
    assert "nested deeper than 100 levels is left out" in caplog.text


def test_backoff_never_ends_and_never_exceeds_15_seconds() -> None:
    waits = list(islice(backoff(), 2000))
    assert len(waits) == 2000
    assert max(waits) <= 15.0
    assert min(waits) >= 0.1
    assert next(backoff()) <= 0.2
