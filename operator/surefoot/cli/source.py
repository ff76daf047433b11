"""Which source of metrics the plugin asks, how, and as whom.

In this order: the address that a person gave (`--prometheus`, `$SUREFOOT_PROMETHEUS_URL`), that of the release's
class, the operator's own. A given address takes the place of the class's alone: kind, tenant and replica labels are
still the class's. A Service, which only pods can reach, is asked through the API server's service proxy, as the user of the
kubeconfig (`create` on `services/proxy`); where credentials are to be shown it is asked directly, since the API
server keeps them for itself.
"""

import os
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from surefoot.adapters.prometheus.connections import Connection, connection_of
from surefoot.adapters.prometheus.credentials import Advice
from surefoot.adapters.prometheus.payload import Failed
from surefoot.api.metrics_source import MetricsSource
from surefoot.api.spec import ModelReleaseSpec
from surefoot.cli.access import Access
from surefoot.cli.address import Service, parse, service_of, shown
from surefoot.cli.folders import HOLDS, folder_of, named_folder
from surefoot.cli.kube import Cluster
from surefoot.cli.problem import Problem
from surefoot.cli.reading import clean
from surefoot.cli.services import URL, exists, operator, through
from surefoot.engine.tick import source_of
from surefoot.settings import PREFIX, Settings, SettingsError

KIND, AUTH = f"{PREFIX}PROMETHEUS_KIND", f"{PREFIX}PROMETHEUS_AUTH_DIR"
_DESCRIBE = (KIND, f"{PREFIX}PROMETHEUS_TENANT", f"{PREFIX}PROMETHEUS_REPLICA_LABELS")
_INTERVAL = f"{PREFIX}SCRAPE_INTERVAL"
_NOWHERE = "http://given"
_FROM_HERE = (
    "check that it can be reached from here, or pass --prometheus with an address that can, say of "
    "kubectl port-forward"
)
_ADVICE = Advice(
    credentials=f"pass --credentials with a folder that holds {HOLDS}",
    certificate="put tls.crt and tls.key into the folder of --credentials",
    authority="put its authority as ca.crt into the folder of --credentials",
    folder="correct --credentials",
)


@dataclass(frozen=True, slots=True)
class Way:
    """How a source is asked; `where` is for people. `headers` and `tls` are for the API server."""

    connection: Connection
    where: str
    scrape_interval: timedelta
    advice: Advice = _ADVICE
    headers: Mapping[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None


def way_of(access: Access, plan: ModelReleaseSpec | None = None) -> Way:
    """The way to the source of a plan, None: of no plan. Raises `Problem`."""
    metrics = source_of(plan)
    name = clean(plan.release_class_name or "") if plan is not None else ""
    if given := access.address or os.environ.get(URL):
        return _given(given, access, metrics, name)
    if metrics is not None and metrics.address is not None:
        return _of_class(access, metrics, name)
    return _operators(access, metrics)


def _settings(
    environ: Mapping[str, str], url: str = _NOWHERE, names: Sequence[str] = (*_DESCRIBE, _INTERVAL)
) -> Settings:
    """What says how an address is asked. Raises `Problem`."""
    found = {name: environ[name] for name in names if environ.get(name)}
    try:
        return Settings.from_environment({**found, URL: url})
    except SettingsError as error:
        raise Problem(clean(error)) from None


def _own(settings: Settings) -> Connection:
    return Connection(
        settings.prometheus_url,
        settings.prometheus_kind,
        settings.prometheus_tenant,
        settings.prometheus_replica_labels,
    )


def _given(given: str, access: Access, metrics: MetricsSource | None, name: str) -> Way:
    place, settings = parse(given), _settings(os.environ)
    asked = _described(_own(settings), metrics, given)
    why = "--prometheus" if access.address else f"${URL}"
    folder = folder_of(access.credentials, "--credentials")
    if folder is None and not access.address:
        folder = folder_of(os.environ.get(AUTH), f"${AUTH}")
    wanted = metrics.credentials if metrics is not None else None
    if folder is None and wanted is not None and not isinstance(place, Service):
        folder = named_folder(wanted)
    if metrics is not None and metrics.address is not None:
        why += f", in place of {shown(metrics.address)} of ReleaseClass {name}"
        if folder is None and wanted is not None:
            why += f" and without its credentials {wanted}"
    if isinstance(place, str):
        asked = replace(asked, address=place, folder=folder)
        return Way(asked, _where(asked, shown(place), why), settings.scrape_interval)
    if folder is not None:
        raise Problem(
            f"Credentials cannot go to {place}, which keeps them for itself: reach it by kubectl "
            "port-forward, and pass --prometheus with the address of that"
        )
    return _through(access.connect(), place, asked, why, settings.scrape_interval)


def _described(own: Connection, metrics: MetricsSource | None, given: str) -> Connection:
    """Kind, tenant and replica labels of a server at a given address: as the environment says, else
    as the class does."""
    if metrics is None:
        return own
    is_said = bool(os.environ.get(KIND))
    if metrics.kind is not None and (not is_said or own.kind is metrics.kind):
        of_class = metrics.model_copy(update={"credentials": None})
        return connection_of(of_class, own, None)
    if metrics.tenant is not None and not is_said:
        raise Problem(
            f"The ReleaseClass sets metrics.tenant, which Mimir and Thanos take in different ways: set {KIND} "
            f"to what answers at {shown(given)}"
        )
    return replace(own, tenant=metrics.tenant or own.tenant)


def _of_class(access: Access, metrics: MetricsSource, name: str) -> Way:
    assert metrics.address is not None
    folder = folder_of(access.credentials, "--credentials")
    if folder is None and metrics.credentials is not None:
        folder = named_folder(metrics.credentials)
        if folder is None:
            raise Problem(
                f"ReleaseClass {name} asks {shown(metrics.address)} with the credentials "
                f"{metrics.credentials}, which are in the operator's pod alone: pass --credentials with a folder that "
                f"holds {HOLDS}, or --prometheus with an address that needs none"
            )
    bare = metrics.model_copy(update={"credentials": None})
    asked = connection_of(bare, Connection(_NOWHERE), None)
    interval = _settings(os.environ, names=(_INTERVAL,)).scrape_interval
    why = f"ReleaseClass {name}"
    if folder is None and (found := _behind(asked.address, access)) is not None:
        return _through(*found, asked, why, interval)
    asked = replace(asked, folder=folder)
    where = _where(asked, shown(asked.address), why)
    return Way(asked, where, interval, replace(_ADVICE, reach=_FROM_HERE))


def _behind(address: str, access: Access) -> tuple[Cluster, Service] | None:
    """The Service that a class means, and its cluster; None where there is no such way to it."""
    found = service_of(address, "")
    if found is None or not found[0].namespace:
        return None
    try:
        cluster = access.connect()
        return (cluster, found[0]) if found[1] or exists(cluster, found[0]) else None
    except Problem:
        # The address may still be one that is reached without the cluster.
        return None


def _operators(access: Access, metrics: MetricsSource | None) -> Way:
    cluster = access.connect()
    namespace, environ = operator(cluster)
    settings = _settings(environ, environ[URL])
    try:
        asked = connection_of(metrics, _own(settings), None)
    except Failed as failure:
        raise Problem(clean(failure)) from None
    folder = folder_of(access.credentials, "--credentials")
    found, why = service_of(asked.address, namespace), "the operator's"
    if folder is None and found is not None and (found[1] or exists(cluster, found[0])):
        return _through(cluster, found[0], asked, why, settings.scrape_interval)
    asked = replace(asked, folder=folder)
    where = _where(asked, shown(asked.address), why)
    return Way(asked, where, settings.scrape_interval, replace(_ADVICE, reach=_FROM_HERE))


def _through(
    cluster: Cluster, service: Service, asked: Connection, why: str, interval: timedelta
) -> Way:
    url, headers, tls = through(cluster, service)
    advice = Advice(
        credentials=f"see that you may create services/proxy in namespace {service.namespace}; what the server itself "
        "wants to see cannot go through the API server: reach it by kubectl port-forward, and pass "
        "--prometheus and --credentials"
    )
    asked = replace(asked, address=url)
    return Way(asked, _where(asked, str(service), why), interval, advice, headers, tls)


def _where(asked: Connection, place: str, why: str) -> str:
    tenant = f", tenant {asked.tenant}" if asked.headers else ""
    return f"{asked.kind.value} at {place}{tenant} ({why})"
