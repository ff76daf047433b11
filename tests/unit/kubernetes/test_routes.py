"""What the operator remembers of a route that it has written."""

from typing import Any

import pytest

from surefoot.adapters.kubernetes.cache import Cache
from surefoot.adapters.kubernetes.routes import HttpRoutes
from surefoot.engine.effects import SetWeights
from surefoot.engine.weights import WeightChange
from surefoot.ports import ConflictError
from tests.fuzz.memory import MemoryApi

CHANGES = (WeightChange(0, 0, "fraud-v41", 90), WeightChange(0, 1, "fraud-v42", 10))


def route(*weights: int, generation: int) -> dict[str, Any]:
    names = ("fraud-v41", "fraud-v42")
    refs = [{"name": n, "port": 80, "weight": w} for n, w in zip(names, weights, strict=True)]
    return {
        "kind": "HTTPRoute",
        "metadata": {"name": "fraud", "namespace": "risk", "uid": "u", "generation": generation},
        "spec": {"rules": [{"backendRefs": refs}]},
    }


async def test_an_intent_is_known_from_its_write_on_also_when_it_was_put_back():
    cache = Cache()
    api = MemoryApi([route(100, 0, generation=4)], cache)
    routes = HttpRoutes(api, cache)
    assert (await routes.route("risk", "fraud")).carried == ""
    await routes.write("risk", SetWeights("fraud", 4, CHANGES, "10 at noon"))
    api.put(route(100, 0, generation=6))
    seen = await routes.route("risk", "fraud")
    assert (seen.carried, seen.rules[0][1].weight) == ("10 at noon", 0)


async def test_a_write_that_failed_is_not_remembered():
    cache = Cache()
    routes = HttpRoutes(MemoryApi([route(100, 0, generation=5)], cache), cache)
    with pytest.raises(ConflictError):
        await routes.write("risk", SetWeights("fraud", 4, CHANGES, "10 at noon"))
    assert (await routes.route("risk", "fraud")).carried == ""
