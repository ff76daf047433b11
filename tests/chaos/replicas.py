"""The operator's processes: each has a proxy of its own before the API server, and a name of its own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.stage import Stage
from tests.chaos.proxy import FaultProxy
from tests.support.authority import Authority
from tests.support.story import OperatorProcess


@dataclass
class Replica:
    """A place for one process at a time; what goes through its proxy is that process's."""

    api: FaultProxy
    kubeconfig: Path
    name: str = ""
    operator: OperatorProcess | None = None

    def spawn(
        self, name: str, prometheus: str, folder: Path, program: tuple[str, ...], **settings: str
    ) -> OperatorProcess:
        """Another process; the one before has ended."""
        self.name = self.api.replica = name
        self.operator = OperatorProcess(
            self.kubeconfig, prometheus, folder, program=program, HOSTNAME=name, **settings
        )
        return self.operator

    @property
    def process(self) -> OperatorProcess:
        """The one that was started last."""
        assert self.operator is not None
        return self.operator

    @property
    def runs(self) -> bool:
        return self.operator is not None and self.operator.process.poll() is None


@asynccontextmanager
async def replicas_of(
    stage: Stage, folder: Path, authority: Authority, count: int
) -> AsyncIterator[list[Replica]]:
    """So many places, without a process yet."""
    async with AsyncExitStack() as stack:
        found = []
        for place in range(count):
            certificate = authority.sign(f"proxy-{place}")
            proxy = FaultProxy(stage.cluster.server, stage.cluster.ca, certificate)
            await proxy.start()
            stack.push_async_callback(proxy.stop)
            target = folder / f"kubeconfig-{place}"
            _kubeconfig(stage.kubeconfig, target, proxy.url, authority.certificate)
            found.append(Replica(proxy, target))
        yield found


def _kubeconfig(original: Path, target: Path, server: str, ca: Path) -> None:
    config = json.loads(original.read_text())
    config["clusters"][0]["cluster"] = {"server": server, "certificate-authority": str(ca)}
    target.touch(mode=0o600)
    target.write_text(json.dumps(config))
