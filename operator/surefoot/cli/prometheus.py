"""An open way to the source of a release's metrics, which has answered once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from surefoot.adapters.prometheus.client import Client
from surefoot.adapters.prometheus.connections import Source
from surefoot.adapters.prometheus.credentials import Credentials
from surefoot.adapters.prometheus.payload import Failed, Result
from surefoot.adapters.prometheus.wants import Ask
from surefoot.api.spec import ModelReleaseSpec
from surefoot.cli.access import Access
from surefoot.cli.problem import Problem
from surefoot.cli.source import Way, way_of

_TIMEOUT = timedelta(seconds=30)
_LARGEST_ANSWER = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Prometheus:
    """`ask` raises Failed; `where` says to people which source it is, and why that one."""

    ask: Ask
    where: str
    scrape_interval: timedelta


@asynccontextmanager
async def open_prometheus(
    access: Access, plan: ModelReleaseSpec | None = None, timeout: timedelta = _TIMEOUT
) -> AsyncIterator[Prometheus]:
    """The source of a plan (None: of no plan). Raises `Problem`. `timeout` holds for each query."""
    way = way_of(access, plan)
    client = _client(way, timeout)
    source = Source(way.connection, client, way.scrape_interval.total_seconds())
    try:
        try:
            await source.ask("vector(1)", datetime.now(UTC).timestamp())
        except Failed as failure:
            raise Problem(f"Cannot ask {way.where}: {failure}") from None
        yield Prometheus(source.ask, way.where, way.scrape_interval)
    finally:
        await client.close()


def _client(way: Way, timeout: timedelta) -> Client:
    folder = way.connection.folder
    return Client(
        way.connection.address,
        timeout,
        max_answer_bytes=_LARGEST_ANSWER,
        headers={**way.headers, **way.connection.headers},
        credentials=Credentials(folder, way.advice) if folder is not None else None,
        tls=way.tls,
        advice=way.advice,
    )


async def query_range(
    ask: Ask, query: str, start: datetime, end: datetime, step: timedelta
) -> Result:
    """The values of a query at every multiple of `step` in (start, end]. Raises Failed."""
    span = f"{round((end - start).total_seconds())}s:{max(1, round(step.total_seconds()))}s"
    return await ask(f"({query})[{span}]", end.timestamp())
