"""Where Prometheus is: an address that a person gave, or the operator's, which mostly is a Service's."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from surefoot.api.base import is_address
from surefoot.cli.problem import Problem
from surefoot.cli.reading import clean

_NAME = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SERVICE = re.compile(
    rf"(?P<namespace>{_NAME})/(?P<name>{_NAME})(:(?P<port>{_NAME}))?(?P<path>/.*)?"
)
_HOST = re.compile(rf"(?P<name>{_NAME})(\.(?P<namespace>{_NAME})(?P<svc>\.svc(\.[^/]+)?)?)?")
_PORTS = {"http": "80", "https": "443"}


@dataclass(frozen=True, slots=True)
class Service:
    """A Service that the API server's proxy leads to; `path` begins with a slash or is empty."""

    namespace: str
    name: str
    port: str
    scheme: str = "http"
    path: str = ""

    @property
    def proxied(self) -> str:
        """Its path on the API server."""
        name = f"https:{self.name}" if self.scheme == "https" else self.name
        return f"/api/v1/namespaces/{self.namespace}/services/{name}:{self.port}/proxy{self.path}"

    def __str__(self) -> str:
        return f"Service {self.namespace}/{self.name}:{self.port} through the API server"


def parse(given: str) -> str | Service:
    """What a person gave: `http(s)://…`, or `NAMESPACE/SERVICE[:PORT][/PATH]`. Raises `Problem`."""
    if is_address(given):
        return given.rstrip("/")
    if found := _SERVICE.fullmatch(given.rstrip("/")):
        port, path = found["port"] or "9090", found["path"] or ""
        return Service(found["namespace"], found["name"], port, path=path)
    raise Problem(
        f"{shown(given)!r} is no address of Prometheus: write http://prometheus.example:9090, or "
        "NAMESPACE/SERVICE:PORT for a Service of the cluster"
    )


def shown(given: str) -> str:
    """An address, or what was meant as one, without the credentials in it."""
    before, _, after = clean(given).rpartition("@")
    scheme, slashes, _ = before.partition("//")
    return f"{scheme}{slashes}{after}" if slashes else after


def service_of(url: str, namespace: str) -> tuple[Service, bool] | None:
    """The Service that a pod in `namespace` means with this address, and whether that is certain.

    `name.namespace.svc…` is a Service; `name` and `name.namespace` may be one. None for the rest.
    """
    parts = urlsplit(url)
    found = _HOST.fullmatch(parts.hostname or "")
    if found is None:
        return None
    port = str(parts.port or _PORTS[parts.scheme])
    place = found["namespace"] or namespace
    service = Service(place, found["name"], port, parts.scheme, parts.path.rstrip("/"))
    return service, found["svc"] is not None
