"""What is read of a spec and its class is kept until one of them says something else."""

import json
from dataclasses import replace
from typing import Any

from surefoot.adapters.kubernetes.cache import CLASSES, RELEASES, Cache
from surefoot.adapters.kubernetes.decoded import Decoded
from surefoot.adapters.kubernetes.store import KubernetesStore
from surefoot.api.release_class import ReleaseClassSpec
from surefoot.engine.world import Observation
from surefoot.observe import observe
from surefoot.ports import Key
from tests.scenarios.specs import spec
from tests.scenarios.world import World

FRAUD = Key("risk", "fraud")


def text(**written: Any) -> bytes:
    return json.dumps(written).encode()


def test_an_unchanged_spec_is_the_same_model() -> None:
    decoded = Decoded(ReleaseClassSpec)
    first = decoded.spec_of("tier1", text(bake="1h"))
    assert decoded.spec_of("tier1", text(bake="1h")) is first
    assert decoded.spec_of("tier1", text(bake="2h")) == ReleaseClassSpec.model_validate(
        {"bake": "2h"}
    )


def test_a_sentence_goes_when_the_spec_is_mended() -> None:
    decoded = Decoded(ReleaseClassSpec)
    said = decoded.spec_of("tier1", text(bake="soon"))
    assert isinstance(said, str)
    assert said.startswith("spec.bake: 'soon' is not a duration")
    assert isinstance(decoded.spec_of("tier1", text(bake="1h")), ReleaseClassSpec)


def test_the_one_not_asked_for_longest_is_forgotten() -> None:
    decoded = Decoded(ReleaseClassSpec, most=2)
    models = {name: decoded.spec_of(name, text(bake="1h")) for name in ("a", "b")}
    assert decoded.spec_of("a", text(bake="1h")) is models["a"]
    decoded.spec_of("c", text(bake="1h"))
    assert decoded.spec_of("a", text(bake="1h")) is models["a"]
    assert decoded.spec_of("b", text(bake="1h")) is not models["b"]


class Seen:
    """A release of class tier1 as the operator's store shows it, in a world that has the rest."""

    def __init__(self) -> None:
        self.cache, self.world = Cache(), World(spec())
        self.ports = replace(self.world.ports, store=KubernetesStore(None, self.cache))
        self.version = 1

    def put(self, bake: str = "30s", **status: Any) -> None:
        """The class with this bake, the release anew with this status."""
        self.version += 1
        about = {"name": "tier1", "uid": "tier1", "resourceVersion": str(self.version)}
        self.cache.put(CLASSES, {"metadata": about, "spec": {"bake": bake}})
        meta = {
            "name": "fraud", "namespace": "risk", "uid": "uid", "resourceVersion": str(self.version),
            "creationTimestamp": "2026-01-05T09:00:00Z",
        }  # fmt: skip
        written = {**spec(bake=None), "releaseClassName": "tier1"}
        self.cache.put(RELEASES, {"metadata": meta, "spec": written, "status": status})

    async def observed(self) -> Observation:
        release = await self.ports.store.release(FRAUD)
        assert release is not None
        return (await observe(release, self.ports, self.world.now))[0]


async def test_the_plan_of_an_unchanged_release_is_not_made_again_at_each_tick() -> None:
    seen = Seen()
    seen.put()
    first = (await seen.observed()).spec
    seen.put(phase="Idle")
    assert first is not None
    assert (await seen.observed()).spec is first


async def test_a_class_that_is_edited_counts_at_the_next_tick() -> None:
    seen = Seen()
    seen.put(bake="30s")
    first = (await seen.observed()).spec
    seen.put(bake="45s")
    second = (await seen.observed()).spec
    assert first is not None
    assert second is not None
    assert (first.bake.total_seconds(), second.bake.total_seconds()) == (30, 45)
    seen.put(bake="soon")
    assert "bake: 'soon' is not a duration" in (await seen.observed()).problem
