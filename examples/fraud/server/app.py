"""The HTTP face of the model: scores, labels, probes and metrics."""

import random
import time
from collections import OrderedDict
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from examples.fraud.server.metrics import ServerMetrics
from examples.fraud.server.model import Model, edges
from examples.fraud.world import GROUPS, VERSION_HEADER

REMEMBERED = 20_000


class FraudServer:
    """Answers for one pod. `address` (`host:port`) is where labels for its scores are to be sent;
    `error_rate` is the share of scores that fail with a 500."""

    def __init__(self, model: Model, address: str, error_rate: float = 0.0) -> None:
        self.model = model
        self._error_rate = error_rate
        self.address = address
        self.metrics = ServerMetrics(edges(), model.version)
        self._awaiting: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def app(self) -> web.Application:
        """The aiohttp application with all routes."""
        app = web.Application(client_max_size=1 << 20)
        app.on_response_prepare.append(self._sign)
        app.router.add_post("/score", self.score)
        app.router.add_post("/labels", self.labels)
        app.router.add_get("/healthz", self.healthz)
        app.router.add_get("/metrics", self.exposition)
        return app

    async def score(self, request: web.Request) -> web.Response:
        """`{id, features, group}` → `{id, score, version, labels}`; 400 says what is wrong."""
        body = await _object(request)
        if random.random() < self._error_rate:
            raise web.HTTPInternalServerError(text="out of luck\n")
        group = body.get("group", GROUPS[0])
        if group not in GROUPS:
            raise _bad(f"group: {group!r} is none of {', '.join(GROUPS)}")
        identity = str(body.get("id", ""))
        try:
            score = self.model.score([float(x) for x in body["features"]])
        except (KeyError, TypeError, ValueError) as error:
            raise _bad(f"features must be a list of numbers ({error})") from error
        self.metrics.scored(score, group)
        self._remember(identity, score, group)
        answer = {"id": identity, "score": score, "version": self.model.version}
        return web.json_response({**answer, "labels": f"http://{self.address}/labels"})

    async def labels(self, request: web.Request) -> web.Response:
        """`{labels: [{id, actual}, …]}` → how many were counted, and how many were unknown."""
        body = await _object(request)
        counted = unknown = 0
        try:
            pairs = [(str(entry["id"]), bool(entry["actual"])) for entry in body["labels"]]
        except (KeyError, TypeError) as error:
            raise _bad("labels must be a list of {id, actual}") from error
        for identity, actual in pairs:
            known = self._awaiting.pop(identity, None)
            if known is None:
                unknown += 1
                self.metrics.unknown_label()
                continue
            counted += 1
            self.metrics.labeled(*known, actual)
        return web.json_response({"counted": counted, "unknown": unknown})

    async def healthz(self, _: web.Request) -> web.Response:
        """For the kubelet."""
        return web.Response(text="ok\n")

    async def exposition(self, _: web.Request) -> web.Response:
        """For Prometheus."""
        if (wrong_for_s := self.model.faulty_for_s) is not None:
            self.metrics.fault(time.time() - wrong_for_s)
        body = generate_latest(self.metrics.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _sign(self, _: web.Request, response: web.StreamResponse) -> None:
        """Errors name their version, too: what comes without one is not from a model."""
        response.headers[VERSION_HEADER] = self.model.version

    def _remember(self, identity: str, score: float, group: str) -> None:
        """Keep what a label will need; the oldest are forgotten first."""
        self._awaiting[identity] = (score, group)
        if len(self._awaiting) > REMEMBERED:
            self._awaiting.popitem(last=False)


def _bad(text: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=f"{text}\n")


async def _object(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError as error:
        raise _bad("the body is not JSON") from error
    if not isinstance(body, dict):
        raise _bad("the body is not a JSON object")
    return body
