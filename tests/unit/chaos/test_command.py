"""`hack/chaos` as a command: what it lists, refuses and counts; and proxies that do what they say."""

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from tests.chaos.catalogue import KINDS
from tests.chaos.command import main
from tests.chaos.page import rows, table
from tests.chaos.proxy import Answer, Call, Fault, FaultProxy
from tests.chaos.telling import Result, group_of_seed


def result(seed: int, said: str = "", struck: int = 2) -> Result:
    return Result("api-conflicts", seed, True, struck, said, 1.0)


def test_a_seed_is_told_with_the_group_that_it_is_in():
    assert 23 in group_of_seed(23)
    assert group_of_seed(23) == group_of_seed(20) == range(20, 30)


def test_a_fault_that_never_struck_proves_nothing():
    assert not result(0, struck=0).fine
    (row,) = rows([result(0), result(1, "I1: too much"), result(2, struck=0)])
    assert (row["runs"], row["struck"], row["fine"]) == (3, 4, 1)
    assert "| `api-conflicts` |" in table([result(0)])


def test_every_kind_says_what_happens_and_to_whom():
    assert len(KINDS) >= 24
    for kind in KINDS.values():
        assert kind.what
        assert (kind.to_one is None) != (kind.to_all is None)


def test_the_kinds_are_listed(capsys):
    assert main(["--list"], "") == 0
    assert "operator-killed" in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["--kind", "nonsense"]])
def test_what_cannot_be_run_is_refused(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words, "")
    assert ended.value.code == 2
    assert "api-conflicts" in capsys.readouterr().err or not words


class Refuses(Fault):
    async def before(self, call: Call) -> Answer | None:
        return Answer(429, b"{}", retry_after="1") if call.is_write else None


async def test_a_proxy_passes_on_counts_writes_and_lets_faults_answer():
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(f"{request.method} {request.raw_path}")
        return web.json_response({"metadata": {"resourceVersion": "7"}})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server, ClientSession() as session:
        proxy = FaultProxy(str(server.make_url("")), None, None)
        await proxy.start()
        proxy.replica = "a"
        path = "/namespaces/risk/x?label=a%3D%22b%22"
        async with session.patch(proxy.url + path, data=b"{}") as passed:
            assert passed.status == 200
        async with proxy.having(Refuses()), session.patch(proxy.url + path, data=b"{}") as refused:
            assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
        await proxy.stop()
    assert asked == [f"PATCH {path}"]
    assert proxy.writes == {7: "a"}
