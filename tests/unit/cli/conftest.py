"""Servers that are asked, and an environment that says nothing."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.unit.cli.sources import Server

SETTINGS = ("URL", "KIND", "TENANT", "REPLICA_LABELS", "AUTH_DIR")


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    await made.server.start_server()
    yield made
    await made.server.close()


@pytest_asyncio.fixture
async def other() -> AsyncIterator[Server]:
    made = Server()
    await made.server.start_server()
    yield made
    await made.server.close()


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but what a test says: no kubeconfig, no setting."""
    monkeypatch.setenv("KUBECONFIG", "/nonexistent")
    monkeypatch.delenv("SUREFOOT_CREDENTIALS_DIR", raising=False)
    for name in SETTINGS:
        monkeypatch.delenv(f"SUREFOOT_PROMETHEUS_{name}", raising=False)
