"""How the plugin reaches Prometheus: at an address, or through the API server with a kubeconfig.

The address is, in this order: the one given, `$SUREFOOT_PROMETHEUS_URL`, the one that the operator's
Deployment has. The operator's is mostly a Service's, which only pods can reach: then the API server's
service proxy is asked instead, as the user of the kubeconfig (`create` on `services/proxy`).
"""

import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from surefoot.adapters.prometheus.client import Client
from surefoot.adapters.prometheus.payload import Failed, Result
from surefoot.adapters.prometheus.wants import Ask
from surefoot.api.durations import parse_duration
from surefoot.cli.address import Service, parse, service_of
from surefoot.cli.kube import Cluster, connect
from surefoot.cli.problem import Problem, as_problems
from surefoot.cli.reading import clean

URL, INTERVAL = "SUREFOOT_PROMETHEUS_URL", "SUREFOOT_SCRAPE_INTERVAL"
_OPERATORS = "app.kubernetes.io/name=surefoot"
_SCRAPE_INTERVAL = timedelta(seconds=15)
_TIMEOUT = timedelta(seconds=30)
_TIMEOUT_S = (10, 30)
_LARGEST_ANSWER = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Prometheus:
    """An open way to Prometheus. `ask` raises Failed; `where` is for people."""

    ask: Ask
    where: str
    scrape_interval: timedelta


@dataclass(frozen=True, slots=True)
class _Way:
    url: str
    where: str
    scrape_interval: timedelta
    headers: Mapping[str, str] | None = None
    tls: ssl.SSLContext | None = None


@asynccontextmanager
async def open_prometheus(
    address: str | None = None,
    context: str | None = None,
    kubeconfig: str | None = None,
    timeout: timedelta = _TIMEOUT,
) -> AsyncIterator[Prometheus]:
    """A Prometheus that has answered once. Raises `Problem`. `timeout` holds for each query."""
    way = _way(address, context, kubeconfig)
    client = Client(
        way.url, timeout, max_answer_bytes=_LARGEST_ANSWER, headers=way.headers, tls=way.tls
    )
    try:
        try:
            await client.ask("vector(1)", datetime.now(UTC).timestamp())
        except Failed as failure:
            raise Problem(f"Cannot ask {way.where}: {failure}") from None
        yield Prometheus(client.ask, way.where, way.scrape_interval)
    finally:
        await client.close()


async def query_range(
    ask: Ask, query: str, start: datetime, end: datetime, step: timedelta
) -> Result:
    """The values of a query at every multiple of `step` in (start, end]. Raises Failed."""
    span = f"{round((end - start).total_seconds())}s:{max(1, round(step.total_seconds()))}s"
    return await ask(f"({query})[{span}]", end.timestamp())


def _way(address: str | None, context: str | None, kubeconfig: str | None) -> _Way:
    given = address or os.environ.get(URL)
    if given:
        place = parse(given)
        interval = _interval(os.environ.get(INTERVAL))
        if isinstance(place, str):
            return _Way(place, f"Prometheus at {_shown(place)}", interval)
        return _through(connect(None, context, kubeconfig), place, interval)
    cluster = connect(None, context, kubeconfig)
    namespace, settings = _operator(cluster)
    url, interval = settings[URL], _interval(settings.get(INTERVAL))
    found = service_of(url, namespace)
    if found is not None and (found[1] or _exists(cluster, found[0])):
        return _through(cluster, found[0], interval)
    return _Way(url.rstrip("/"), f"the operator's Prometheus at {_shown(url)}", interval)


def _interval(text: str | None) -> timedelta:
    try:
        return parse_duration(text) if text else _SCRAPE_INTERVAL
    except ValueError as error:
        raise Problem(f"{INTERVAL} is wrong: {error}") from None


def _shown(url: str) -> str:
    """An address without the credentials in it."""
    scheme, _, rest = clean(url).partition("//")
    return f"{scheme}//{rest.rpartition('@')[2]}"


def _operator(cluster: Cluster) -> tuple[str, Mapping[str, str]]:
    """Namespace and environment of the operator's Deployment."""
    from kubernetes.client import AppsV1Api

    advice = "pass --prometheus with its URL, or NAMESPACE/SERVICE:PORT"
    with as_problems(f"Cannot look up which Prometheus the operator asks ({advice})"):
        listed = AppsV1Api(cluster.client).list_deployment_for_all_namespaces(
            label_selector=_OPERATORS, _request_timeout=_TIMEOUT_S
        )
    found = [
        (each.metadata.namespace, {e.name: e.value for e in box.env or () if e.value})
        for each in listed.items
        for box in each.spec.template.spec.containers
    ]
    operators = [(namespace, env) for namespace, env in found if URL in env]
    if not operators:
        raise Problem(f"No Deployment labelled {_OPERATORS} names a Prometheus: {advice}")
    if len({env[URL] for _, env in operators}) > 1:
        raise Problem(f"Several operators ask different Prometheuses: {advice}")
    return operators[0]


def _exists(cluster: Cluster, service: Service) -> bool:
    """Whether there is such a Service; one that may not be read is taken for one."""
    from kubernetes.client import CoreV1Api
    from kubernetes.client.exceptions import ApiException

    with as_problems(f"Cannot look for Service {service.name} in {service.namespace}"):
        try:
            CoreV1Api(cluster.client).read_namespaced_service(
                service.name, service.namespace, _request_timeout=_TIMEOUT_S
            )
        except ApiException as error:
            if error.status in (403, 404):
                return bool(error.status == 403)
            raise
    return True


def _through(cluster: Cluster, service: Service, interval: timedelta) -> _Way:
    """Through the API server's proxy, as the user of the kubeconfig."""
    configuration: Any = cluster.client.configuration
    authorization = configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
    headers = {"Authorization": authorization} if authorization else {}
    url = str(configuration.host).rstrip("/") + service.proxied
    where = f"Prometheus at {service}"
    return _Way(url, where, interval, headers, _tls(configuration))


def _tls(configuration: Any) -> ssl.SSLContext | None:
    if not str(configuration.host).startswith("https:"):
        return None
    try:
        made = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
        if configuration.cert_file:
            made.load_cert_chain(configuration.cert_file, configuration.key_file)
    except OSError as error:
        raise Problem(f"The kubeconfig's certificates cannot be read ({clean(error)})") from None
    if not configuration.verify_ssl:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made
