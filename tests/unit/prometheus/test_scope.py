"""A release reads the series of its own namespace's arms: no other namespace's arm passes for one."""

import itertools

import pytest

from surefoot.adapters.prometheus.presets import presets
from surefoot.adapters.prometheus.promql import arms_of
from surefoot.engine.questions import ArmRef
from tests.unit.prometheus.builders import question

# Names that could run into each other where a label joins them.
NAMESPACES = ("a", "a-b", "a-b-c", "risk")
NAMES = ("c", "b-c", "b", "c-80", "fraud-v42")
PODS = "-7c9f8d5b6-x2k9p"
# The only exporter whose label joins namespace and Service by what may stand in either.
JOINED = "traefik"


def labels_of(preset: str, namespace: str, name: str) -> dict[str, str]:
    """What the exporter writes on the series of an arm: its pods, or a proxy's name of its Service."""
    arm = presets()[preset].arm
    ref = ArmRef(name, name, 80)
    made = {
        "envoy-gateway": f"service/{namespace}/{name}/80",
        "istio-envoy": f"outbound|80||{name}.{namespace}.svc.cluster.local",
        "istio": f"{name}.{namespace}.svc.cluster.local",
        "traefik": f"{namespace}-{name}-80@kubernetescrd",
    }
    value = made.get(preset, f"{name}{PODS}" if arm.label == "pod" else arm.regex(namespace, ref))
    return {arm.label: value.replace("\\", ""), **arm.shared(namespace, ref, ref)}


@pytest.mark.parametrize("preset", sorted(presets()))
def test_an_arm_s_own_series_are_its_own(preset: str) -> None:
    for namespace, name in itertools.product(NAMESPACES, NAMES):
        asked = question(namespace=namespace, candidate=name, incumbent=name)
        assert arms_of(presets()[preset], asked).has(labels_of(preset, namespace, name))


@pytest.mark.parametrize("preset", sorted(set(presets()) - {JOINED}))
def test_no_arm_of_another_namespace_passes_for_one(preset: str) -> None:
    for mine, theirs in itertools.permutations(NAMESPACES, 2):
        for name, other in itertools.product(NAMES, NAMES):
            asked = question(namespace=mine, candidate=name, incumbent=name)
            arms = arms_of(presets()[preset], asked)
            assert not arms.has(labels_of(preset, theirs, other)), (mine, name, theirs, other)


def test_where_the_exporter_itself_joins_them_the_preset_says_so() -> None:
    arms = arms_of(presets()[JOINED], question(namespace="a", candidate="b-c", incumbent="b-c"))
    assert arms.has(labels_of(JOINED, "a-b", "c"))
    assert any("namespace a-b" in caveat for caveat in presets()[JOINED].caveats)
