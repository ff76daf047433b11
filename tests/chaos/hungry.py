"""The operator, which gets no memory any more from SIGUSR1 on: `python -m tests.chaos.hungry`."""

import resource
import signal
from pathlib import Path

from surefoot.__main__ import main

_KEPT: list[bytes] = []


def starve(*_: object) -> None:
    """No page more than there are now, and all of those taken: whatever is asked for next is refused."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))
    size = 2**20
    while size > 64:
        try:
            _KEPT.append(bytes(size))
        except MemoryError:
            size //= 2


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, starve)
    main()
