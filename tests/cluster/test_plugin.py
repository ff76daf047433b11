"""The plugin as people run it: a process with a kubeconfig, against a real API server."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from localcluster import access, build, cluster
from localcluster.state import Cluster
from tests.cluster.conftest import OPERATOR, fresh
from tests.cluster.test_release_action_policy import RELEASE
from tests.support.kube import Json, Kube
from tests.support.poll import until
from tests.support.relay import Relay

PLUGIN = [sys.executable, "-c", "from surefoot.cli.main import app; app()"]
STATUS: Json = {
    "observedGeneration": 1,
    "phase": "Progressing",
    "reason": "HoldRunning",
    "message": "30s of 1m",
    "traffic": {"route": {"name": "fraud"}, "intended": 5, "observed": 5},
}


def promoted(value: str, reason: str) -> Json:
    """A Promoted condition that belongs to the newest spec."""
    return {
        "type": "Promoted",
        "status": value,
        "reason": reason,
        "message": "",
        "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }


class Person:
    """Runs the plugin with a kubeconfig whose context names the test's namespace."""

    def __init__(self, api: Cluster, kube: Kube, folder: Path, user: str) -> None:
        self.kubeconfig = folder / f"{user}.kubeconfig"
        access.write_kubeconfig(self.kubeconfig, api, user)
        config = json.loads(self.kubeconfig.read_text())
        config["contexts"][0]["context"]["namespace"] = kube.namespace
        self.kubeconfig.write_text(json.dumps(config))
        self.environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig)}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*PLUGIN, *words], capture_output=True, text=True, timeout=120, env=self.environment
        )

    def start(self, *words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [*PLUGIN, *words], stdout=subprocess.PIPE, text=True, env=self.environment
        )


@pytest.fixture
def admin(api: Cluster, kube: Kube, tmp_path: Path) -> Person:
    return Person(api, kube, tmp_path, "admin")


def set_status(kube: Kube, **over: object) -> None:
    body = {"status": STATUS | over}
    kube.as_user(OPERATOR).patch("ModelRelease", "fraud", body, subresource="status")


def line_of(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline().strip()


def test_status_shows_one_release_in_plain_words(admin: Person, kube: Kube) -> None:
    kube.create(RELEASE)
    set_status(kube)
    shown = admin.run("status", "fraud")
    assert shown.returncode == 0, shown.stderr
    assert "Progressing  HoldRunning" in shown.stdout
    assert "\x1b" not in shown.stdout


def test_status_lists_releases_of_one_or_all_namespaces(
    admin: Person, api: Cluster, kube: Kube
) -> None:
    kube.create(RELEASE)
    set_status(kube)
    fresh(api).create({**RELEASE, "metadata": {"name": "elsewhere"}})
    here, everywhere = admin.run("status").stdout, admin.run("status", "-A").stdout
    assert [row.split()[:3] for row in here.splitlines()] == [
        ["NAME", "PHASE", "WEIGHT"],
        ["fraud", "Progressing", "5%"],
    ]
    assert [kube.namespace, "fraud"] in [row.split()[:2] for row in everywhere.splitlines()]
    assert "elsewhere" in everywhere


def test_status_as_json_is_the_resource(admin: Person, kube: Kube) -> None:
    made = kube.create(RELEASE)
    found = json.loads(admin.run("status", "fraud", "-o", "json").stdout)
    assert found["metadata"]["uid"] == made["metadata"]["uid"]


def test_an_empty_namespace_is_said_so(admin: Person, kube: Kube) -> None:
    shown = admin.run("status")
    assert (shown.returncode, shown.stdout) == (0, "")
    assert shown.stderr == f"No ModelReleases found in namespace {kube.namespace}.\n"


@pytest.mark.parametrize(
    ("value", "reason", "code"), [("True", "Promoted", 0), ("False", "ThresholdCrossed", 1)]
)
def test_watch_prints_changes_and_ends_with_the_release(
    value: str, reason: str, code: int, admin: Person, kube: Kube
) -> None:
    kube.create(RELEASE)
    set_status(kube)
    with admin.start("watch", "fraud") as running:
        assert "Progressing HoldRunning" in line_of(running.stdout)
        set_status(kube, message="only the message moved")
        set_status(kube, phase="Idle", reason=reason, conditions=[promoted(value, reason)])
        assert f"Idle {reason}" in line_of(running.stdout)
        assert running.wait(60) == code


def test_watch_goes_on_after_a_dropped_connection(api: Cluster, kube: Kube, tmp_path: Path) -> None:
    kube.create(RELEASE)
    set_status(kube)
    relay = Relay("127.0.0.1", api.ports["api"])
    admin = Person(api, kube, tmp_path, "admin")
    text = admin.kubeconfig.read_text().replace(api.server, f"https://127.0.0.1:{relay.port}")
    admin.kubeconfig.write_text(text)
    with admin.start("watch", "fraud") as running:
        assert "Progressing" in line_of(running.stdout)
        assert relay.cut()
        set_status(kube, phase="Reverted", conditions=[promoted("False", "Aborted")])
        until(lambda: "Reverted" in line_of(running.stdout), what="the end is seen")
        assert running.wait(60) == 1
    relay.close()


def test_watch_says_when_the_release_is_deleted(admin: Person, kube: Kube) -> None:
    kube.create(RELEASE)
    set_status(kube)
    with admin.start("watch", "fraud") as running:
        assert line_of(running.stdout)
        kube.delete("ModelRelease", "fraud")
        assert running.wait(60) == 1


@pytest.mark.parametrize(("phase", "code"), [("Done", 0), ("Refused", 1)])
def test_wait_ends_with_what_became_of_the_action(
    phase: str, code: int, admin: Person, kube: Kube
) -> None:
    kube.create(RELEASE)
    with admin.start("retry", "fraud", "--wait") as running:
        (made,) = until(lambda: kube.list("ReleaseAction"), what="the action is created")
        end = {"phase": phase, "message": "as told", "time": "2026-01-01T00:00:00.000000Z"}
        name = made["metadata"]["name"]
        operator = kube.as_user(OPERATOR)
        operator.patch("ReleaseAction", name, {"status": end}, subresource="status")
        assert running.wait(60) == code


def test_an_action_that_nobody_handles_is_said_so(admin: Person, kube: Kube) -> None:
    kube.create(RELEASE)
    done = admin.run("pause", "fraud", "--wait", "--timeout", "0")
    assert done.returncode == 1
    assert "was not handled within 0 s" in done.stderr


def assert_sentence(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    """Exit code 1, and one line of explanation on standard error."""
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1, done.stderr
    for part in parts:
        assert part in done.stderr


def test_no_such_release(admin: Person, kube: Kube) -> None:
    for verb in ("status", "watch", "abort"):
        assert_sentence(admin.run(verb, "nope"), '"nope" not found', kube.namespace)
    assert kube.list("ReleaseAction") == []


def test_an_unknown_token_or_context(api: Cluster, kube: Kube, tmp_path: Path) -> None:
    config = json.loads(Path(api.kubeconfig).read_text())
    config["users"][0]["user"] = {"token": "wrong"}
    file = tmp_path / "wrong"
    file.write_text(json.dumps(config))
    someone = Person(api, kube, tmp_path, "carol")
    assert_sentence(someone.run("status", "--kubeconfig", str(file)), "log in again")
    kube.create(RELEASE)
    shown = someone.run("status", "fraud", "-n", "kube-system", "--context", "nowhere")
    assert_sentence(shown, "has no context", "nowhere")


def test_no_kubeconfig(admin: Person, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    assert_sentence(admin.run("status", "--kubeconfig", missing), "set KUBECONFIG")
    broken = tmp_path / "broken"
    broken.write_text("{not yaml")
    assert_sentence(admin.run("status", "--kubeconfig", str(broken)), "No usable kubeconfig")


def test_several_kubeconfig_files(admin: Person, kube: Kube, tmp_path: Path) -> None:
    kube.create(RELEASE)
    admin.environment["KUBECONFIG"] = f"{tmp_path / 'missing'}{os.pathsep}{admin.kubeconfig}"
    assert admin.run("status", "fraud").returncode == 0


def test_an_api_server_that_does_not_answer(admin: Person) -> None:
    config = json.loads(admin.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    admin.kubeconfig.write_text(json.dumps(config))
    assert_sentence(admin.run("status"), "cannot reach the API server")


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Cluster]:
    """An API server without Surefoot."""
    name = f"test-bare-{os.getpid()}"
    try:
        yield cluster.up(profile="api", name=name)
    finally:
        cluster.down(name)


def test_a_cluster_without_the_crds(bare: Cluster) -> None:
    environment = {**os.environ, "KUBECONFIG": str(bare.kubeconfig)}
    done = subprocess.run(
        [*PLUGIN, "status"], capture_output=True, text=True, timeout=120, env=environment
    )
    assert_sentence(done, "install Surefoot's CRDs first")


def test_kubectl_finds_the_plugin(admin: Person, kube: Kube) -> None:
    kube.create(RELEASE)
    here = Path(sys.executable).parent
    path = f"{here}{os.pathsep}{os.environ['PATH']}"
    words = [str(build.asset("kubectl")), "surefoot", "status", "fraud"]
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=120, env={**admin.environment, "PATH": path}
    )
    assert done.returncode == 0, done.stderr
    assert "fraud" in done.stdout
