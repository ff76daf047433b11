"""What a cluster comes with: DNS, a Gateway served by Contour and Envoy, and Prometheus, all as pods."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from string import Template

from . import access, build, daemons, images, net, paths, system
from .state import Cluster
from .wait import until

PODS = (
    "kube-system/coredns-",
    "projectcontour/contour-",
    "projectcontour/envoy-",
    "monitoring/prometheus-",
)
_GATEWAY = "/apis/gateway.networking.k8s.io/v1/namespaces/surefoot-gateway/gateways"
_CONTOUR = "github.com/projectcontour/contour"
_CONTOUR_FILES = ("01-crds.yaml", "02-rbac.yaml", "02-role-contour.yaml")


def apply(cluster: Cluster) -> None:
    """Apply every manifest; a second time changes only what has changed."""
    rendered = cluster.dir / "manifests"
    rendered.mkdir(exist_ok=True)
    cluster.gateway = f"http://{cluster.node_ip}"
    cluster.prometheus = f"http://{cluster.node_ip}:9090"
    cluster.save()
    bootstrap = _envoy_bootstrap(cluster, rendered)
    definitions = sorted(_gateway_crds().glob("gateway.networking.k8s.io_*.yaml"))
    contour = [
        build.module_files("contour", _CONTOUR, f"examples/contour/{f}") for f in _CONTOUR_FILES
    ]
    namespaces = _render(cluster, rendered, "namespaces.yaml")
    own = [
        _render(cluster, rendered, f"{name}.yaml") for name in ("coredns", "contour", "prometheus")
    ]
    _kubectl_apply(cluster, [namespaces])
    _kubectl_apply(cluster, [*own, *contour, bootstrap, *definitions])
    served = lambda: access.get(cluster, _GATEWAY) is not None  # noqa: E731
    until(served, "Gateway API in the API server", 60)
    _kubectl_apply(cluster, [_render(cluster, rendered, "gateway.yaml")])


def _kubectl_apply(cluster: Cluster, files: list[Path]) -> None:
    words = ["apply", "--server-side", "--force-conflicts", "--field-manager=hack-cluster"]
    sources = [f"--filename={file}" for file in files]
    access.kubectl(cluster, build.binary("kubectl"), [*words, *sources])


def _gateway_crds() -> Path:
    return build.module_files("contour", "sigs.k8s.io/gateway-api", "config/crd/standard")


def _render(cluster: Cluster, folder: Path, name: str) -> Path:
    """A manifest with the addresses and images of this cluster filled in."""
    values = {
        "dns": daemons.dns_address(cluster),
        "contour": _contour_address(cluster),
        "node_ip": cluster.node_ip,
        "scrape_interval": cluster.scrape_interval,
        **{f"image_{program}": images.addon(program).name for program in images.ADDONS},
    }
    target = folder / name
    target.write_text(Template((paths.MANIFESTS / name).read_text()).substitute(values))
    return target


def _contour_address(cluster: Cluster) -> str:
    """The ClusterIP at which Envoy finds Contour."""
    return net.host(net.Network(cluster.networks["services"]), 20)


def _envoy_bootstrap(cluster: Cluster, folder: Path) -> Path:
    """Envoy's first configuration, from Contour, with metrics that are never older than a second."""
    raw = folder / "envoy.json"
    # An address, not a name: a question asked before DNS is up costs Envoy 15 seconds.
    xds = [f"--xds-address={_contour_address(cluster)}", "--xds-port=8001"]
    place = ["--namespace=projectcontour", "--admin-address=/admin/admin.sock"]
    system.run(
        [build.binary("contour"), "bootstrap", raw, "--xds-resource-version=v3", *xds, *place]
    )
    config = json.loads(raw.read_text())
    config["stats_flush_interval"] = "1s"
    data = {"envoy.json": json.dumps(config, indent=1, sort_keys=True)}
    metadata = {"name": "envoy-bootstrap", "namespace": "projectcontour"}
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
    target = folder / "envoy-bootstrap.json"
    target.write_text(json.dumps(manifest))
    raw.unlink()
    return target


def gateway_programmed(cluster: Cluster) -> bool:
    """Whether Contour has accepted the Gateway and serves it."""
    found = access.get_json(cluster, f"{_GATEWAY}/public")
    conditions = (found or {}).get("status", {}).get("conditions", [])
    return any(each["type"] == "Programmed" and each["status"] == "True" for each in conditions)


def prometheus_answers(cluster: Cluster) -> bool:
    """Whether Prometheus is reached from the machine itself, by the address in the state.

    Envoy is not asked: it listens once the Gateway has its first route.
    """
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{cluster.prometheus}/-/ready", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False
