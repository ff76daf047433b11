"""What is known right now: the release's status, its route's weights, and the traffic in Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from demo_story.api import Reader
from surefoot.api.status import ModelReleaseStatus

NAMESPACE, NAME = "risk", "fraud"
RELEASES = f"/apis/surefoot.dev/v1alpha1/namespaces/{NAMESPACE}/modelreleases"
ROUTES = f"/apis/gateway.networking.k8s.io/v1/namespaces/{NAMESPACE}/httproutes"
SHARE_WINDOW = "15s"
_REQUESTS = (
    "sum by (envoy_cluster_name) (increase(envoy_cluster_external_upstream_rq_completed"
    f'{{envoy_cluster_name=~"{NAMESPACE}_.*"}}[{SHARE_WINDOW}]))'
)
_SENT = f'sum(load_sent_total{{namespace="{NAMESPACE}"}})'
_FAILED = f'sum(load_failures_total{{namespace="{NAMESPACE}", origin="path"}})'
_ANSWERS = f'sum by (version) (load_requests_total{{namespace="{NAMESPACE}"}})'
_FAULT = "min(model_fault_start_timestamp_seconds > 0)"


@dataclass(frozen=True, slots=True)
class RouteSeen:
    """The weights of the route by Service, and when this process was told of them."""

    at: datetime
    weights: dict[str, int]


@dataclass
class Live:
    """Filled by `follow`; read by whoever draws or judges. `requests` are those of the last 15 s."""

    status: ModelReleaseStatus | None = None
    route: list[RouteSeen] = field(default_factory=list)
    requests: dict[str, float] = field(default_factory=dict)
    sent: int | None = None
    failed: int | None = None
    answers: dict[str, int] = field(default_factory=dict)
    fault_at: datetime | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def weights(self) -> dict[str, int]:
        """The route's weights now."""
        return self.route[-1].weights if self.route else {}

    def share(self, service: str) -> float | None:
        """Percent of the last requests that Envoy sent to `service`, as Prometheus counted them."""
        total = sum(self.requests.values())
        return 100 * self.requests.get(service, 0.0) / total if total else None

    async def until(self, done: Callable[[Live], bool], timeout_s: float) -> bool:
        """Wait until `done`; False when `timeout_s` seconds have passed before."""
        try:
            async with asyncio.timeout(timeout_s):
                while not done(self):
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            return False
        return True


async def follow(reader: Reader, live: Live) -> None:
    """Keep `live` current until cancelled."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_follow_release(reader, live))
        group.create_task(_follow_route(reader, live))
        group.create_task(_follow_traffic(reader, live))


async def _follow_release(reader: Reader, live: Live) -> None:
    async for release in reader.watch(RELEASES, NAME):
        try:
            live.status = ModelReleaseStatus.model_validate((release or {}).get("status") or {})
        except ValidationError:
            continue
        live.changed.set()


async def _follow_route(reader: Reader, live: Live) -> None:
    async for route in reader.watch(ROUTES, NAME):
        weights = weights_of(route or {})
        if weights != live.weights:
            live.route.append(RouteSeen(datetime.now(UTC), weights))
            live.changed.set()


async def _follow_traffic(reader: Reader, live: Live) -> None:
    while True:
        await read_traffic(reader, live)
        live.changed.set()
        await asyncio.sleep(1)


async def read_traffic(reader: Reader, live: Live) -> None:
    """Ask Prometheus once for all counts."""
    requests, answers, sent, failed, fault = await asyncio.gather(
        reader.query(_REQUESTS),
        reader.query(_ANSWERS),
        reader.value(_SENT),
        reader.value(_FAILED),
        reader.value(_FAULT),
    )
    live.requests = {_service(dict(labels)): count for labels, count in requests.items()}
    live.answers = {dict(labels).get("version", ""): int(n) for labels, n in answers.items()}
    live.sent = None if sent is None else int(sent)
    live.failed = None if failed is None else int(failed)
    live.fault_at = None if fault is None else datetime.fromtimestamp(fault, UTC)


def _service(labels: dict[str, str]) -> str:
    """`risk_fraud-v42_80` → `fraud-v42`: the name that Contour gives to a backend's Service."""
    return labels["envoy_cluster_name"].split("_")[1]


def weights_of(route: dict[str, Any]) -> dict[str, int]:
    """The weights of a route's first rule by Service; an omitted weight means 1."""
    rules = route.get("spec", {}).get("rules") or [{}]
    return {ref["name"]: int(ref.get("weight", 1)) for ref in rules[0].get("backendRefs", [])}
