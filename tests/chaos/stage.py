"""A group of releases under one operator: proxies on both sides, what is seen, and what is expected."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from tests.bench.stage import RATE, Stage
from tests.chaos.proxy import FaultProxy
from tests.chaos.watcher import Watcher
from tests.invariants import first_broken
from tests.support.authority import Authority
from tests.support.kube import ApiError, Json, Kube
from tests.support.poll import until
from tests.support.story import OperatorProcess, add_arm, error_rate, release
from tests.timeline import Seen

PATIENCE_S = 90.0
_POLL_S = 0.05


class FailedError(Exception):
    """A story did not come to the end that it has without the fault."""


async def reach(
    check: Callable[[], object], what: str | Callable[[], str], patience_s: float = PATIENCE_S
) -> None:
    """Wait until `check` is true; `what` says what was waited for."""
    end = asyncio.get_running_loop().time() + patience_s
    while not check():
        if asyncio.get_running_loop().time() > end:
            said = what if isinstance(what, str) else what()
            raise FailedError(f"not within {patience_s:.0f} s: {said}")
        await asyncio.sleep(_POLL_S)


@dataclass
class Group:
    """Ten releases, one operator at a time, one proxy before each of its servers."""

    stage: Stage
    watcher: Watcher
    api: FaultProxy
    prometheus: FaultProxy
    authority: Authority
    folder: Path
    chance: Random
    kubeconfig: Path
    operator: OperatorProcess | None = None
    leaders: dict[int, str] = field(default_factory=dict)
    struck: Counter[str] = field(default_factory=Counter)
    logs: list[Path] = field(default_factory=list)
    tales: list[Tale] = field(default_factory=list)
    calm: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self, *program: str) -> None:
        """Another operator; the one before has ended. Every write after this is to be its own."""
        name, begun = f"operator-{len(self.leaders) + 1}", -1
        while begun != self.api.begun:
            # What the one before had sent still arrives, as in any network.
            await reach(lambda: not self.api.under_way, "the last calls of a dead process")
            begun = self.api.begun
            revision = await self._revision()
        self.leaders[revision] = self.api.replica = name
        self.operator = OperatorProcess(
            self.kubeconfig, self.prometheus.url, self.folder, program=program or ("surefoot",)
        )
        self.logs.append(self.operator.log)
        await asyncio.to_thread(self.operator.ready)

    async def _revision(self) -> int:
        """Where the store is now; a list may be answered from a cache, a write is not."""
        first = self.tales[0]
        mark = {"metadata": {"annotations": {"chaos/operators": f"{time.monotonic_ns()}"}}}
        body = await first.do(first.kube.patch, "Namespace", first.namespace, mark)
        return int(body["metadata"]["resourceVersion"])

    @property
    def is_over(self) -> bool:
        """Whether every release of the group has ended."""
        return all(tale.over for tale in self.tales)

    def strike(self, what: str = "") -> None:
        """A fault of the whole group, or of one namespace, has struck."""
        self.struck[what] += 1


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
        return group.watcher.timeline(self.namespace, group.api.writes, group.leaders)

    def broken(self) -> str:
        """The first invariant that does not hold so far."""
        return first_broken(self.timeline())


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


@asynccontextmanager
async def group_of(stage: Stage, watcher: Watcher, chance: Random) -> AsyncIterator[Group]:
    """The proxies and a folder for a group; its operator is ended with it."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        authority = Authority(folder)
        api = FaultProxy(stage.cluster.server, stage.cluster.ca, authority.sign("proxy"))
        prometheus = FaultProxy(stage.prometheus.url, None, None)
        await api.start()
        await prometheus.start()
        kubeconfig = _kubeconfig(stage.kubeconfig, folder, api.url, authority.certificate)
        group = Group(stage, watcher, api, prometheus, authority, folder, chance, kubeconfig)
        try:
            yield group
        finally:
            if group.operator is not None and group.operator.process.poll() is None:
                group.operator.kill()
            await api.stop()
            await prometheus.stop()


def _kubeconfig(original: Path, folder: Path, server: str, ca: Path) -> Path:
    config = json.loads(original.read_text())
    config["clusters"][0]["cluster"] = {"server": server, "certificate-authority": str(ca)}
    target = folder / "kubeconfig"
    target.touch(mode=0o600)
    target.write_text(json.dumps(config))
    return target


Happens = Callable[[Tale], Awaitable[None]]
HappensToAll = Callable[[Group], Awaitable[None]]
__all__ = ["FailedError", "Group", "Happens", "HappensToAll", "Tale", "group_of", "reach", "until"]
