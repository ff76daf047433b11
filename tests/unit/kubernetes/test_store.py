"""The store: what ticks are told of releases while many others tick, others edit, and answers come late."""

from typing import Any

from surefoot.adapters.kubernetes.cache import RELEASES, Cache
from surefoot.adapters.kubernetes.decoded import MOST_KEPT
from surefoot.adapters.kubernetes.store import KubernetesStore
from surefoot.ports import Key, ReleaseObject

FRAUD = Key("risk", "fraud")


def body(name: str = "fraud", version: int = 7, uid: str = "", route: str = "") -> dict[str, Any]:
    """A ModelRelease of the arms fraud-v1 and fraud-v2, as a watch shows it."""
    meta = {
        "name": name, "namespace": "risk", "uid": uid or f"uid-{name}", "generation": 1,
        "resourceVersion": str(version), "creationTimestamp": "2026-01-05T09:00:00Z",
    }  # fmt: skip
    spec = {
        "candidate": {"version": "2", "workloadRef": {"name": "fraud-v2"}},
        "incumbent": {"workloadRef": {"name": "fraud-v1"}},
        "traffic": {"route": {"kind": "HTTPRoute", "name": route or name}},
        "steps": [{"weight": 10, "hold": "1h"}],
    }
    return {"metadata": meta, "spec": spec}


async def read(store: KubernetesStore, name: str = "fraud") -> ReleaseObject:
    found = await store.release(Key("risk", name))
    assert found is not None
    return found


async def test_rivals_are_found_also_when_others_have_ticked_since_it_was_read() -> None:
    cache = Cache()
    store = KubernetesStore(None, cache)  # type: ignore[arg-type]
    for name in ("older", "fraud"):
        cache.put(RELEASES, body(name, route="shared"))
    mine = await read(store)
    for number in range(MOST_KEPT):
        cache.put(RELEASES, body(f"other-{number}"))
        await read(store, f"other-{number}")
    assert [rival.name for rival in store.rivals(mine)] == ["older"]


async def test_a_release_that_is_gone_has_no_rivals() -> None:
    cache = Cache()
    store = KubernetesStore(None, cache)  # type: ignore[arg-type]
    for name in ("older", "fraud"):
        cache.put(RELEASES, body(name, route="shared"))
    mine = await read(store)
    store.bury(FRAUD, body(route="shared"))
    assert store.rivals(mine) == ()
