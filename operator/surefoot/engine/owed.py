"""What people have not been told yet: Events that failed, and those of a status that may be saved."""

import json
from dataclasses import dataclass, field
from hashlib import sha256

from surefoot.api.status import ModelReleaseStatus
from surefoot.engine.effects import Announcement

# As many as a status remembers decisions.
MOST_OWED = 20

Said = tuple[Announcement, ...]
Digest = bytes


@dataclass
class _Doubt:
    """Statuses sent to replace one version, and what is owed where one of them did."""

    version: str
    sent: list[tuple[Digest, Said]] = field(default_factory=list)


class Owed:
    """By the uid of a release. Only what has an `about` is owed: it is told once, however often."""

    def __init__(self) -> None:
        self._said: dict[str, Said] = {}
        self._doubts: dict[str, _Doubt] = {}

    def of(self, uid: str, version: str, status: ModelReleaseStatus | None) -> Said | None:
        """What is to be told, given the release as it is read now; None when that is not known."""
        doubt = self._doubts.get(uid)
        if doubt is not None and doubt.version != version:
            del self._doubts[uid]
            found = _digest(status) if status is not None else None
            done = [said for sent, said in doubt.sent if sent == found]
            if done:
                self._said[uid] = done[0]
            else:
                # Another process wrote, or a later try: what a status remembers is told again.
                self._said.pop(uid, None)
        return self._said.get(uid)

    def doubt(self, uid: str, version: str, status: ModelReleaseStatus, said: Said) -> None:
        """A status was sent in place of a version, and may be saved: then `said` is owed."""
        doubt = self._doubts.get(uid)
        if doubt is None or doubt.version != version:
            doubt = self._doubts[uid] = _Doubt(version)
        doubt.sent = [*doubt.sent, (_digest(status), _kept(said))][-MOST_OWED:]

    def settle(self, uid: str, version: str, status: ModelReleaseStatus | None) -> None:
        """A status was saved in place of this version, as it was read: what else was sent to replace it
        was not saved."""
        self.of(uid, version, status)
        self._doubts.pop(uid, None)

    def owe(self, uid: str, said: Said) -> None:
        """All else of the release was told."""
        self._said[uid] = _kept(said)

    def forget(self, uid: str) -> None:
        """The release is gone."""
        self._said.pop(uid, None)
        self._doubts.pop(uid, None)


def _digest(status: ModelReleaseStatus) -> Digest:
    """A status of thousands of releases is too much to keep, twenty times each."""
    return sha256(json.dumps(status.dump(), sort_keys=True).encode()).digest()


def _kept(said: Said) -> Said:
    return tuple(each for each in said if each.about)[-MOST_OWED:]
