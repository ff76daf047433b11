"""The one place that talks to the API server for reads and writes; errors become the ports'."""

import json
from typing import Any

import aiohttp
from kubernetes.aio import client, config

from surefoot.ports import ConflictError, PermanentError, PortError, TransientError

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
FIELD_MANAGER = "surefoot"
Json = dict[str, Any]


class NotFoundError(PermanentError):
    """The object does not exist."""


def path_of(group: str, version: str, plural: str, namespace: str, name: str = "") -> str:
    """`/apis/apps/v1/namespaces/risk/deployments/fraud`; the empty group is core."""
    root = f"/apis/{group}/{version}" if group else f"/api/{version}"
    return f"{root}/namespaces/{namespace}/{plural}" + (f"/{name}" if name else "")


def _error(status: int, body: str, what: str) -> PortError:
    """The port's error for an answer of the API server, with its own sentence."""
    try:
        said = json.loads(body).get("message", "")
    except (ValueError, AttributeError):
        said = ""
    text = f"{what}: {status} {said}"[:512]
    if status == 404:
        return NotFoundError(text)
    if status == 409 or (status == 422 and "/status" not in what):
        return ConflictError(text)
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
            raise _error(answer.status, text, what)
        found: Json = json.loads(text)
        return found
