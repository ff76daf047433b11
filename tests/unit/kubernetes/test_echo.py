"""What a watch shows while a status is being written: its echo wakes nobody, what someone else did does."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from surefoot.adapters.kubernetes.cache import RELEASES, Cache
from surefoot.adapters.kubernetes.records import KubernetesRecords
from surefoot.adapters.kubernetes.store import KubernetesStore
from surefoot.handlers import Sensor
from surefoot.ports import Key, TransientError
from tests.unit.kubernetes.test_store import FRAUD, Slow, body, of, read


class Writing:
    """A release whose status is being written while watches show versions of it."""

    def __init__(self, *shown: int, then: Callable[[], object] = lambda: None) -> None:
        self.woken: list[Key] = []
        self.cache, self.shown, self.then = Cache(), shown, then
        api: Any = Slow(body(), self.meanwhile)
        self.store = KubernetesStore(api, self.cache, self.woken.append)
        records = KubernetesRecords(api)
        self.sensor = Sensor(self.cache, self.store, records, self.woken.append)
        self.cache.put(RELEASES, body())

    def meanwhile(self) -> None:
        for version in self.shown:
            self.sensor.saw(RELEASES, body(version=version))
        assert self.woken == [], "woken before it is known whose change it is"
        self.then()

    async def save(self) -> None:
        await self.store.save_status(await read(self.store), of(phase="Progressing"))


@pytest.mark.parametrize("shown", [(), (8,)])
async def test_the_echo_of_a_write_wakes_nobody_though_it_comes_before_the_answer(
    shown: tuple[int, ...],
) -> None:
    written = Writing(*shown)
    await written.save()
    written.sensor.saw(RELEASES, copy.deepcopy(body(version=8)))
    assert written.woken == []


@pytest.mark.parametrize("shown", [(9,), (8, 9)])
async def test_what_someone_changed_meanwhile_wakes_when_the_answer_is_there(
    shown: tuple[int, ...],
) -> None:
    written = Writing(*shown)
    await written.save()
    assert written.woken == [FRAUD]


async def test_after_a_write_that_failed_everything_wakes_again() -> None:
    def fail() -> None:
        raise TransientError("503")

    written = Writing(8, then=fail)
    with pytest.raises(TransientError):
        await written.save()
    assert written.woken == [FRAUD], "nobody can say whose change it was"
    written.sensor.saw(RELEASES, body(version=9))
    assert written.woken == [FRAUD, FRAUD]


async def test_a_release_that_is_deleted_meanwhile_is_woken_at_once() -> None:
    written = Writing()
    written.then = lambda: written.sensor.saw(RELEASES, body(version=9), gone=True)
    await written.save()
    assert written.woken == [FRAUD]
