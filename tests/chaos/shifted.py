"""The operator under a wall clock that is set by others: `python -m tests.chaos.shifted FILE`. With each
SIGUSR1 the clock goes wrong by as many seconds as FILE says; the monotonic clock goes on, as it does."""

import signal
import sys
from datetime import timedelta
from pathlib import Path

import time_machine

from surefoot.__main__ import main


class Clock:
    """All of the process's wall clock: time.time, datetime.now and their like."""

    def __init__(self, file: Path) -> None:
        self._file, self._travel = file, None

    def set(self, *_: object) -> None:
        if self._travel is not None:
            self._travel.stop()
        by = timedelta(seconds=float(self._file.read_text()))
        self._travel = time_machine.travel(by, tick=True)
        self._travel.start()


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, Clock(Path(sys.argv.pop(1))).set)
    main()
