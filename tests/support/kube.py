"""A small client of a test cluster's API server: JSON in, JSON out, as any of its users."""

import json
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

Json = dict[str, Any]
PLURALS = {
    "ModelRelease": "/apis/surefoot.dev/v1alpha1/{ns}modelreleases",
    "ReleaseAction": "/apis/surefoot.dev/v1alpha1/{ns}releaseactions",
    "ReleaseRecord": "/apis/surefoot.dev/v1alpha1/{ns}releaserecords",
    "ReleaseClass": "/apis/surefoot.dev/v1alpha1/releaseclasses",
    "HTTPRoute": "/apis/gateway.networking.k8s.io/v1/{ns}httproutes",
    "Deployment": "/apis/apps/v1/{ns}deployments",
    "Service": "/api/v1/{ns}services",
    "Endpoints": "/api/v1/{ns}endpoints",
    "Event": "/apis/events.k8s.io/v1/{ns}events",
    "Pod": "/api/v1/{ns}pods",
    "ConfigMap": "/api/v1/{ns}configmaps",
    "Lease": "/apis/coordination.k8s.io/v1/{ns}leases",
    "Namespace": "/api/v1/namespaces",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/{ns}rolebindings",
}


class ApiError(Exception):
    """The API server refused; `body` is its Status object."""

    def __init__(self, code: int, body: Json) -> None:
        super().__init__(f"{code}: {body.get('message', body)}")
        self.code, self.body = code, body


class Kube:
    """Requests to one API server as one user, in one namespace."""

    def __init__(self, server: str, ca: Path, token: str, namespace: str = "default") -> None:
        self.server, self.ca, self.token, self.namespace = server, ca, token, namespace
        self.impersonates = ""
        self._open = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(ca))),
        ).open

    def within(self, namespace: str, token: str | None = None) -> "Kube":
        """The same server, another namespace or user."""
        return Kube(self.server, self.ca, token or self.token, namespace)

    def as_user(self, name: str) -> "Kube":
        """The same server and namespace as someone else, by a user who may impersonate."""
        other = self.within(self.namespace)
        other.impersonates = name
        return other

    def request(
        self, method: str, path: str, body: Any = None, content: str = "application/json"
    ) -> Any:
        """One call. Raises ApiError."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content}
        if self.impersonates:
            headers["Impersonate-User"] = self.impersonates
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.server + path, data, headers, method=method)
        try:
            with self._open(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            try:
                raise ApiError(error.code, json.loads(text)) from None
            except json.JSONDecodeError:
                raise ApiError(error.code, {"message": text}) from None

    def path(self, kind: str, name: str = "") -> str:
        where = f"namespaces/{self.namespace}/" if self.namespace else ""
        return PLURALS[kind].format(ns=where) + (f"/{name}" if name else "")

    def get(self, kind: str, name: str) -> Json:
        found: Json = self.request("GET", self.path(kind, name))
        return found

    def find(self, kind: str, name: str) -> Json | None:
        """None when it does not exist."""
        try:
            return self.get(kind, name)
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def list(self, kind: str) -> list[Json]:
        found: list[Json] = self.request("GET", self.path(kind))["items"]
        return found

    def create(self, body: Json) -> Json:
        made: Json = self.request("POST", self.path(body["kind"]), body)
        return made

    def apply(self, body: Json, manager: str = "gitops") -> Json:
        """Server-side apply, as a GitOps tool does."""
        path = self.path(body["kind"], body["metadata"]["name"])
        query = f"?fieldManager={manager}&force=true"
        done: Json = self.request("PATCH", path + query, body, "application/apply-patch+yaml")
        return done

    def patch(
        self, kind: str, name: str, body: Json, subresource: str = "", manager: str = "kubectl-edit"
    ) -> Json:
        """A merge patch."""
        path = self.path(kind, name) + (f"/{subresource}" if subresource else "")
        content = "application/merge-patch+json"
        done: Json = self.request("PATCH", f"{path}?fieldManager={manager}", body, content)
        return done

    def delete(self, kind: str, name: str) -> None:
        self.request("DELETE", self.path(kind, name))

    def revision(self, kind: str) -> str:
        """Where a watch of a kind begins that is to miss nothing from now on."""
        found: str = self.request("GET", self.path(kind))["metadata"]["resourceVersion"]
        return found

    def watch(self, kind: str, since: str = "") -> Iterator[Json]:
        """Watch events of a kind in the namespace until the server ends the stream."""
        version = since or self.revision(kind)
        query = f"?watch=true&resourceVersion={version}&timeoutSeconds=3600"
        headers = {"Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(self.server + self.path(kind) + query, headers=headers)
        with self._open(request, timeout=3600) as stream:
            for line in stream:
                yield json.loads(line)

    def follow(self, kind: str, seen: Callable[[Json], None]) -> None:
        """Call `seen` with every watch event from now on, in a thread that ends with the process."""
        started = threading.Event()

        def run() -> None:
            try:
                stream = self.watch(kind)
                for event in stream:
                    started.set()
                    seen(event)
            except (OSError, ValueError):
                return

        threading.Thread(target=run, daemon=True).start()


def load_all(path: Path) -> list[Json]:
    """Every document of a YAML file."""
    return [doc for doc in yaml.safe_load_all(path.read_text()) if doc]
