"""The end of the process: what the loop closes then is no error, anything else that nobody raised is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from surefoot.__main__ import noted


@asynccontextmanager
async def block() -> AsyncIterator[None]:
    waiter = asyncio.create_task(asyncio.Event().wait())
    try:
        yield
    finally:
        with suppress(asyncio.CancelledError):
            waiter.cancel()
            await waiter


async def stream() -> AsyncIterator[int]:
    async with block():
        yield 1


def test_watches_that_the_loop_closes_are_no_error(caplog):
    open_ = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(noted)
        for _ in range(50):
            open_.append(stream())
            await anext(open_[-1])

    asyncio.run(main())
    assert caplog.records == []


def test_an_error_that_nobody_raised_is_logged(caplog):
    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(noted)
        loop.call_soon(int, "no number")
        await asyncio.sleep(0)

    asyncio.run(main())
    assert "no number" in caplog.text
