"""The operator, which dies at once after its n-th write: `python -m tests.chaos.crashing 7`."""

import itertools
import os
import sys
from typing import Any

from surefoot.__main__ import main
from surefoot.adapters.kubernetes.api import Api

EXIT_CODE = 70


def crash_after(last: int) -> None:
    """From now on the process ends with the answer to that write, as if the power had failed."""
    count, call = itertools.count(1), Api._call

    async def watched(self: Api, method: str, *more: Any, **named: Any) -> Any:
        answer = await call(self, method, *more, **named)
        if method != "GET" and next(count) == last:
            os._exit(EXIT_CODE)
        return answer

    Api._call = watched  # type: ignore[method-assign]


if __name__ == "__main__":
    crash_after(int(sys.argv.pop(1)))
    main()
