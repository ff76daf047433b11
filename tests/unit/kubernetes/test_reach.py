"""How far a release reaches: its own namespace, one API server, and no address that it could name."""

import asyncio
import contextlib
import copy
import re
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio import client

from surefoot.adapters.kubernetes.api import Api, path_of
from surefoot.adapters.kubernetes.cache import RELEASES, Cache
from surefoot.adapters.kubernetes.events import EventRecorder
from surefoot.adapters.kubernetes.records import KubernetesRecords
from surefoot.adapters.kubernetes.routes import HttpRoutes
from surefoot.adapters.kubernetes.store import KubernetesStore
from surefoot.api.crd import all_crds
from surefoot.ports import PermanentError, PortError, Ports, TransientError
from surefoot.reconcile import reconcile
from tests.fuzz.answers import sound
from tests.fuzz.memory import Json, MemoryApi, MemoryPrometheus, Notes, ports_on
from tests.fuzz.stories import KEY, Scene, in_flight, reconciled

# All that a tick of a release in namespace risk may ask for. Classes belong to the cluster.
OWN = re.compile(
    r"/apis/surefoot\.dev/v1alpha1/namespaces/risk/(modelreleases/fraud(/status)?|releaseactions/[^/]+/status)"
    r"|/apis/surefoot\.dev/v1alpha1/releaseclasses/[^/]+"
    r"|/apis/apps/v1/namespaces/risk/deployments/[^/]+"
    r"|/api/v1/namespaces/risk/(services|configmaps)/[^/]+"
    r"|/apis/gateway\.networking\.k8s\.io/v1/namespaces/risk/httproutes(/[^/]+)?"
    r"|/apis/surefoot\.dev/v1alpha1/namespaces/risk/releaserecords(/[^/]+|\?labelSelector=[^&/]+)?"
    r"|/apis/events\.k8s\.io/v1/namespaces/risk/events"
)
OUTSIDE = (
    "../../other/deployments/x",
    "..",
    "%2e%2e%2fother",
    "x/../../other",
    "other/x?a=1#b",
    "risk\r\nHost: x",
)


def scene(name: str) -> Scene:
    return next(s for s in in_flight() if s.name.startswith(name))


class ApiServer:
    """Stands in for the API server: serves the objects of a scene, and writes down every path."""

    def __init__(self, objects: tuple[Json, ...] = ()) -> None:
        self.cache = Cache()
        self.memory = MemoryApi(objects, Cache())
        self.asked: list[str] = []
        self.leads_to: str | None = None
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._answer)
        self.server = TestServer(app)

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.raw_path.split("?")[0])
        if self.leads_to is not None:
            return web.Response(status=307, headers={"Location": self.leads_to + request.path})
        try:
            if request.method == "GET":
                return web.json_response(await self.memory.get(request.path))
            body = await request.json()
            if request.method == "POST":
                return web.json_response(await self.memory.post(request.path, body), status=201)
            return web.json_response(
                await self.memory.patch(request.path, body, request.content_type)
            )
        except PortError as error:
            return web.json_response({"message": str(error)}, status=404)

    async def start(self) -> Api:
        """The operator's client of it, as somebody with a token."""
        await self.server.start_server()
        found = client.Configuration(host=str(self.server.make_url("")).rstrip("/"))
        found.api_key, found.api_key_prefix = {"BearerToken": "s3cr3t"}, {"BearerToken": "Bearer"}
        found.retries = None
        return Api(found)


@pytest_asyncio.fixture
async def place() -> AsyncIterator[tuple[ApiServer, Api]]:
    """A release that names all it can, of which the operator knows nothing but the release."""
    server = ApiServer(scene("every signal").objects)
    api = await server.start()
    yield server, api
    await api.close()
    await server.server.close()


def ports(api: Api, cache: Cache) -> Ports:
    store = KubernetesStore(api, cache)
    metrics = MemoryPrometheus(lambda question, now: sound(question, now, bad=True))
    notes, records = EventRecorder(api, "test"), KubernetesRecords(api)
    return Ports(store, store, HttpRoutes(api, cache), metrics, notes, records)


@pytest.mark.parametrize("host", ["https://kube.example:6443", "http://kube.example:6443"])
async def test_a_proxy_that_refuses_is_named_without_its_password(host: str) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    proxy = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = proxy.sockets[0].getsockname()[1]
    found = client.Configuration(host=host)
    found.proxy, found.retries = f"http://surefoot:s3cr3t@127.0.0.1:{port}", None
    api = Api(found)
    with pytest.raises(PortError, match="407") as refused:
        await api.get("/api/v1/namespaces/risk/configmaps/scores")
    await api.close()
    proxy.close()
    assert "s3cr3t" not in str(refused.value)


@pytest.mark.slow
async def test_a_tick_asks_for_nothing_outside_of_its_namespace(
    place: tuple[ApiServer, Api],
) -> None:
    server, api = place
    body = copy.deepcopy(server.memory.objects["modelreleases", "fraud"])
    body["spec"] |= {"releaseClassName": "tier1-tabular"}
    gateway = {"name": "public", "namespace": "gateways", "sectionName": "https"}
    body["spec"]["traffic"] = {"managedRoute": {"parentRefs": [gateway]}}
    cache = Cache()
    cache.put(RELEASES, server.memory.put(body))
    now = scene("every signal").now
    for _ in range(6):
        now += timedelta(seconds=10)
        try:
            await reconcile(KEY, ports(api, cache), now)
        except PortError:
            continue
    kinds = {path.split("/")[-2] for path in server.asked}
    assert {
        "releaseclasses",
        "deployments",
        "services",
        "configmaps",
        "httproutes",
        "fraud",
    } <= kinds
    assert [path for path in server.asked if not OWN.fullmatch(path)] == []


def texts(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the strings of a tree are."""
    if isinstance(node, str):
        yield path
    items = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node if isinstance(node, list) else ())
    )
    for key, value in items:
        yield from texts(value, (*path, key))


def put_in(body: Json, path: tuple[Any, ...], value: str) -> Json:
    body = copy.deepcopy(body)
    node = body
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return body


class Recording(MemoryApi):
    """Writes down every path."""

    asked: list[str]

    async def get(self, path: str) -> Json:
        self.asked.append(path)
        return await super().get(path)

    async def patch(self, path: str, patch: Any, content: str) -> Json:
        self.asked.append(path)
        return await super().patch(path, patch, content)


@pytest.mark.slow
def test_no_text_of_spec_or_status_leads_out_of_the_namespace() -> None:
    known = scene("every signal")
    release = known.of("ModelRelease")[0]
    places = [p for part in ("spec", "status") for p in texts(release[part], (part,))]
    assert len(places) > 100
    for number, path in enumerate(places):
        # The other objects are unknown to the cache, so that each is asked for by its name.
        cache, api = Cache(), Recording((), Cache())
        api.asked = []
        for body in known.objects[1:]:
            api.put(body)
        cache.put(RELEASES, api.put(put_in(release, path, OUTSIDE[number % len(OUTSIDE)])))
        metrics = MemoryPrometheus(lambda question, now: sound(question, now))
        with contextlib.suppress(PermanentError):
            reconciled(ports_on(api, cache, metrics, Notes()), known.now)
        assert [asked for asked in api.asked if not OWN.fullmatch(asked)] == [], path


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_name_stays_one_part_of_a_path(name: str) -> None:
    try:
        path = path_of("apps", "v1", "deployments", "risk", name)
    except PermanentError:
        return
    assert OWN.fullmatch(path)
    assert unquote(path.rsplit("/", 1)[1]) == name


async def test_a_redirect_of_the_api_server_is_not_followed(place: tuple[ApiServer, Api]) -> None:
    server, api = place
    elsewhere = ApiServer()
    other = await elsewhere.start()
    server.leads_to = str(elsewhere.server.make_url("")).rstrip("/")
    for call in (
        api.get("/api/v1/x"),
        api.post("/api/v1/x", {}),
        api.patch("/api/v1/x", {}, "application/json"),
    ):
        with pytest.raises(TransientError, match="a redirect, which is not followed"):
            await call
    assert elsewhere.asked == []
    await other.close()
    await elsewhere.server.close()


async def test_an_error_of_the_api_s_client_says_nothing_of_the_token(
    place: tuple[ApiServer, Api],
) -> None:
    server, api = place
    await server.server.close()
    with pytest.raises(TransientError) as refused:
        await asyncio.wait_for(api.get("/api/v1/x"), 30)
    assert "s3cr3t" not in f"{refused.value!r} {refused.value.__cause__!r} {api!r}"


# server-side request forgery

# What sounds like an address, and is none that anybody asks.
HARMLESS = {
    "spec.traffic.managedRoute.hostnames": "names that the Gateway matches requests by",
    "spec.owner.runbook": "shown to people",
    "spec.owner.contact": "shown to people",
    "spec.candidate.backendRef.port": "a Service's, in the release's own namespace",
    "spec.incumbent.backendRef.port": "a Service's, in the release's own namespace",
}
ADDRESS = re.compile(
    r"addr|url|uri|host|endpoint|server|proxy|webhook|callback|port\b|domain|\bip\b|contact|runbook|tenant|credential"
    r"|secret|token|password|certificate|metrics$",
    re.IGNORECASE,
)


def fields(schema: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Every field of a schema by its path."""
    for name, below in schema.get("properties", {}).items():
        yield f"{path}.{name}".lstrip("."), below
        yield from fields(below, f"{path}.{name}")
    if "items" in schema:
        yield from fields(schema["items"], path)


@pytest.mark.parametrize("kind", ["modelreleases", "releaseactions"])
def test_what_a_team_writes_has_no_field_for_an_address_or_a_credential(kind: str) -> None:
    schema = all_crds()[f"{kind}.surefoot.dev.yaml"]["spec"]["versions"][0]["schema"][
        "openAPIV3Schema"
    ]
    spec = schema["properties"]["spec"]
    suspicious = {
        path
        for path, found in fields(spec, "spec")
        if ADDRESS.search(path.rsplit(".", 1)[1])
        or "http" in found.get("pattern", "")
        or found.get("format") == "uri"
    }
    assert suspicious == (set(HARMLESS) if kind == "modelreleases" else set())
