"""A server for the bench: answers 200, and, where FAILS is set, 500 to every second request that asks for it."""

import itertools
import os

from aiohttp import web

COUNT = itertools.count()
FAILS = bool(os.environ.get("FAILS"))


async def answer(request: web.Request) -> web.Response:
    """The client says from when on the candidate is broken; the incumbent never is."""
    broken = FAILS and "x-bench-broken" in request.headers and next(COUNT) % 2 == 0
    return web.Response(text=os.environ["VERSION"], status=500 if broken else 200)


app = web.Application()
app.router.add_get("/{path:.*}", answer)
web.run_app(app, port=8080, print=None, access_log=None)
