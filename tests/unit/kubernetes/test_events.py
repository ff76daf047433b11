"""Events are told once each, also where the API server fails, and by whichever process."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio import client

from surefoot.adapters.kubernetes.api import Api
from surefoot.adapters.kubernetes.events import EventRecorder
from surefoot.api.vocabulary import Reason
from surefoot.engine.effects import Announcement
from surefoot.engine.owed import MOST_OWED
from surefoot.ports import Key, PermanentError, ReleaseObject, TransientError

RELEASE = ReleaseObject(
    Key("risk", "fraud"), "uid-1", 1, datetime(2026, 1, 5, tzinfo=UTC), "1", False, False, None, "",
    None, {},
)  # fmt: skip


def said(about: str) -> Announcement:
    return Announcement(Reason.STEP_REACHED, f"what {about} says", about=about)


NO_JSON = 200
"""With something else than JSON, as from a proxy."""


class Server:
    """Takes Events as an API server does, one of a name, unless it is told to answer otherwise."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.answers: list[int] = []

    async def post(self, request: web.Request) -> web.Response:
        code = 201
        name = (await request.json())["metadata"].get("name", "")
        if self.answers and (code := self.answers.pop(0)) == NO_JSON:
            return web.Response(text="<html>", content_type="application/json")
        if code != 201:
            return web.json_response({"message": "no", "reason": "Conflict"}, status=code)
        if name and name in self.names:
            return web.json_response({"message": "no", "reason": "AlreadyExists"}, status=409)
        self.names.append(name)
        return web.json_response({}, status=201)


@pytest.fixture
async def stage() -> AsyncIterator[tuple[Server, Api]]:
    server, app = Server(), web.Application()
    app.router.add_post("/apis/events.k8s.io/v1/namespaces/risk/events", server.post)
    async with TestServer(app) as running:
        api = Api(client.Configuration(host=str(running.make_url("")).rstrip("/")))
        yield server, api
        await api.close()


async def test_another_process_tells_nothing_twice(stage: Any) -> None:
    server, api = stage
    for _ in range(2):
        recorder = EventRecorder(api, "pod")
        assert recorder.owed(RELEASE) is None
        await recorder.announce(RELEASE, (said("a"), said("b")))
        assert recorder.owed(RELEASE) == ()
    assert len(server.names) == 2
    assert all(name.startswith("fraud.") for name in server.names)


@pytest.mark.parametrize(
    ("code", "error"),
    [(503, TransientError), (403, PermanentError), (NO_JSON, TransientError)],
)
async def test_what_fails_is_owed_with_all_that_follows(
    stage: Any, code: int, error: type[Exception]
) -> None:
    server, api = stage
    server.answers = [201, code]
    recorder = EventRecorder(api, "pod")
    everything = (said("a"), said("b"), Announcement(Reason.HOLD_RUNNING, "passing"), said("c"))
    with pytest.raises(error):
        await recorder.announce(RELEASE, everything)
    assert recorder.owed(RELEASE) == (said("b"), said("c"))


async def test_a_conflict_that_is_no_namesake_is_tried_again(stage: Any) -> None:
    server, api = stage
    server.answers = [409]
    recorder = EventRecorder(api, "pod")
    with pytest.raises(Exception, match="409"):
        await recorder.announce(RELEASE, (said("a"),))
    assert recorder.owed(RELEASE) == (said("a"),)


async def test_what_the_api_server_will_never_take_is_let_go(stage: Any) -> None:
    server, api = stage
    server.answers = [422]
    recorder = EventRecorder(api, "pod")
    with pytest.raises(PermanentError):
        await recorder.announce(RELEASE, (said("a"), said("b")))
    assert recorder.owed(RELEASE) == (said("b"),)


async def test_no_more_is_owed_than_a_status_remembers(stage: Any) -> None:
    server, api = stage
    server.answers = [503]
    recorder = EventRecorder(api, "pod")
    many = tuple(said(str(number)) for number in range(MOST_OWED + 5))
    with pytest.raises(TransientError):
        await recorder.announce(RELEASE, many)
    assert recorder.owed(RELEASE) == many[5:]
