"""The Traffic port for HTTPRoutes: read, set weights, create and own a managed one."""

import time
from dataclasses import replace
from typing import Any, NamedTuple

from surefoot.adapters.kubernetes.api import (
    JSON_PATCH,
    Api,
    NotFoundError,
    RefusedError,
    path_of,
)
from surefoot.adapters.kubernetes.cache import DECODED, ROUTES, Cache
from surefoot.adapters.kubernetes.decode import route_of
from surefoot.api.spec import ManagedRoute
from surefoot.api.vocabulary import MANAGED_BY_LABEL, MANAGER
from surefoot.engine.effects import SetWeights, WriteManagedRoute
from surefoot.engine.world import Route
from surefoot.ports import ConflictError

Json = dict[str, Any]
# A refused spec is not written again and again; what refuses it (a policy, a CRD) may change.
REFUSED_FOR_S = 300.0


def weight_patch(effect: SetWeights) -> list[Json]:
    """A JSON patch that tests generation and names: anything else there means another look."""
    patch: list[Json] = [{"op": "test", "path": "/metadata/generation", "value": effect.generation}]
    for change in effect.changes:
        at = f"/spec/rules/{change.rule}/backendRefs/{change.backend}"
        patch.append({"op": "test", "path": f"{at}/name", "value": change.name})
        patch.append({"op": "add", "path": f"{at}/weight", "value": change.weight})
    return patch


def managed_spec(effect: WriteManagedRoute) -> Json:
    """The whole spec of a route that Surefoot owns."""
    backends = [{"name": b.name, "port": b.port, "weight": w} for b, w in effect.backends]
    spec: Json = {
        "parentRefs": [p.dump() for p in effect.spec.parent_refs],
        "rules": [{"backendRefs": backends}],
    }
    return {**spec, "hostnames": list(effect.spec.hostnames)} if effect.spec.hostnames else spec


class _Refusal(NamedTuple):
    """A managed route that the API server would not take."""

    spec: ManagedRoute
    said: str
    until: float


class HttpRoutes:
    """HTTPRoutes of one API server. Absolute writes; each answer refreshes the cache."""

    def __init__(self, api: Api, cache: Cache) -> None:
        self._api, self._cache = api, cache
        self._refused: dict[tuple[str, str], _Refusal] = {}
        self._carried: dict[tuple[str, str], str] = {}

    @staticmethod
    def _path(namespace: str, name: str = "") -> str:
        return path_of(ROUTES.group, ROUTES.version, ROUTES.plural, namespace, name)

    async def route(self, namespace: str, name: str) -> Route | None:
        """The route as last seen; one that no watch has shown is asked for."""
        body = self._cache.get(ROUTES, namespace, name)
        found: Route | None = body[DECODED] if body else await self._refresh(namespace, name)
        if found is None:
            self._carried.pop((namespace, name), None)
            return None
        carried = self._carried.get((namespace, name))
        return replace(found, carried=carried) if carried else found

    async def _refresh(self, namespace: str, name: str) -> Route | None:
        try:
            body = await self._api.get(self._path(namespace, name))
        except NotFoundError:
            self._cache.drop(ROUTES, namespace, name)
            return None
        self._cache.put(ROUTES, body)
        return route_of(body)

    async def write(self, namespace: str, effect: SetWeights | WriteManagedRoute) -> None:
        """Carry out one effect. Raises ConflictError when the route is not what was read."""
        try:
            answer = await self._send(namespace, effect)
        except NotFoundError as error:
            self._cache.drop(ROUTES, namespace, effect.route)
            raise ConflictError(str(error)) from error
        except RefusedError as error:
            if isinstance(effect, WriteManagedRoute):
                until = time.monotonic() + REFUSED_FOR_S
                self._refused[namespace, effect.route] = _Refusal(effect.spec, error.said, until)
                raise ConflictError(str(error)) from error  # the next tick tells
            raise
        except ConflictError:
            await self._refresh(namespace, effect.route)
            raise
        self._refused.pop((namespace, effect.route), None)
        if isinstance(effect, SetWeights):
            self._carried[namespace, effect.route] = effect.intent
        self._cache.put(ROUTES, answer)

    def refusal(self, namespace: str, name: str, wanted: ManagedRoute) -> str:
        """What was said against this very spec, for a while: then it is tried again."""
        found = self._refused.get((namespace, name))
        if found is None or found.spec != wanted or time.monotonic() > found.until:
            return ""
        return found.said

    async def _send(self, namespace: str, effect: SetWeights | WriteManagedRoute) -> Json:
        path = self._path(namespace, effect.route)
        if isinstance(effect, SetWeights):
            return await self._api.patch(path, weight_patch(effect), JSON_PATCH)
        if effect.generation is not None:
            patch = [
                {"op": "test", "path": "/metadata/generation", "value": effect.generation},
                {"op": "replace", "path": "/spec", "value": managed_spec(effect)},
            ]
            return await self._api.patch(path, patch, JSON_PATCH)
        labels = {MANAGED_BY_LABEL: MANAGER}
        body = {
            "apiVersion": f"{ROUTES.group}/{ROUTES.version}",
            "kind": "HTTPRoute",
            "metadata": {"name": effect.route, "namespace": namespace, "labels": labels},
            "spec": managed_spec(effect),
        }
        return await self._api.post(self._path(namespace), body)
