"""Everything before the story: cluster, images, chart and the first version of the model."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from demo_story import gitops
from environment import ROOT
from images import example, operator
from localcluster import access, build, cluster, images, state, system
from localcluster.state import Cluster

OPERATOR_NAMESPACE = "surefoot-system"
PROMETHEUS = "http://prometheus.monitoring:9090"
SCRAPE_INTERVAL = "5s"
VERSIONS = ("v41", "v42", "v43")
_WAIT = "180s"
# Records last: they are sealed when their releases go, and would tell of an earlier run what serves.
_OURS = "modelreleases,releaseactions,httproutes,deployments,services,releaserecords"
Say = Callable[[str], None]


class Stopwatch:
    """Says what is being done and how long it took, and remembers it for the summary."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.phases: dict[str, float] = {}

    @contextlib.contextmanager
    def phase(self, what: str) -> Iterator[None]:
        """Time one phase."""
        self.say(f"» {what}")
        start = time.monotonic()
        yield
        self.phases[what] = time.monotonic() - start
        self.say(f"  {what}: {self.phases[what]:.1f} s")


def kubectl(found: Cluster, *words: str, stdin: str | None = None) -> str:
    """Output of kubectl as the cluster's admin. Raises `Problem` when it fails."""
    return access.kubectl(found, build.binary("kubectl"), words, stdin)


def bring_up(name: str, watch: Stopwatch, bad_model: str) -> Cluster:
    """From whatever is there to v41 serving alone. `bad_model` answers in the place of v43."""
    if state.load(name) is not None:
        watch.say(f"cluster {name} is up already: used again, its operator and models are replaced")
    with watch.phase("cluster up"):
        found = cluster.up("node", name, scrape_interval=SCRAPE_INTERVAL)
    with watch.phase("images built and loaded"):
        image = operator.build().path
        for archive in (image, example.build()):
            images.load(found, archive)
    with watch.phase("chart installed"):
        install_chart(found, image.stem)
    with watch.phase("model servers ready"):
        serve(found, bad_model)
    return found


def install_chart(found: Cluster, build_name: str) -> None:
    """`helm upgrade --install` with the locally built image, and wait until it is ready.

    `build_name` names the build: its pods are replaced when the same tag means another image.
    """
    words: list[str | Path] = ["upgrade", "--install", "surefoot", ROOT / "charts" / "surefoot"]
    words += ["--namespace", OPERATOR_NAMESPACE, "--create-namespace", "--wait", "--timeout", _WAIT]
    repository, tag = operator.NAME.rsplit(":", 1)
    values = {
        "image.repository": repository,
        "image.tag": tag,
        "prometheus.url": PROMETHEUS,
        "prometheus.scrapeInterval": SCRAPE_INTERVAL,
        "podAnnotations.build": build_name,
    }
    for key, value in values.items():
        words += ["--set-string", f"{key}={value}"]
    helm = {"KUBECONFIG": str(found.kubeconfig), "HELM_CACHE_HOME": str(found.dir / "helm")}
    system.run([build.binary("helm"), *words], env=helm)


def serve(found: Cluster, bad_model: str) -> None:
    """The three versions, none of them asked yet; an earlier run's are removed first."""
    kubectl(
        found, "delete", _OURS, "--all", "--namespace=risk", "--cascade=foreground",
        f"--timeout={_WAIT}",
    )  # fmt: skip
    texts = [gitops.manifest("namespace")]
    for version in VERSIONS:
        text = gitops.manifest(f"fraud-{version}")
        texts.append(gitops.with_model(text, "v43", bad_model) if version == "v43" else text)
    kubectl(found, "apply", "-f", "-", stdin="\n---\n".join(texts))
    for version in VERSIONS:
        target = f"deployment/fraud-{version}"
        kubectl(found, "rollout", "status", target, "--namespace=risk", f"--timeout={_WAIT}")


def release(found: Cluster, version: str) -> str:
    """Make `version` the candidate; the answer is the one line that it took."""
    text = gitops.with_candidate(gitops.manifest("release"), version)
    kubectl(found, "apply", "-f", "-", stdin=text)
    return gitops.candidate_line(text).strip()


def start_load(found: Cluster) -> None:
    """Requests and labels, from now until the cluster is gone."""
    kubectl(found, "apply", "-f", "-", stdin=gitops.manifest("load"))
    kubectl(found, "rollout", "status", "deployment/load", "--namespace=risk", f"--timeout={_WAIT}")
