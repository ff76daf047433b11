"""How many statuses are written of which only numbers have moved: an API server needs some 20 ms of CPU
for each, and nobody reads the numbers of thousands of releases four times a minute."""

from datetime import datetime, timedelta

PER_SECOND = 20.0
_SLOWEST_S = 60.0
LONGEST = timedelta(minutes=5)
"""For so long at most a status stands that is older than what is known."""


class Room:
    """A bucket of tokens: so many writes a second, and one second's worth at once."""

    def __init__(self) -> None:
        self._left = PER_SECOND
        self._at: datetime | None = None

    def take(self, now: datetime) -> bool:
        """Whether there is room for one more."""
        passed = 0.0
        if self._at is not None:
            # A clock that was set back gives nothing, and takes nothing.
            passed = (now - self._at).total_seconds()
            self._left = min(PER_SECOND, self._left + max(0.0, passed) * PER_SECOND)
        # A slow tick asks with the time that it began at: no second is given twice.
        if self._at is None or not -_SLOWEST_S < passed <= 0.0:
            self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True
