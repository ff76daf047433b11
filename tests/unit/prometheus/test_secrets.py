"""Whoever asks Prometheus keeps to itself as whom: no token, password or tenant in errors, logs or `repr`."""

import base64
import json
import logging
import traceback
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from surefoot.adapters.prometheus.client import Client, _decoded
from surefoot.adapters.prometheus.connections import Connection, Connections, Limits
from surefoot.adapters.prometheus.credentials import Credentials
from surefoot.adapters.prometheus.payload import Failed
from surefoot.api.metrics_source import SourceKind
from surefoot.settings import Settings, SettingsError
from surefoot.telemetry import JsonFormatter, TextFormatter
from tests.support.authority import Mount

TOKEN, PASSWORD, TENANT, IN_ADDRESS = "t0ken-abcdef", 'pa"ss\\w0rd', "tenant-xyz", "addr-s3cret"
PAIR = base64.b64encode(f"reader:{PASSWORD}".encode()).decode()
SECRETS = (TOKEN, PASSWORD, json.dumps(PASSWORD)[1:-1], PAIR, IN_ADDRESS, TENANT)
ERROR = {"status": "error", "errorType": "bad_data"}


class Parrot:
    """A server, or what is in front of it, that repeats what it was asked with."""

    def __init__(self) -> None:
        self.status, self.plain = 400, False
        app = web.Application()
        app.router.add_post("/api/v1/query", self._answer)
        self.server = TestServer(app)

    async def _answer(self, request: web.Request) -> web.Response:
        words = (
            f"I know you: {request.headers.get('Authorization')} {TOKEN} {PASSWORD} {IN_ADDRESS}"
        )
        if self.plain:
            return web.Response(text=words, status=self.status)
        if self.status == 200:
            data = {"resultType": "scalar", "result": [1, "1"]}
            return web.json_response({"status": "success", "warnings": [words], "data": data})
        return web.json_response({**ERROR, "error": words}, status=self.status)


@pytest_asyncio.fixture
async def parrot() -> AsyncIterator[Parrot]:
    made = Parrot()
    await made.server.start_server()
    yield made
    await made.server.close()


def told(error: BaseException, caplog: pytest.LogCaptureFixture) -> str:
    """All that a person could read of it: the error, what led to it, and the log at its most talkative."""
    lines = [f"{error!r} {error}", *traceback.format_exception(error)]
    for record in caplog.records:
        lines += [JsonFormatter().format(record), TextFormatter().format(record)]
    return "\n".join(lines)


def secrets_in(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


@pytest.mark.parametrize(
    "files", [{"token": TOKEN}, {"username": "reader", "password": PASSWORD}, {}]
)
@pytest.mark.parametrize("status", [200, 400, 401, 403, 422, 429, 500, 503])
@pytest.mark.parametrize("plain", [True, False])
async def test_a_server_that_repeats_them_is_not_quoted(
    parrot: Parrot,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    files: dict[str, str],
    status: int,
    plain: bool,
) -> None:
    caplog.set_level(logging.DEBUG)
    parrot.status, parrot.plain = status, plain
    folder = Mount(tmp_path / "auth")
    folder.hold(**files)
    address = f"http://{'' if files else f'reader:{IN_ADDRESS}@'}127.0.0.1:{parrot.server.port}"
    credentials = Credentials(folder.folder) if files else None
    client = Client(
        address, timedelta(seconds=60), headers={"X-Scope-OrgID": TENANT}, credentials=credentials
    )
    with pytest.raises(Failed) as refused:
        await client.ask("up", 0.0)
    await client.close()
    mine = [*files.values(), PAIR] if files else [IN_ADDRESS]
    shown = told(refused.value, caplog)
    assert [secret for secret in (*mine, TENANT) if secret in shown and secret != "reader"] == []


@pytest.mark.parametrize("key", ["error", "warnings"])
@pytest.mark.parametrize(
    "told",
    [
        # As Go, PHP and a writer that escapes everything have them.
        r"pa\u0026ss\u003cw\u00f6rd\u003e1",
        "pa&ss<wörd>1",
        r"Basic dXNl\/cm4=",
        "".join(f"\\u{ord(char):04x}" for char in "pa&ss<wörd>1"),
    ],
)
def test_however_a_server_spells_them(key: str, told: str) -> None:
    rest = f'"{key}":"refused: {told}","data":{{"resultType":"scalar","result":[1,"1"]}}'
    status = "error" if key == "error" else "success"
    body = f'{{"status":"{status}","errorType":"bad_data",{rest}}}'.encode()
    with pytest.raises(Failed, match=r"refused: (Basic )?\[hidden\]"):
        _decoded(200, body, ("pa&ss<wörd>1", "dXNl/cm4="))


async def test_a_server_that_is_not_there_is_named_without_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    own = Connection(
        f"http://reader:{IN_ADDRESS}@127.0.0.1:{unused_port()}", SourceKind.MIMIR, TENANT
    )
    connections = Connections(own, timedelta(seconds=15), Limits(timedelta(seconds=60)))
    with pytest.raises(Failed) as refused:
        await connections.ask(None, "up", 0.0)
    await connections.close()
    assert secrets_in(told(refused.value, caplog)) == []
    assert secrets_in(f"{own!r} {connections!r}") == []


@pytest.mark.parametrize("files", [{"token": TOKEN}, {"username": "reader", "password": PASSWORD}])
def test_what_is_read_from_files_is_not_shown(tmp_path: Path, files: dict[str, str]) -> None:
    folder = Mount(tmp_path / "auth")
    folder.hold(**files)
    credentials = Credentials(folder.folder)
    _, auth = credentials.read()
    assert secrets_in(" ".join(auth.headers.values())) != []
    assert secrets_in(f"{auth!r} {credentials!r}") == []


def test_settings_do_not_show_them() -> None:
    url = f"http://reader:{IN_ADDRESS}@mimir.example"
    environment = {
        "SUREFOOT_PROMETHEUS_URL": url,
        "SUREFOOT_PROMETHEUS_KIND": "Mimir",
        "SUREFOOT_PROMETHEUS_TENANT": TENANT,
    }
    assert secrets_in(repr(Settings.from_environment(environment))) == []
    for wrong in (
        {"SUREFOOT_PROMETHEUS_URL": f"{url}?x=1"},
        {"SUREFOOT_PROMETHEUS_KIND": "Prometheus"},
    ):
        with pytest.raises(SettingsError) as refused:
            Settings.from_environment({**environment, **wrong})
        assert secrets_in("".join(traceback.format_exception(refused.value))) == []
