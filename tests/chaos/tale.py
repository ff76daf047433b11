"""One release among ten: what is done for it, what is seen of it, and how it has to end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from tests.bench.stage import RATE
from tests.chaos.waiting import FailedError, reach
from tests.invariants import first_broken
from tests.support.kube import ApiError, Json, Kube
from tests.support.story import add_arm, error_rate, release
from tests.timeline import Seen

if TYPE_CHECKING:
    from tests.chaos.stage import Group


@dataclass
class Tale:
    """One release, its seed, and whether it is good or bad."""

    group: Group
    seed: int
    namespace: str
    chance: Random
    good: bool
    kube: Kube
    given: bool
    settles: bool = True

    @property
    def status(self) -> Json:
        found: Json = self.group.watcher.get(self.namespace, "ModelRelease").get("status", {})
        return found

    def weight(self, arm: str = "fraud-v42") -> int | None:
        """What the route gives to an arm."""
        rules = self.group.watcher.get(self.namespace, "HTTPRoute").get("spec", {}).get("rules", [])
        refs = [ref for rule in rules for ref in rule.get("backendRefs", [])]
        return next((r.get("weight", 1) for r in refs if r["name"] == arm), None)

    def was_at(self, percent: int) -> bool:
        """Whether this weight was ever decided, or the story is over."""
        known = [d["weight"] for d in self.status.get("decisions", [])]
        return percent in known or self.over

    @property
    def over(self) -> bool:
        release = self.status.get("release") or {}
        return release.get("outcome") is not None

    @property
    def reason(self) -> str:
        return str((self.status.get("release") or {}).get("reason"))

    def strike(self) -> None:
        self.group.strike(self.namespace)

    async def do(self, what: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """A call to the API server, as a person or another tool; it tries as long as they would."""
        for _ in range(40):
            try:
                return await asyncio.to_thread(what, *arguments, **named)
            except (OSError, ApiError) as error:
                if isinstance(error, ApiError) and error.code in (404, 409, 422, 403):
                    raise
                await asyncio.sleep(0.3)
        raise FailedError("the API server did not come back")

    def flow(self, error_share: float) -> None:
        self.group.stage.exporter.flow(self.namespace, "fraud-v42", RATE, error_share)

    async def begin(self) -> None:
        """Both arms with pods and traffic, perhaps a route of the user's, and the release."""
        for arm in ("fraud-v41", "fraud-v42"):
            await self.do(add_arm, self.kube, arm)
            self.group.stage.exporter.flow(self.namespace, arm, RATE, 0.0)
        if self.given:
            await self.do(self.kube.create, given_route())
        await asyncio.sleep(self.chance.uniform(0, 2))
        await self.do(self.kube.apply, self.spec())

    def spec(self, **changes: Any) -> Json:
        hold = f"{self.chance.choice((2, 3))}s"
        steps = [{"weight": 10, "hold": hold}, {"weight": 50, "hold": "6s"}]
        signal = error_rate(compare={"revertMargin": {"relative": 0.5}})
        traffic = {"route": {"kind": "HTTPRoute", "name": "fraud"}} if self.given else None
        chosen = {"traffic": traffic} if traffic else {}
        analysis = {"interval": "1s", "evidenceInterval": "5s", "warmup": "0s"}
        return release(
            steps=steps, bake="2s", signals=[signal], analysis=analysis, **chosen, **changes
        )

    async def breaks(self) -> None:
        """A bad candidate shows it a while after its first step."""
        if not self.good:
            await reach(lambda: self.was_at(10), f"{self.namespace} at 10 %")
            await asyncio.sleep(self.chance.uniform(0, 2))
            self.flow(0.5)

    async def ends(self, outcome: str) -> None:
        """The end that is expected, with nothing left to be written or told."""
        serves = "fraud-v42" if outcome == "Promoted" else "fraud-v41"

        def arrived() -> bool:
            status = self.status
            flying = (status.get("release") or {}).get("outcome")
            full = (
                self.weight(serves) == 100
                or self.group.watcher.get(self.namespace, "HTTPRoute") == {}
            )
            return flying == outcome and full and status["incumbent"]["workload"] == serves

        await reach(arrived, lambda: f"{outcome}; it is {self._stands()}")
        await reach(lambda: not self.broken(), self.broken, 30.0)

    def _stands(self) -> str:
        status = self.status
        return f"{status.get('phase')} {status.get('reason')}: {status.get('message')}"

    def timeline(self) -> list[Seen]:
        group = self.group
        return group.watcher.timeline(self.namespace, group.writes(), group.led())

    def broken(self) -> str:
        """The first invariant that does not hold so far."""
        return first_broken(self.timeline(), settled=self.settles)


def given_route() -> Json:
    """A route of the user's with both arms and something that is not ours."""
    refs = [{"name": "fraud-v41", "port": 80}, {"name": "fraud-v42", "port": 80, "weight": 0}]
    rule = {"matches": [{"path": {"type": "PathPrefix", "value": "/v1"}}], "backendRefs": refs}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "fraud", "annotations": {"team": "risk"}},
        "spec": {"parentRefs": [{"name": "public"}], "rules": [rule]},
    }
