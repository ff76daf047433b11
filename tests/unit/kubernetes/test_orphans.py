"""Whether a release that only a record knows of is gone: the API server is asked, not the watches."""

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio import client

from surefoot.adapters.kubernetes.api import Api
from surefoot.adapters.kubernetes.cache import RELEASES, Cache
from surefoot.adapters.kubernetes.store import KubernetesStore
from surefoot.api.record import ReleaseRecordSpec
from surefoot.ports import TransientError
from tests.support.examples import EXAMPLES
from tests.support.kube import load_all

(OPEN,) = load_all(EXAMPLES / "valid" / "record-open.yaml")
RECORD = ReleaseRecordSpec.model_validate(OPEN["spec"])


def other(route: str = "fraud", backend: str = "fraud-v42", adopted: bool = True) -> dict[str, Any]:
    """Another ModelRelease, as the watches have shown it."""
    meta = {
        "name": "fraud-b", "namespace": "risk", "uid": "uid-b", "resourceVersion": "7",
        "creationTimestamp": "2026-01-05T09:00:00Z",
    }  # fmt: skip
    spec = {
        "candidate": {"workloadRef": {"name": backend}},
        "traffic": {"route": {"name": route}},
    }
    status = {"incumbent": {"workload": "x", "backend": {"name": "x"}}} if adopted else {}
    return {"metadata": meta, "spec": spec, "status": status}


async def is_orphan(status: int, *known: dict[str, Any]) -> bool:
    asked = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response({"metadata": {}}, status=status)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    cache = Cache()
    for body in known:
        cache.put(RELEASES, body)
    async with TestServer(app) as server:
        api = Api(client.Configuration(host=str(server.make_url("/")).rstrip("/")))
        try:
            found = await KubernetesStore(api, cache).is_orphan(RECORD, "risk")
        finally:
            await api.close()
    assert set(asked) <= {"/apis/surefoot.dev/v1alpha1/namespaces/risk/modelreleases/fraud"}
    return found


async def test_it_is_when_the_api_server_has_no_such_release() -> None:
    assert await is_orphan(404)


async def test_it_is_not_while_the_watch_has_merely_not_shown_it_yet() -> None:
    assert not await is_orphan(200)


async def test_a_server_that_fails_says_nothing() -> None:
    with pytest.raises(TransientError):
        await is_orphan(503)


async def test_it_is_not_while_another_release_moves_its_route_and_backends() -> None:
    assert not await is_orphan(404, other())


@pytest.mark.parametrize(
    "body", [other(route="else"), other(backend="fraud-v9"), other(adopted=False)]
)
async def test_others_that_have_nothing_to_do_with_it_do_not_count(body: dict[str, Any]) -> None:
    assert await is_orphan(404, body)
