"""Specs as models, decoded once for as long as they are written the same."""

from collections import OrderedDict
from collections.abc import Hashable
from hashlib import blake2b
from typing import Generic, TypeVar

from pydantic import ValidationError

from surefoot.api.base import ApiModel, sentence
from surefoot.api.interned import interned

M = TypeVar("M", bound=ApiModel)
# Of releases that say much the same, as a template makes them, each takes 5 KB; else 14 KB.
MOST_KEPT = 8192


class Decoded(Generic[M]):
    """The specs of one kind by object. The same model is given until the spec is another one, so
    that what follows from it can be kept by its identity; nobody may change it."""

    def __init__(self, model: type[M], most: int = MOST_KEPT) -> None:
        self._model, self._most = model, most
        self._kept: OrderedDict[Hashable, tuple[bytes, M | str]] = OrderedDict()

    def spec_of(self, key: Hashable, written: bytes) -> M | str:
        """The spec of an object, as JSON, as a model, or a sentence on what is wrong with it."""
        known, digest = self._kept.pop(key, None), blake2b(written, digest_size=16).digest()
        if known is None or known[0] != digest:
            known = digest, self._made(written)
        self._kept[key] = known
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return known[1]

    def _made(self, written: bytes) -> M | str:
        try:
            return interned(self._model.model_validate_json(written))
        except ValidationError as error:
            return sentence(error)
