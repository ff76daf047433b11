"""The one place that talks to the API server for reads and writes; errors become the ports'."""

import json
import os
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any
from urllib.parse import quote, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from kubernetes.aio import client, config

from surefoot.adapters.kubernetes.deep import read
from surefoot.api.plain import one_line, without_credentials
from surefoot.ports import ConflictError, PermanentError, PortError, TransientError

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
FIELD_MANAGER = "surefoot"
# Small enough that no tick waits for long while a page is read.
PAGE = 200
# Bookmarks come every minute, where anything changes: a stream that is silent for longer may be dead.
_QUIET_S = 90.0
_CONNECT_S = 10.0
Json = dict[str, Any]


class NotFoundError(PermanentError):
    """The object does not exist."""


class ExistsError(ConflictError):
    """What was to be created is there already."""


class ExpiredError(PermanentError):
    """The API server has forgotten where to go on from: list anew."""


class RefusedError(PermanentError):
    """The API server found the object invalid; `said` is its own sentence."""

    def __init__(self, text: str, said: str) -> None:
        super().__init__(text)
        self.said = said


def path_of(group: str, version: str, plural: str, namespace: str, name: str = "") -> str:
    """`/apis/apps/v1/namespaces/risk/deployments/fraud`; the empty group is core, and what has the
    empty namespace belongs to the cluster."""
    if name in (".", ".."):
        raise PermanentError(f"{name!r} is no name of an object")
    root = f"/apis/{group}/{version}" if group else f"/api/{version}"
    where = f"{root}/namespaces/{namespace}" if namespace else root
    return f"{where}/{plural}" + (f"/{quote(name, safe='')}" if name else "")


def error_of(status: int, body: str, what: str) -> PortError:
    """The port's error for an answer of the API server, with its own sentence."""
    try:
        answer = read(body, what)
        said = str(answer.get("message", ""))
        causes = (answer.get("details") or {}).get("causes") or []
        reason = answer.get("reason")
    except (ValueError, AttributeError):
        said, causes, reason = "", [], None
    text = one_line(f"{what}: {status} {said}", 512)
    if status == 404:
        return NotFoundError(text)
    if status == 409 and reason == "AlreadyExists":
        return ExistsError(text)
    if status == 410:
        return ExpiredError(text)
    # A JSON patch whose `test` fails is answered as 422, too; what it found is no field's fault.
    stale = any(cause.get("reason") == "UnexpectedServerResponse" for cause in causes)
    if status == 409 or (status == 422 and stale):
        return ConflictError(text)
    if status == 422:
        return RefusedError(text, one_line(said, 512))
    if status in (408, 429) or status >= 500:
        return TransientError(text)
    return PermanentError(text)


class RedirectError(aiohttp.ClientError):
    """An API server leads nowhere else; whoever does is not to see what is sent to one."""


_BROKEN = (client.ApiException, aiohttp.ClientError, TimeoutError, OSError)
# What is no answer of an API server, but perhaps of a proxy before it.
_SHAPELESS = (ValueError, KeyError, TypeError, AttributeError)


def _lost(what: str, error: Exception) -> TransientError:
    # A proxy that refuses is named with the password that its address may have.
    said = without_credentials(f"{type(error).__name__} {error}")
    return TransientError(one_line(f"{what}: {said}", 512))


def _no_redirects() -> aiohttp.TraceConfig:
    async def refuse(*_: object) -> None:
        raise RedirectError("a redirect, which is not followed")

    tracing = aiohttp.TraceConfig()
    tracing.on_request_redirect.append(refuse)
    return tracing


def _proxy_to(host: str) -> str | None:
    """The environment's proxy on the way there."""
    where = urlsplit(host)
    if proxy_bypass(where.netloc):
        return None
    return getproxies().get(where.scheme)


class Api:
    """A client of one API server. Every call has a deadline; nothing is retried here.

    `fence` is asked before every write for how many seconds it may last; it raises where none may be.
    """

    def __init__(self, configuration: client.Configuration, timeout_s: float = 10.0) -> None:
        configuration.trace_configs = [_no_redirects()]
        # aiohttp would look for proxies and for a .netrc at every call, in threads.
        configuration.client_session_kwargs = {"trust_env": False}
        configuration.proxy = configuration.proxy or _proxy_to(configuration.host)
        self._client = client.ApiClient(configuration)
        # An audit log tells by it which replica wrote.
        self._client.user_agent = f"surefoot ({os.environ.get('HOSTNAME', 'outside of a cluster')})"
        self._timeout_s = timeout_s
        self.fence: Callable[[], float] | None = None

    @classmethod
    async def connect(cls, timeout_s: float = 10.0) -> "Api":
        """In a pod by its service account, elsewhere by the kubeconfig."""
        configuration = client.Configuration()
        configuration.retries = None
        # Watches hold a connection each, one for each kind and namespace.
        configuration.connection_pool_maxsize = 0
        try:
            config.load_incluster_config(client_configuration=configuration)
        except config.ConfigException:
            await config.load_kube_config(client_configuration=configuration)
        return cls(configuration, timeout_s)

    async def close(self) -> None:
        await self._client.close()

    async def get(self, path: str) -> Json:
        return await self._call("GET", path)

    async def list(self, path: str) -> AsyncIterator[Json]:
        """All objects of a kind as they are now, page by page."""
        async for page in self.pages(path):
            for item in page["items"]:
                yield item

    async def pages(self, path: str) -> AsyncIterator[Json]:
        """The pages of a list: `items`, and in `metadata` the resourceVersion that a watch goes on from."""
        more = ""
        while True:
            query = [("limit", str(PAGE)), *([("continue", more)] if more else [])]
            page = await self._call("GET", path, query=query)
            try:
                page["items"] = page["items"] or []  # null where there is none
                more = str(page["metadata"].get("continue", ""))
                _ = (
                    page["metadata"]["resourceVersion"],
                    [i["metadata"]["uid"] for i in page["items"]],
                )
            except _SHAPELESS as error:
                raise _lost(f"GET {path}", error) from error
            yield page
            if not more:
                return

    async def watch(self, path: str, version: str, lasting_s: int) -> AsyncIterator[Json]:
        """Events since a resourceVersion, bookmarks among them, until the API server ends the stream,
        after `lasting_s` at the latest, or says nothing for so long that it may be gone. Raises
        PortError; ExpiredError where it has forgotten what to go on from."""
        query = [
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", version),
            ("timeoutSeconds", str(lasting_s)),
        ]
        what, response = f"WATCH {path}", None
        timeout = aiohttp.ClientTimeout(sock_connect=_CONNECT_S, sock_read=_QUIET_S)
        try:
            answer = await self._client.call_api(
                *await self._request("GET", path, query=query), _request_timeout=timeout
            )
            response = answer.response
            if response.status != 200:
                raise error_of(response.status, await response.text(errors="replace"), what)
            async for line in response.content:
                event: Json = read(line.decode(errors="replace"), what)
                if event["type"] == "ERROR":
                    said = event["object"]
                    raise error_of(int(said.get("code", 500)), json.dumps(said), what)
                _ = event["object"]["metadata"]["resourceVersion"]
                yield event
        except aiohttp.SocketTimeoutError:
            if response is None:
                raise _lost(what, TimeoutError("no connection")) from None
        except (*_BROKEN, *_SHAPELESS) as error:
            raise _lost(what, error) from error
        finally:
            if response is not None:
                response.close()

    async def post(self, path: str, body: Json) -> Json:
        return await self._call("POST", path, body, query=[("fieldManager", FIELD_MANAGER)])

    async def put(self, path: str, body: Json) -> Json:
        return await self._call("PUT", path, body, query=[("fieldManager", FIELD_MANAGER)])

    async def patch(self, path: str, body: Any, content_type: str) -> Json:
        query = [("fieldManager", FIELD_MANAGER)]
        return await self._call("PATCH", path, body, content_type, query)

    async def delete(self, path: str) -> Json:
        return await self._call("DELETE", path)

    async def _call(
        self,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = "application/json",
        query: Sequence[tuple[str, str]] | None = None,
    ) -> Json:
        what = f"{method} {path}"
        try:
            request = await self._request(method, path, body, content_type, query)
            timeout_s = self._timeout_s
            if method != "GET" and self.fence is not None:
                timeout_s = min(timeout_s, self.fence())
            answer = await self._client.call_api(*request, _request_timeout=timeout_s)
            raw = await answer.read()
        except _BROKEN as error:
            raise _lost(what, error) from error
        text = (raw or b"").decode(errors="replace")
        if not 200 <= answer.status < 300:
            raise error_of(answer.status, text, what)
        try:
            found: Json = read(text, what)
            found.get("metadata")
        except _SHAPELESS as error:
            # A proxy on the way may have answered: whether it was done is not known.
            raise _lost(what, error) from error
        return found

    async def _request(
        self,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = "application/json",
        query: Sequence[tuple[str, str]] | None = None,
    ) -> Any:
        return await self._client.param_serialize(
            method, path, query_params=[*(query or ())], body=body, auth_settings=["BearerToken"],
            header_params={"Accept": "application/json", "Content-Type": content_type},
        )  # fmt: skip
