"""The one place that talks to the API server for reads and writes; errors become the ports'."""

import json
from typing import Any
from urllib.parse import quote

import aiohttp
from kubernetes.aio import client, config

from surefoot.ports import ConflictError, PermanentError, PortError, TransientError

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
FIELD_MANAGER = "surefoot"
Json = dict[str, Any]


class NotFoundError(PermanentError):
    """The object does not exist."""


class ExistsError(ConflictError):
    """What was to be created is there already."""


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
        answer = json.loads(body)
        said = str(answer.get("message", ""))
        causes = (answer.get("details") or {}).get("causes") or []
        reason = answer.get("reason")
    except (ValueError, AttributeError):
        said, causes, reason = "", [], None
    text = f"{what}: {status} {said}"[:512]
    if status == 404:
        return NotFoundError(text)
    if status == 409 and reason == "AlreadyExists":
        return ExistsError(text)
    # A JSON patch whose `test` fails is answered as 422, too; what it found is no field's fault.
    stale = any(cause.get("reason") == "UnexpectedServerResponse" for cause in causes)
    if status == 409 or (status == 422 and stale):
        return ConflictError(text)
    if status == 422:
        return RefusedError(text, said[:512])
    if status in (408, 429) or status >= 500:
        return TransientError(text)
    return PermanentError(text)


class Api:
    """A client of one API server. Every call has a deadline; nothing is retried here."""

    def __init__(self, configuration: client.Configuration, timeout_s: float = 10.0) -> None:
        self._client = client.ApiClient(configuration)
        self._timeout_s = timeout_s

    @classmethod
    async def connect(cls) -> "Api":
        """In a pod by its service account, elsewhere by the kubeconfig."""
        configuration = client.Configuration()
        configuration.retries = None
        try:
            config.load_incluster_config(client_configuration=configuration)
        except config.ConfigException:
            await config.load_kube_config(client_configuration=configuration)
        return cls(configuration)

    async def close(self) -> None:
        await self._client.close()

    async def get(self, path: str) -> Json:
        return await self._call("GET", path)

    async def post(self, path: str, body: Json) -> Json:
        return await self._call("POST", path, body, query=[("fieldManager", FIELD_MANAGER)])

    async def patch(self, path: str, body: Any, content_type: str) -> Json:
        query = [("fieldManager", FIELD_MANAGER)]
        return await self._call("PATCH", path, body, content_type, query)

    async def _call(
        self,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = "application/json",
        query: list[tuple[str, str]] | None = None,
    ) -> Json:
        headers = {"Accept": "application/json", "Content-Type": content_type}
        what = f"{method} {path}"
        try:
            request = await self._client.param_serialize(
                method, path, query_params=query or [], header_params=headers, body=body,
                auth_settings=["BearerToken"],
            )  # fmt: skip
            answer = await self._client.call_api(*request, _request_timeout=self._timeout_s)
            raw = await answer.read()
        except (client.ApiException, aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TransientError(f"{what}: {type(error).__name__} {error}"[:512]) from error
        text = (raw or b"").decode(errors="replace")
        if not 200 <= answer.status < 300:
            raise error_of(answer.status, text, what)
        found: Json = json.loads(text)
        return found
