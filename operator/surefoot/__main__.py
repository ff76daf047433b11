"""The operator's process: watches sense, the queue works, one port serves probes and metrics."""

import argparse
import asyncio
import logging
import os
import signal
import sys
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from surefoot import collector
from surefoot.adapters.kubernetes.api import Api
from surefoot.adapters.kubernetes.cache import CLASSES, CLUSTER, RECORDS, RELEASES, Cache, Kind
from surefoot.adapters.kubernetes.events import EventRecorder
from surefoot.adapters.kubernetes.lease import Elector, LostError, Timing
from surefoot.adapters.kubernetes.records import KubernetesRecords
from surefoot.adapters.kubernetes.routes import HttpRoutes
from surefoot.adapters.kubernetes.shardlease import ShardElector
from surefoot.adapters.kubernetes.store import KubernetesStore
from surefoot.adapters.kubernetes.takeover import Takeover
from surefoot.adapters.kubernetes.watch import Watch
from surefoot.adapters.prometheus import Connection, PrometheusMetrics
from surefoot.handlers import KINDS, Sensor
from surefoot.ports import ConflictError, Key, PortError, Ports
from surefoot.reconcile import reconcile
from surefoot.settings import Settings, SettingsError
from surefoot.telemetry import Telemetry, set_up_logging
from surefoot.workqueue import WorkQueue

log = logging.getLogger("surefoot")
Json = dict[str, Any]
HELP = """Surefoot's operator. Settings come from the environment:
  SUREFOOT_PROMETHEUS_URL      http://prometheus.monitoring:9090   (required)
  SUREFOOT_PROMETHEUS_KIND     Prometheus | Thanos | Mimir
  SUREFOOT_PROMETHEUS_TENANT   sent along, for Thanos and Mimir
  SUREFOOT_PROMETHEUS_REPLICA_LABELS  replica,prometheus_replica   (for Thanos)
  SUREFOOT_PROMETHEUS_AUTH_DIR a folder with token, or username and password, tls.crt and tls.key, ca.crt
  SUREFOOT_CREDENTIALS_DIR     the same per folder in it, for ReleaseClasses
  SUREFOOT_SCRAPE_INTERVAL     15s
  SUREFOOT_PROMETHEUS_TIMEOUT  3s
  SUREFOOT_MAX_SERIES          10000  (of one release; above it Prometheus sums)
  SUREFOOT_LOG_FORMAT          json | text
  SUREFOOT_LOG_LEVEL           debug | info | warning | error
  SUREFOOT_HTTP_PORT           8080   (/healthz, /readyz, /metrics)
  SUREFOOT_WORKERS             64
  SUREFOOT_NAMESPACES          risk,ads  (default: all; those that this operator looks after)
  SUREFOOT_LEASE_NAMESPACE     where replicas elect the one that writes (default: no election)
  SUREFOOT_LEASE_NAME          surefoot
  SUREFOOT_SHARD               0/2  (default: all releases; the same as --shard)

Example:
  SUREFOOT_PROMETHEUS_URL=http://localhost:9090 SUREFOOT_LOG_FORMAT=text python -m surefoot
"""


class Operator:
    """Everything of one process, wired together."""

    def __init__(
        self, settings: Settings, api: Api, elector: Elector | ShardElector | None = None
    ) -> None:
        """With an `elector` nothing is written but while this replica holds the Lease."""
        self.settings, self.telemetry, self.cache = settings, Telemetry(), Cache()
        self.api, self.elector, self._leads = api, elector, elector is None
        if elector is not None:
            api.fence = elector.remaining
        self.store = KubernetesStore(api, self.cache, self._wake)
        self.records = KubernetesRecords(api)
        self.queue: WorkQueue[Key] = WorkQueue(
            self._tick, self._failed, settings.workers, self.telemetry.lateness.observe
        )
        own = Connection(
            settings.prometheus_url,
            settings.prometheus_kind,
            settings.prometheus_tenant,
            settings.prometheus_replica_labels,
            settings.prometheus_auth_dir,
        )
        self.metrics = PrometheusMetrics(
            own,
            scrape_interval=settings.scrape_interval,
            on_done=self.queue.add,
            timeout=settings.prometheus_timeout,
            credentials=settings.credentials_dir,
            max_series=settings.max_series,
        )
        self.ports = Ports(
            store=self.store,
            workloads=self.store,
            traffic=HttpRoutes(api, self.cache),
            metrics=self.metrics,
            notifier=EventRecorder(api, os.environ.get("HOSTNAME", "surefoot")),
            records=self.records,
        )
        self.sensing = asyncio.Event()
        self.takeover = Takeover(api, self.cache, settings.namespaces, self._wake)

    async def _tick(self, key: Key) -> float | None:
        with self.telemetry.tick_seconds.time():
            report = await reconcile(key, self.ports, datetime.now(UTC))
        if report.requeue is None:
            self.telemetry.forget(key)
        if report.decision is not None and report.requeue is not None:
            self.telemetry.observe(key, report.decision, report.writes, report.saved)
        return None if report.requeue is None else report.requeue.total_seconds()

    def _wake(self, key: Key) -> None:
        """What has changed is known here in any case; who leads the shard that the release belongs to acts
        on it. What was deleted meanwhile and is owed yet is known by its open record."""
        if self._leads and self.settings.shard.owns(key):
            self.queue.add(key)
        else:
            self.store.forget(key)

    def _failed(self, key: Key, error: Exception) -> None:
        self.telemetry.failures.labels(type(error).__name__).inc()
        where = {"namespace": key.namespace, "release": key.name}
        if isinstance(error, ConflictError):
            log.debug("read again: %s", error, extra=where)
        elif isinstance(error, PortError):
            log.warning("tried again soon: %s", error, extra=where)
        else:
            log.error("a tick failed, tried again soon", exc_info=error, extra=where)

    def web_app(self) -> web.Application:
        """Probes and metrics."""
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        return app

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        ready = self.sensing.is_set()
        return web.Response(
            text="ok\n" if ready else "watches are starting\n", status=200 if ready else 503
        )

    async def _metrics(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": CONTENT_TYPE_LATEST})
        await response.prepare(request)
        for piece in self.telemetry.text():
            await response.write(piece)
            await asyncio.sleep(0)  # a tick may be due
        await response.write_eof()
        return response

    async def run(self) -> None:
        """Until SIGTERM, or until the Lease is lost."""
        runner = web.AppRunner(self.web_app(), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, None, self.settings.http_port).start()
        sensor = Sensor(self.cache, self.store, self.records, self._wake)
        watches = self.watches(sensor.saw)
        tidy = collector.tidy(lambda: bool(self.queue.active) or not self.metrics.idle)
        running = (_told_to_stop(), tidy, self._work(watches), *(w.run() for w in watches))
        tasks = [asyncio.create_task(work) for work in running]
        if self.elector is not None:
            tasks.append(asyncio.create_task(self.elector.run()))
        host = urlsplit(self.settings.prometheus_url).hostname  # never its credentials
        log.info("watching ModelReleases; Prometheus is at %s", host)
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        await _ended(*tasks)
        if self.elector is not None:
            # Nothing writes any more: another replica may begin.
            await self.elector.release()
        await self.metrics.close()
        await runner.cleanup()
        for task in done:
            if not task.cancelled():
                task.result()

    def watches(self, saw: Callable[[Kind, Json, bool], None]) -> list[Watch]:
        """All that is watched, kind by kind."""
        namespaces = self.settings.namespaces or (CLUSTER,)
        return [
            Watch(self.api, self.records if kind == RECORDS else self.cache, kind, namespace, saw)
            for kind in KINDS
            for namespace in ((CLUSTER,) if kind == CLASSES else namespaces)
        ]

    async def _work(self, watches: Sequence[Watch]) -> None:
        """Ticks, from the moment on in which this replica leads."""
        for watch in watches:
            # What is not known yet would be asked for, object by object.
            await watch.tried.wait()
        self.sensing.set()
        collector.spare()
        if self.elector is not None:
            await self.elector.elected.wait()
            await self.lead()
        self.telemetry.leads.set(1)
        await asyncio.gather(self.queue.run(), self.takeover.go_on())

    async def lead(self) -> None:
        """Queue what there is, and what was left by releases that are no more."""
        self._leads = True
        await self.takeover.begin()
        for key in self.records.open_of():
            if self.cache.known(RELEASES, *key) is None:
                self._wake(key)


async def _told_to_stop() -> None:
    """Until a signal says so."""
    told, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    await told.wait()


async def _ended(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _main(settings: Settings) -> None:
    set_up_logging(settings.log_format, settings.log_level)
    api = await Api.connect()
    try:
        if settings.lease_namespace is None:
            await Operator(settings, api).run()
        else:
            await _elected(settings, api, settings.lease_namespace)
    finally:
        await api.close()


async def _elected(settings: Settings, api: Api, namespace: str) -> None:
    # A Lease must not wait behind other calls.
    leases = await Api.connect(Timing().deadline / 2)
    # A container that starts anew in its pod is another one: the old one's last write may be
    # under way still.
    identity = f"{os.environ.get('HOSTNAME', 'surefoot')}_{uuid.uuid4().hex[:8]}"
    try:
        named = leases, namespace, settings.lease_name, identity
        sharded = settings.shard.count > 1
        elector = ShardElector(*named, settings.shard) if sharded else Elector(*named)
        await Operator(settings, api, elector).run()
    finally:
        await leases.close()


def main() -> None:
    """Entry point of `python -m surefoot`."""
    parser = argparse.ArgumentParser(
        "python -m surefoot", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--shard", metavar="I/N", help="work on share I of all releases, of N shares counted from 0"
    )
    given = parser.parse_args().shard
    environment = {**os.environ, **({"SUREFOOT_SHARD": given} if given is not None else {})}
    collector.spare()
    try:
        asyncio.run(_main(Settings.from_environment(environment)))
    except (SettingsError, LostError) as error:
        sys.exit(f"surefoot: {error}")


if __name__ == "__main__":
    main()
