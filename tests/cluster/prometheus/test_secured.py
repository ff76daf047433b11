"""A real Prometheus that lets in only who has a certificate and a password."""

import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from localcluster import build
from surefoot.adapters.prometheus.connections import Connection, Connections, Limits
from surefoot.adapters.prometheus.payload import Failed, Vector
from tests.support.authority import Authority, Mount
from tests.support.poll import until
from tests.support.story import free_port

# Of "test", as Prometheus' own guide to basic auth has it.
HASHED = "$2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay"
PERSON = {"username": "admin", "password": "test"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[str]:
    folder, port = tmp_path_factory.mktemp("prometheus"), free_port()
    crt, key = authority.sign("server")
    tls = {
        "cert_file": str(crt),
        "key_file": str(key),
        "client_ca_file": str(authority.certificate),
        "client_auth_type": "RequireAndVerifyClientCert",
    }
    web = {"tls_server_config": tls, "basic_auth_users": {"admin": HASHED}}
    (folder / "web.yml").write_text(json.dumps(web))
    (folder / "prometheus.yml").write_text("{}")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [
                build.binary("prometheus"), f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}", f"--web.config.file={folder / 'web.yml'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log, stderr=log,
        )  # fmt: skip
    until(lambda: "ready to receive" in (folder / "log").read_text(), 120, what="Prometheus runs")
    yield f"https://127.0.0.1:{port}"
    process.kill()
    process.wait()


@pytest.fixture
def mount(tmp_path: Path) -> Mount:
    return Mount(tmp_path / "mounted")


@pytest_asyncio.fixture
async def connections(address: str, mount: Mount) -> AsyncIterator[Connections]:
    limits = Limits(timeout=timedelta(seconds=60))
    made = Connections(Connection(address, folder=mount.folder), timedelta(seconds=15), limits)
    yield made
    await made.close()


async def says(connections: Connections) -> str:
    """`ok`, or the sentence."""
    try:
        return "ok" if await connections.ask(None, "vector(1)", 1e9) == Vector((1.0,)) else "?"
    except Failed as failed:
        return failed.problem.message


async def test_certificates_and_passwords_open_it_and_rotate(
    connections: Connections, authority: Authority, mount: Mount
) -> None:
    crt, key = authority.sign("client")
    ours = {"ca_crt": authority.certificate, "tls_crt": crt, "tls_key": key}
    mount.hold(**ours, **PERSON)
    assert await says(connections) == "ok"
    mount.hold(**ours, username="admin", password="wrong")
    assert (await says(connections)).endswith(
        f"(HTTP 401): look at {mount.folder}/username and {mount.folder}/password"
    )
    crt, key = authority.sign("client-2")
    mount.hold(ca_crt=authority.certificate, tls_crt=crt, tls_key=key, **PERSON)
    assert await says(connections) == "ok"


async def test_an_expired_certificate_is_one_sentence(
    connections: Connections, authority: Authority, mount: Mount
) -> None:
    crt, key = authority.sign("late", days=-1)
    mount.hold(ca_crt=authority.certificate, tls_crt=crt, tls_key=key, **PERSON)
    said = await says(connections)
    assert said.startswith("Prometheus at 127.0.0.1")
    assert "client certificate" in said
    assert said.endswith(f"look at {mount.folder}/tls.crt")


async def test_a_missing_certificate_is_one_sentence(
    connections: Connections, authority: Authority, mount: Mount
) -> None:
    mount.hold(ca_crt=authority.certificate, **PERSON)
    said = await says(connections)
    assert said.endswith("wants a client certificate: mount tls.crt and tls.key")


async def test_an_unknown_authority_is_one_sentence(
    connections: Connections, authority: Authority, mount: Mount
) -> None:
    crt, key = authority.sign("client")
    mount.hold(tls_crt=crt, tls_key=key, **PERSON)
    assert (await says(connections)).endswith("put its authority into ca.crt")
