"""Which process works on which releases, where one is not enough for all of them."""

import re
from dataclasses import dataclass
from hashlib import blake2b

from surefoot.ports import Key

MOST_SHARDS = 32


@dataclass(frozen=True)
class Shard:
    """One of `count` shares of all releases, counted from 0."""

    index: int = 0
    count: int = 1

    @classmethod
    def of(cls, text: str) -> "Shard":
        """`1/3` is the second of three. Raises ValueError with a sentence."""
        found = re.fullmatch("([0-9]{1,3})/([0-9]{1,3})", text)
        index, count = (int(each) for each in found.groups()) if found else (0, 0)
        if not index < count <= MOST_SHARDS:
            raise ValueError(
                f"must be I/N with I from 0 to N-1 and N up to {MOST_SHARDS}, such as 0/2 and 1/2"
            )
        return cls(index, count)

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def owns(self, key: Key) -> bool:
        """Whether it is this one that works on a release.

        The shard whose hash with the release is highest does (rendezvous hashing; Thaler and Ravishankar, 1998):
        one shard more takes its share from all others, and no other release moves.
        """
        return self.index == max(range(self.count), key=lambda each: _hash(key, each))


def _hash(key: Key, index: int) -> bytes:
    # The same in every process and version: two that differ would both work on a release, or none.
    return blake2b(f"{key.namespace}/{key.name}#{index}".encode(), digest_size=8).digest()
