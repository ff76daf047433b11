"""`python -m examples.fraud.server`: serves the version named by MODEL_VERSION until SIGTERM."""

import asyncio
import os
import signal
import sys

from aiohttp import web

from examples.fraud.server.app import FraudServer
from examples.fraud.server.model import Model

# Longer than any proxy keeps an idle connection: the server never closes one that is being reused.
KEEPALIVE_S = 7_200.0


async def serve(model: Model, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests that are running."""
    address = f"{os.environ.get('POD_IP', 'localhost')}:{port}"
    server = FraudServer(model, address, float(os.environ.get("ERROR_RATE", "0")))
    runner = web.AppRunner(server.app(), access_log=None, keepalive_timeout=KEEPALIVE_S)
    await runner.setup()
    await web.TCPSite(runner, host, port, backlog=1024).start()
    print(f"serving {model.version} on port {port}", flush=True)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await stop.wait()
    await runner.cleanup()
    print("stopped", flush=True)


def main() -> None:
    """Read the environment, train, serve."""
    try:
        model = Model(os.environ.get("MODEL_VERSION", ""))
    except ValueError as error:
        sys.exit(str(error))
    asyncio.run(
        serve(model, os.environ.get("HOST", "0.0.0.0"), int(os.environ.get("PORT", "8080")))
    )


if __name__ == "__main__":
    main()
