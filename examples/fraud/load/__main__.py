"""`python -m examples.fraud.load`: asks TARGET_URL as TARGET_HOST, RATE times a second, until SIGTERM."""

import asyncio
import contextlib
import json
import os
import signal

import aiohttp
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from examples.fraud.load.generator import Generator, Target
from examples.fraud.load.labels import LabelPost
from examples.fraud.load.tally import Tally
from examples.fraud.world import payments

PRESENT_SEED = 4_711


def pages(tally: Tally) -> web.Application:
    """`/healthz`, `/metrics` and `/summary`."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def metrics(_: web.Request) -> web.Response:
        body = generate_latest(tally.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def summary(_: web.Request) -> web.Response:
        return web.json_response(tally.summary())

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/summary", summary)
    return app


async def generate(target: Target, tally: Tally, label_delay_s: float) -> None:
    """Wait for the route, then send until cancelled; what is on its way is waited for."""
    labels = LabelPost(tally, label_delay_s)
    generator = Generator(target, tally, labels, payments(PRESENT_SEED))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await generator.wait_until_served(session)
        print(f"asking {target.url} as {target.host}, {target.rate:g} a second", flush=True)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(labels.run(session))
                group.create_task(generator.run(session))
        finally:
            await generator.drain()


async def main() -> None:
    """Read the environment, run until SIGTERM, print the summary."""
    target = Target(
        os.environ["TARGET_URL"].rstrip("/"),
        os.environ["TARGET_HOST"],
        float(os.environ.get("RATE", "120")),
    )
    tally = Tally()
    runner = web.AppRunner(pages(tally), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, None, int(os.environ.get("PORT", "8090"))).start()
    delay_s = float(os.environ.get("LABEL_DELAY_SECONDS", "6"))
    work = asyncio.create_task(generate(target, tally, delay_s))
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, work.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await work
    print(json.dumps(tally.summary()), flush=True)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
