"""What is built, from which pins, and when it is built anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcluster import build, paths, toolchain
from localcluster.problem import Problem

GO_MOD = """module example.test/tools

go 1.26.0

tool (
\tgo.etcd.io/etcd/server/v3
\tk8s.io/kubernetes/cmd/kubectl
)

require k8s.io/kubernetes v1.36.3

require (
\tk8s.io/kubernetes-like v0.1.0 // indirect
)
"""


def test_the_tools_of_a_module_are_read_from_its_directives() -> None:
    assert build.parse_tools(GO_MOD) == {
        "etcd": "go.etcd.io/etcd/server/v3",
        "kubectl": "k8s.io/kubernetes/cmd/kubectl",
    }
    one = "tool helm.sh/helm/v4/cmd/helm\n"
    assert build.parse_tools(one) == {"helm": "helm.sh/helm/v4/cmd/helm"}


def test_the_version_is_that_of_the_module_that_holds_the_package() -> None:
    assert build.parse_version(GO_MOD, ["k8s.io/kubernetes/cmd/kubectl"]) == "v1.36.3"
    assert build.parse_version(GO_MOD, ["example.test/other"]) == "v0.0.0"


def test_every_program_of_both_profiles_has_a_pin() -> None:
    for name in (*build.API, *build.NODE, "helm", "promtool"):
        assert build.version(name).startswith("v")


def test_the_key_changes_with_pins_sums_and_sources(tmp_path: Path) -> None:
    keys = [build.key(tmp_path)]
    for name in ("go.mod", "go.sum", "main.go"):
        (tmp_path / name).write_text("one")
        keys.append(build.key(tmp_path))
    (tmp_path / "go.sum").write_text("two")
    keys.append(build.key(tmp_path))
    (tmp_path / "notes.txt").write_text("not an input")
    assert len(set(keys)) == 5
    assert build.key(tmp_path) == keys[-1]


def test_kubernetes_is_told_its_version() -> None:
    [family] = [family for family in build.families() if family.name == "kubernetes"]
    assert f"gitVersion={family.version}" in family.ldflags
    assert "gitMajor=1 " in family.ldflags


def test_an_unknown_tool_is_answered_with_those_there_are() -> None:
    with pytest.raises(Problem, match="kubectl"):
        build.binary("no-such-tool")


def test_given_binaries_are_taken_for_the_api_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "etcd").touch()
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    assert build.asset("etcd") == tmp_path / "etcd"
    assert build.given("kubectl") is None


def test_the_cache_can_be_moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SUREFOOT_CACHE", str(tmp_path / "here"))
    assert paths.cache_root() == tmp_path / "here"
    monkeypatch.delenv("SUREFOOT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert paths.cache_root() == tmp_path / "surefoot"


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26)),
        ("go version go1.9 linux/amd64", (1, 9)),
        ("", (0,)),
    ],
)
def test_gos_version_is_compared_by_number(text: str, version: tuple[int, ...]) -> None:
    assert toolchain.parse_go_version(text) == version
