"""A source of metrics for one test: a server, the plan that names it, and the plugin that asks it."""

import asyncio
import json
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from surefoot.adapters.prometheus.payload import Result
from surefoot.api.plan import Plan
from surefoot.cli.access import Access
from surefoot.cli.prometheus import open_prometheus

SPEC: dict[str, Any] = {
    "releaseClassName": "tier1",
    "candidate": {
        "version": "42",
        "workloadRef": {"name": "fraud-v42"},
        "backendRef": {"name": "fraud-v42", "port": 80},
    },
    "traffic": {"route": {"name": "fraud"}},
}
CLASS: dict[str, Any] = {
    "steps": [{"weight": 5, "hold": "10m"}],
    "signals": [
        {
            "name": "errors",
            "type": "ErrorRate",
            "source": {"preset": "envoy"},
            "threshold": {"max": 0.05, "window": "1m", "minSamples": 1, "consecutive": 1},
        }
    ],
}


class Server:
    """Prometheus' query API, and an API server in front of it; keeps what comes with a query."""

    def __init__(self) -> None:
        self.headers: list[dict[str, str]] = []
        self.forms: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.objects: dict[str, Any] = {}
        self.moved: str | None = None
        self.status = 200
        self.result: dict[str, Any] = {"resultType": "vector", "result": []}
        made = web.Application()
        made.router.add_post("/{path:.*}", self._answer)
        made.router.add_get("/{path:.*}", self._object)
        self.server = TestServer(made)

    async def _answer(self, request: web.Request) -> web.Response:
        self.headers.append(dict(request.headers))
        self.paths.append(request.path)
        self.forms.append({name: str(value) for name, value in (await request.post()).items()})
        if self.moved is not None:
            return web.Response(status=307, headers={"Location": self.moved})
        if self.status != 200:
            return web.Response(status=self.status, text="no")
        return web.json_response({"status": "success", "data": self.result})

    async def _object(self, request: web.Request) -> web.Response:
        found = self.objects.get(request.path)
        if found is None:
            said = {
                "kind": "Status",
                "message": f"{request.path} not found",
                "details": {"name": ""},
            }
            return web.json_response(said, status=404)
        return web.json_response(found)

    @property
    def address(self) -> str:
        return str(self.server.make_url("/")).rstrip("/")


def plan_of(**metrics: Any) -> Plan:
    return Plan.model_validate({**SPEC, **CLASS, "metrics": metrics})


async def asked(plan: Plan, query: str = "vector(1)", **access: str) -> tuple[str, Result]:
    """Where a plan's source is, and what it answers; the plugin has a loop of its own."""

    async def ask() -> tuple[str, Result]:
        async with open_prometheus(Access(**access), plan) as found:
            return found.where, await found.ask(query, 100.0)

    return await asyncio.to_thread(lambda: asyncio.run(ask()))


def folder(path: Path, **files: str) -> str:
    path.mkdir(parents=True)
    for name, text in files.items():
        (path / name).write_text(text)
    return str(path)


def kubeconfig(path: Path, server: str) -> str:
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    body = {
        "contexts": [context],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "mine"}}],
        "current-context": "c",
    }
    path.write_text(json.dumps(body))
    return str(path)


def operators(url: str, **more: str) -> dict[str, Any]:
    """The list of Deployments of the operator."""
    environ = {"SUREFOOT_PROMETHEUS_URL": url, **more}
    env = [{"name": name, "value": value} for name, value in environ.items()]
    spec = {"containers": [{"name": "operator", "image": "surefoot", "env": env}]}
    labels = {"app.kubernetes.io/name": "surefoot"}
    template = {"metadata": {"labels": labels}, "spec": spec}
    deployment = {
        "metadata": {"name": "surefoot", "namespace": "ops"},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DeploymentList",
        "metadata": {},
        "items": [deployment],
    }
