"""Services of the cluster: which one the operator asks, and the way to one through the API server."""

import ssl
from collections.abc import Mapping
from typing import Any

from surefoot.cli.address import Service
from surefoot.cli.kube import Cluster
from surefoot.cli.problem import Problem, as_problems
from surefoot.cli.reading import clean
from surefoot.settings import PREFIX

URL = f"{PREFIX}PROMETHEUS_URL"
_OPERATORS = "app.kubernetes.io/name=surefoot"
_TIMEOUT_S = (10, 30)


def operator(cluster: Cluster) -> tuple[str, Mapping[str, str]]:
    """Namespace and environment of the operator's Deployment. Raises `Problem`."""
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


def exists(cluster: Cluster, service: Service) -> bool:
    """Whether there is such a Service; one that may not be read is taken for one. Raises `Problem`."""
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


def through(
    cluster: Cluster, service: Service
) -> tuple[str, Mapping[str, str], ssl.SSLContext | None]:
    """A Service's address at the API server, and what the kubeconfig's user shows there."""
    configuration: Any = cluster.client.configuration
    authorization = configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
    headers = {"Authorization": authorization} if authorization else {}
    url = str(configuration.host).rstrip("/") + service.proxied
    return url, headers, _tls(configuration)


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
