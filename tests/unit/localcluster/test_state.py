"""A cluster's state survives a round trip, and never leads to the end of somebody else's process."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from localcluster import access, process, progress, state, teardown
from localcluster.problem import Problem
from localcluster.state import Cluster


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SUREFOOT_CACHE", str(tmp_path))
    return tmp_path


def a_cluster(name: str = "one") -> Cluster:
    folder = state.folder(name)
    return Cluster(
        name=name,
        profile="api",
        dir=folder,
        kubeconfig=folder / "kubeconfig",
        tokens={"admin": "secret"},
        boot=process.boot_id(),
        server="https://127.0.0.1:1",
    )


def sleeper(cluster: Cluster) -> process.Process:
    program = [sys.executable, "-c", "import time; time.sleep(600)"]
    return process.spawn(program, cluster.logs / "sleeper.log", cluster.mark, {})


def test_what_is_saved_is_loaded() -> None:
    cluster = a_cluster()
    cluster.note("etcd", process.Process(1, "2"))
    assert state.load("one") == cluster
    assert (cluster.dir / "state.json").stat().st_mode & 0o077 == 0


def test_fields_of_another_version_are_ignored() -> None:
    cluster = a_cluster()
    cluster.save()
    file = cluster.dir / "state.json"
    file.write_text(file.read_text().replace("{", '{"unknown": 1,', 1))
    assert state.load("one") == cluster


def test_there_is_no_state_where_there_is_no_cluster() -> None:
    assert state.load("one") is None
    assert state.all_names() == []


@pytest.mark.parametrize("name", ["", "A", "a b", "../up", "-a", "a" * 41])
def test_names_that_cannot_be_a_folder_are_refused(name: str) -> None:
    with pytest.raises(Problem, match="no cluster name"):
        state.folder(name)


def test_a_process_is_known_by_its_start_time_too() -> None:
    daemon = sleeper(a_cluster())
    assert daemon.alive()
    assert not replace(daemon, start="0").alive()
    process.stop([replace(daemon, start="0")])
    assert daemon.alive()
    process.stop([daemon])
    assert not daemon.alive()


def test_a_process_that_does_not_listen_is_ended_by_force() -> None:
    cluster = a_cluster()
    program = "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    command = [sys.executable, "-c", program]
    daemon = process.spawn(command, cluster.logs / "stubborn.log", cluster.mark, {})
    process.stop([daemon], patience_s=0)
    assert not daemon.alive()


def test_removal_ends_noted_processes_and_leaves_no_folder() -> None:
    cluster = a_cluster()
    daemon = sleeper(cluster)
    cluster.note("sleeper", daemon)
    teardown.remove("one")
    assert not daemon.alive()
    assert not cluster.dir.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_removal_finds_a_process_that_was_never_noted() -> None:
    cluster = a_cluster()
    cluster.save()
    daemon = sleeper(cluster)
    teardown.remove("one")
    assert not daemon.alive()


def test_removal_after_a_restart_of_the_machine_trusts_no_process_id() -> None:
    cluster, other = replace(a_cluster(), boot="an earlier one"), a_cluster("two")
    stranger = sleeper(other)
    cluster.note("etcd", stranger)
    assert cluster.running() == {"etcd": False}
    teardown.remove("one")
    assert stranger.alive()
    os.kill(stranger.pid, signal.SIGKILL)


def test_a_file_that_says_the_same_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "daemon.json"
    state.write_if_changed(file, "one")
    os.utime(file, (1, 1))
    state.write_if_changed(file, "one")
    assert file.stat().st_mtime == 1
    state.write_if_changed(file, "two")
    assert file.read_text() == "two"


def test_users_get_tokens_and_groups(tmp_path: Path) -> None:
    tokens = access.new_tokens(None)
    access.write_token_file(tmp_path / "tokens.csv", tokens, None)
    lines = (tmp_path / "tokens.csv").read_text().splitlines()
    assert f'{tokens["alice"]},alice,alice,"surefoot:people"' in lines
    assert f'{tokens["admin"]},admin,admin,"system:masters"' in lines
    assert set(tokens) == {"admin", *access.PEOPLE}
    assert "kubelet" in access.new_tokens("node")


def test_a_duration_is_remembered() -> None:
    assert progress.last_time("build x") is None
    progress.record("build x", 12.34)
    assert progress.last_time("build x") == 12.3


def test_only_what_lies_in_the_folder_is_unmounted_deepest_first() -> None:
    table = "\n".join(
        f"overlay {point} overlay rw 0 0"
        for point in ("/a/b", "/a/b/c", "/a/bc", "/other", "/a/b/with\\040space/x")
    )
    found = teardown.mounts_under(Path("/a/b"), table)
    assert found == ["/a/b/with space/x", "/a/b/c", "/a/b"]
