"""The real node: the demo brings everything up once, and the other stories go on from there."""

import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo_story import setup
from localcluster import build, cluster, system
from tests.e2e.witness import Witness
from tests.support.kube import Kube

ROOT = Path(__file__).resolve().parents[2]
NAME = "e2e"


@dataclass
class Demo:
    """How a run of hack/demo ended."""

    code: int
    output: str


@pytest.fixture(scope="session")
def demo():
    """The demo with a good third model: it must not end as told. The cluster stays."""
    cluster.down(NAME)
    done = subprocess.run(
        [sys.executable, ROOT / "hack" / "demo", "--name", NAME, "--third-image", "good", "--plain"],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    print(done.stdout[-6000:], done.stderr[-3000:])
    yield Demo(done.returncode, done.stdout + done.stderr)
    cluster.down(NAME)


@pytest.fixture(scope="session")
def node(demo):
    """The running cluster."""
    return cluster.load(NAME)


@pytest.fixture
def kube(node):
    """Admin in the demo's namespace, with v41 serving, traffic flowing and nothing else. What is
    told from here on is held to the invariants."""
    admin = Kube(node.server, node.ca, node.tokens["admin"], "risk")
    setup.serve(node, "v43")
    setup.start_load(node)
    witness = Witness(admin)
    yield admin
    witness.end()


@pytest.fixture
def weights(kube):
    return WeightLog(kube)


@pytest.fixture
def operator(node):
    return Operator(node)


class WeightLog:
    """Every weight of a candidate that was ever in the route."""

    def __init__(self, kube):
        self.seen = []
        kube.follow("HTTPRoute", self._note)

    def _note(self, event):
        rules = event["object"]["spec"]["rules"]
        entry = {ref["name"]: ref.get("weight", 1) for rule in rules for ref in rule["backendRefs"]}
        if event["type"] != "DELETED" and (not self.seen or self.seen[-1] != entry):
            self.seen.append(entry)

    def of(self, name):
        found = [entry[name] for entry in self.seen if name in entry]
        return [w for i, w in enumerate(found) if i == 0 or found[i - 1] != w]


class Operator:
    """The operator's pod, as the chart installed it."""

    def __init__(self, node):
        self.node = node

    def kubectl(self, *words, stdin=None):
        return setup.kubectl(self.node, *words, stdin=stdin)

    def kill(self):
        """SIGKILL: the pod is deleted without grace, and the Deployment makes another one."""
        self.kubectl(
            "delete", "pods", "-n", setup.OPERATOR_NAMESPACE, "-l", "app.kubernetes.io/name=surefoot",
            "--grace-period=0", "--force", "--wait=true",
        )  # fmt: skip

    def leader(self):
        """The pod that holds the Lease."""
        return self.kubectl(
            "get", "lease", "surefoot", "-n", setup.OPERATOR_NAMESPACE, "-o",
            "jsonpath={.spec.holderIdentity}",
        ).rpartition("_")[0]  # fmt: skip

    def kill_leader(self):
        """Without grace: the Lease stays with the dead one until it has run out."""
        self.kubectl(
            "delete", "pod", self.leader(), "-n", setup.OPERATOR_NAMESPACE, "--grace-period=0",
            "--force", "--wait=true",
        )  # fmt: skip

    def ready(self):
        self.kubectl(
            "rollout", "status", "deployment", "-n", setup.OPERATOR_NAMESPACE, "--timeout=180s"
        )

    def may_patch_routes(self, allowed):
        """Take the right to write routes away, and give it back: the time between the status write
        and the route write becomes as long as a test needs."""
        verbs = '["get","list","watch","create","patch"]' if allowed else '["get","list","watch"]'
        role = self._role()
        index = next(
            i for i, rule in enumerate(role["rules"]) if "httproutes" in rule.get("resources", [])
        )
        patch = f'[{{"op":"replace","path":"/rules/{index}/verbs","value":{verbs}}}]'
        self.kubectl("patch", "clusterrole", role["metadata"]["name"], "--type=json", "-p", patch)

    def _role(self):
        import json

        roles = json.loads(
            self.kubectl(
                "get", "clusterroles", "-o", "json", "-l", "app.kubernetes.io/instance=surefoot"
            )
        )
        return next(
            role for role in roles["items"]
            if any("httproutes" in rule.get("resources", []) for rule in role["rules"])
        )  # fmt: skip

    def uninstall(self):
        helm = {
            "KUBECONFIG": str(self.node.kubeconfig),
            "HELM_CACHE_HOME": str(self.node.dir / "helm"),
        }
        system.run(
            [
                build.binary("helm"),
                "uninstall",
                "surefoot",
                "-n",
                setup.OPERATOR_NAMESPACE,
                "--wait",
            ],
            env=helm,
        )

    def install(self):
        from images import operator

        setup.install_chart(self.node, operator.build().path.stem)


class Client:
    """Asks the model through the Gateway, as a customer does; never tries twice."""

    def __init__(self, node):
        self.url, self.failed, self.sent = f"{node.gateway}/healthz", [], 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(timeout=60)

    def _run(self):
        import urllib.request

        while not self._stop.wait(0.05):
            request = urllib.request.Request(self.url, headers={"Host": "fraud.example"})
            self.sent += 1
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    answer.read()
            except OSError as error:
                self.failed.append((time.monotonic(), str(error)))
