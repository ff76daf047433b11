"""Every weight that was ever in an HTTPRoute, with the moment at which a watch showed it."""

from __future__ import annotations

import time

from tests.support.kube import Json, Kube
from tests.support.poll import until


class WeightLog:
    """Follows all routes of a namespace. Times are the machine's, as the operator's are."""

    def __init__(self, kube: Kube) -> None:
        self.seen: list[tuple[float, str, dict[str, int]]] = []
        kube.follow("HTTPRoute", self._note)

    def _note(self, event: Json) -> None:
        if event["type"] == "DELETED":
            return
        now, body = time.time(), event["object"]
        refs = [ref for rule in body["spec"]["rules"] for ref in rule["backendRefs"]]
        weights = {ref["name"]: int(ref.get("weight", 1)) for ref in refs}
        self.seen.append((now, body["metadata"]["name"], weights))

    def _first(self, route: str, arm: str, percent: int, after: float) -> float | None:
        for at, name, weights in list(self.seen):
            if at >= after and name == route and weights.get(arm, 0) == percent:
                return at
        return None

    def reached(
        self, route: str, arm: str, percent: int, after: float = 0.0, deadline_s: float = 120
    ) -> float:
        """When the arm first had this weight, at or after a moment; waits for it."""
        what = f"{arm} at {percent} % in route {route}"
        found = until(
            lambda: self._first(route, arm, percent, after), deadline_s, every_s=0.02, what=what
        )
        return float(found or 0)
