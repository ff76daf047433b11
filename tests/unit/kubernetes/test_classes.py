"""A ReleaseClass that no watch has shown yet is asked for, and what comes of each answer."""

import json
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio import client

from surefoot.adapters.kubernetes.api import Api
from surefoot.adapters.kubernetes.cache import Cache
from surefoot.adapters.kubernetes.store import KubernetesStore
from surefoot.api.release_class import ReleaseClassSpec
from surefoot.ports import TransientError

PATH = "/apis/surefoot.dev/v1alpha1/releaseclasses/tier1"
CLASS = {"metadata": {"name": "tier1", "resourceVersion": "7"}, "spec": {"bake": "1h"}}


async def found(status: int, body: dict[str, Any]) -> ReleaseClassSpec | str | None:
    """What the store makes of an answer."""

    async def answer(request: web.Request) -> web.Response:
        assert request.path == PATH
        return web.json_response(body, status=status)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with TestServer(app) as server:
        api = Api(client.Configuration(host=str(server.make_url("/")).rstrip("/")))
        try:
            return await KubernetesStore(api, Cache()).release_class("tier1")
        finally:
            await api.close()


async def test_a_class_that_is_there_is_read() -> None:
    made = await found(200, CLASS)
    assert isinstance(made, ReleaseClassSpec)
    assert made.as_written() == {"bake": "1h"}


async def test_a_class_that_is_not_there_is_none() -> None:
    assert await found(404, {"message": "not found"}) is None


async def test_a_right_that_is_missing_is_a_sentence_and_no_reason_to_stop() -> None:
    said = await found(403, {"message": "forbidden: no right"})
    assert said == f"it cannot be read (GET {PATH}: 403 forbidden: no right)"


async def test_a_server_that_fails_is_asked_again_later() -> None:
    with pytest.raises(TransientError):
        await found(503, json.loads("{}"))


async def test_a_class_that_was_deleted_before_the_watch_began_is_not_believed_in() -> None:
    there = True

    async def answer(_: web.Request) -> web.Response:
        return web.json_response(CLASS if there else {}, status=200 if there else 404)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with TestServer(app) as server:
        api = Api(client.Configuration(host=str(server.make_url("/")).rstrip("/")))
        store = KubernetesStore(api, Cache())
        try:
            assert isinstance(await store.release_class("tier1"), ReleaseClassSpec)
            there = False
            assert await store.release_class("tier1") is None
        finally:
            await api.close()
