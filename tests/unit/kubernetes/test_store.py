"""The store: what ticks are told of releases while many others tick, others edit, and answers come late."""

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from surefoot.adapters.kubernetes.api import NotFoundError
from surefoot.adapters.kubernetes.cache import RELEASES, Cache, Kind
from surefoot.adapters.kubernetes.room import PER_SECOND
from surefoot.adapters.kubernetes.store import MOST_READ, KubernetesStore
from surefoot.api.status import ModelReleaseStatus
from surefoot.ports import ConflictError, Key, ReleaseObject

FRAUD = Key("risk", "fraud")
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


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


class Slow:
    """An API server whose answer to a write is on its way while something else comes to pass."""

    def __init__(self, stored: dict[str, Any] | None, meanwhile: Callable[[], object]) -> None:
        self.stored, self.meanwhile = copy.deepcopy(stored), meanwhile

    async def patch(self, path: str, patch: Any, content_type: str) -> dict[str, Any]:
        self.meanwhile()
        if self.stored is None:
            raise NotFoundError(f"PATCH {path}: 404")
        self.stored["metadata"]["resourceVersion"] = "8"
        return self.stored


def of(**parts: Any) -> ModelReleaseStatus:
    return ModelReleaseStatus.model_validate(parts)


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
    for number in range(MOST_READ):
        cache.put(RELEASES, body(f"other-{number}"))
        await read(store, f"other-{number}")
    assert [rival.name for rival in store.rivals(mine)] == ["older"]


class Counting(Cache):
    """Counts how often an object is read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    def get(self, kind: Kind, namespace: str, name: str) -> dict[str, Any] | None:
        self.reads += 1
        return super().get(kind, namespace, name)


async def test_many_on_one_route_read_each_other_once_for_each_version() -> None:
    cache, many = Counting(), 30
    store = KubernetesStore(None, cache)  # type: ignore[arg-type]
    for number in range(many):
        cache.put(RELEASES, body(f"r{number}", route="shared"))
    every = [await read(store, f"r{number}") for number in range(many)]
    cache.reads = 0
    for _ in range(3):
        assert all(len(store.rivals(each)) == many - 1 for each in every)
    assert cache.reads == many
    changed = body("r3", version=8, route="shared")
    cache.put(RELEASES, {**changed, "status": {"incumbent": {"workload": "fraud-v1"}}})
    assert [r.name for r in store.rivals(every[0]) if r.adopted] == ["r3"]
    cache.put(RELEASES, body("r4", version=9, route="another"))
    assert len(store.rivals(every[0])) == many - 2


async def test_a_release_that_is_gone_has_no_rivals() -> None:
    cache = Cache()
    store = KubernetesStore(None, cache)  # type: ignore[arg-type]
    for name in ("older", "fraud"):
        cache.put(RELEASES, body(name, route="shared"))
    mine = await read(store)
    store.bury(FRAUD, body(route="shared"))
    assert store.rivals(mine) == ()


async def test_an_answer_that_is_late_does_not_bring_back_a_release_that_was_deleted() -> None:
    cache = Cache()
    api = Slow(body(), lambda: store.bury(FRAUD, body(version=9)))
    store = KubernetesStore(api, cache)  # type: ignore[arg-type]
    cache.put(RELEASES, body())
    await store.save_status(await read(store), of(message="late"))
    assert (await read(store)).gone


async def test_an_answer_that_is_late_is_not_taken_for_one_that_was_made_anew() -> None:
    def made_anew() -> None:
        store.bury(FRAUD, body(version=9))
        cache.put(RELEASES, body(version=10, uid="another"))

    cache = Cache()
    store = KubernetesStore(Slow(body(), made_anew), cache)  # type: ignore[arg-type]
    cache.put(RELEASES, body())
    await store.save_status(await read(store), of(message="late"))
    known = await read(store)
    assert (known.uid, known.gone, known.status) == ("another", False, None)


async def test_a_release_that_is_not_found_counts_as_gone_until_it_is_seen_again() -> None:
    cache = Cache()
    store = KubernetesStore(Slow(None, lambda: None), cache)  # type: ignore[arg-type]
    cache.put(RELEASES, body())
    with pytest.raises(ConflictError):
        await store.save_status(await read(store), of())
    assert (await read(store)).gone
    cache.put(RELEASES, body())
    assert not (await read(store)).gone


async def test_where_one_is_not_found_another_one_of_its_name_stays() -> None:
    def made_anew() -> None:
        cache.put(RELEASES, body(version=10, uid="another"))

    cache = Cache()
    store = KubernetesStore(Slow(None, made_anew), cache)  # type: ignore[arg-type]
    cache.put(RELEASES, body())
    with pytest.raises(ConflictError):
        await store.save_status(await read(store), of())
    known = await read(store)
    assert (known.uid, known.gone) == ("another", False)


async def test_a_label_takes_nothing_of_a_hold_that_was_not_written_yet() -> None:
    cache = Cache()
    store = KubernetesStore(None, cache)  # type: ignore[arg-type]
    stored = of(step={"coveredSeconds": 60.0})
    cache.put(RELEASES, {**body(), "status": stored.dump()})
    ahead = of(step={"coveredSeconds": 300.0})
    known = await read(store)
    for _ in range(int(PER_SECOND)):
        assert not store.put_off(known, ahead, NOW), "there is room"
    assert store.put_off(known, ahead, NOW)
    cache.put(RELEASES, {**body(version=8), "status": stored.dump()})
    found = await read(store)
    assert (found.resource_version, found.status) == ("8", ahead)
