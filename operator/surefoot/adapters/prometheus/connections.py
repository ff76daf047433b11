"""One client per source: which server is asked, as whom, and how its raw samples are read."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from surefoot.adapters.prometheus.client import Client
from surefoot.adapters.prometheus.credentials import Credentials
from surefoot.adapters.prometheus.payload import Failed, Result, Vector
from surefoot.adapters.prometheus.replicas import Replicas
from surefoot.api.metrics_source import DEFAULT_REPLICA_LABELS, MetricsSource, SourceKind
from surefoot.engine.questions import ProblemKind

TENANT_HEADERS = {SourceKind.MIMIR: "X-Scope-OrgID", SourceKind.THANOS: "THANOS-TENANT"}
UNUSED_S = 600.0
"""A source that nobody has asked for so long is that of a class which was edited or deleted."""

# A range at the end, as it is or at a fixed time.
_RAW = re.compile(r"\](\s*@\s*[0-9.]+)?\s*$")


@dataclass(frozen=True)
class Connection:
    """A source as it is asked. `folder` holds its credentials, None: it needs none."""

    address: str = field(repr=False)
    kind: SourceKind = SourceKind.PROMETHEUS
    tenant: str | None = field(default=None, repr=False)
    replica_labels: tuple[str, ...] = DEFAULT_REPLICA_LABELS
    folder: Path | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The tenant's."""
        header = TENANT_HEADERS.get(self.kind)
        return {header: self.tenant} if header is not None and self.tenant is not None else {}


@dataclass(frozen=True)
class Limits:
    """Of every client: one query's time, how many run at once, and how large an answer may be."""

    timeout: timedelta = timedelta(seconds=3)
    max_concurrent: int = 8
    max_answer_bytes: int = 16 * 1024 * 1024


class Source:
    """One connection's client, which knows what its kind asks for."""

    def __init__(self, connection: Connection, client: Client, scrape_s: float) -> None:
        self._thanos = connection.kind is SourceKind.THANOS
        self.client = client
        self.users, self.used_at = 0, 0.0
        self._replicas = Replicas(connection.replica_labels, scrape_s)

    async def ask(self, query: str, at: float) -> Result:
        """The result of an instant query at Unix time `at`. Raises Failed.

        Raw samples (a query that ends in a range) are those of one replica per target.
        """
        if not self._thanos or not _RAW.search(query):
            return await self.client.ask(query, at)
        found = await self.client.ask(query, at, {"dedup": "false"})
        return found if isinstance(found, Vector) else self._replicas.one_of_each(found)


class Connections:
    """The operator's own source and those of classes, each with one session."""

    def __init__(
        self,
        own: Connection,
        scrape_interval: timedelta,
        limits: Limits,
        credentials: Path | None = None,
        headers: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`credentials` has a folder for each name that a class may use; `headers` go everywhere."""
        self._own, self._limits, self._credentials = own, limits, credentials
        self._scrape_s = scrape_interval.total_seconds()
        self._headers, self._clock = dict(headers or {}), clock
        self._sources: dict[Connection, Source] = {}

    async def ask(self, source: MetricsSource | None, query: str, at: float) -> Result:
        """The answer of a class's source, of the operator's own for None. Raises Failed."""
        asked = self._opened(self.connection_of(source))
        asked.users += 1
        try:
            await self._close_unused()
            return await asked.ask(query, at)
        finally:
            asked.users -= 1
            asked.used_at = self._clock()

    def _opened(self, connection: Connection) -> Source:
        if connection not in self._sources:
            client = Client(
                connection.address,
                self._limits.timeout,
                self._limits.max_concurrent,
                self._limits.max_answer_bytes,
                {**self._headers, **connection.headers},
                Credentials(connection.folder) if connection.folder is not None else None,
            )
            self._sources[connection] = Source(connection, client, self._scrape_s)
        return self._sources[connection]

    async def _close_unused(self) -> None:
        """Close what nobody asks any more; what a query is on is in use, however long it takes."""
        since = self._clock() - UNUSED_S
        unused = [c for c, s in self._sources.items() if s.users == 0 and s.used_at < since]
        for connection in unused:
            source = self._sources.get(connection)
            # Another query may have come, or have closed it, while the last one was closed.
            if source is not None and source.users == 0:
                del self._sources[connection]
                await source.client.close()

    def connection_of(self, source: MetricsSource | None) -> Connection:
        """How a source is asked. Raises Failed where it cannot be."""
        return connection_of(source, self._own, self._credentials)

    async def close(self) -> None:
        """Close all connections."""
        for source in self._sources.values():
            await source.client.close()
        self._sources.clear()


def connection_of(
    source: MetricsSource | None, own: Connection, credentials: Path | None
) -> Connection:
    """How a class's source is asked, beside the operator's own. Raises Failed where it cannot be."""
    if source is None:
        return own
    if source.address is None or source.kind is None:
        if source.tenant is None:
            return own
        if own.kind is SourceKind.PROMETHEUS:
            text = "the ReleaseClass sets metrics.tenant, but the operator's own source is a"
            text += " Prometheus, which has none: set metrics.address and metrics.kind, too"
            raise Failed(ProblemKind.QUERY, text)
        return replace(own, tenant=source.tenant)
    labels = tuple(source.replica_labels or DEFAULT_REPLICA_LABELS)
    folder = _folder(source.credentials, credentials)
    return Connection(source.address.rstrip("/"), source.kind, source.tenant, labels, folder)


def _folder(name: str | None, credentials: Path | None) -> Path | None:
    if name is None:
        return None
    if credentials is None:
        text = f"there are no credentials {name}: add prometheus.credentials.{name} to the chart"
        raise Failed(ProblemKind.UNREACHABLE, text)
    return credentials / name
