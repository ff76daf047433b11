"""Specs as models, decoded once for as long as they are written the same."""

from collections import OrderedDict
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from surefoot.api.base import ApiModel, sentence

Json = dict[str, Any]
M = TypeVar("M", bound=ApiModel)
# More than wait for Prometheus at once: reading one again takes 0.2 ms, keeping it 60 KB.
MOST_KEPT = 256


class Decoded(Generic[M]):
    """The specs of one kind by object. The same model is given until the spec is another one, so
    that what follows from it can be kept by its identity; nobody may change it."""

    def __init__(self, model: type[M], most: int = MOST_KEPT) -> None:
        self._model, self._most = model, most
        self._kept: OrderedDict[tuple[str, str], tuple[Json, M | str]] = OrderedDict()

    def spec_of(self, body: Json) -> M | str:
        """The object's spec, or a sentence on what is wrong with it."""
        meta, written = body["metadata"], body.get("spec", {})
        key = meta.get("namespace", ""), meta["name"]
        known = self._kept.pop(key, None)
        if known is None or known[0] != written:
            known = written, self._made(written)
        self._kept[key] = known
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return known[1]

    def _made(self, written: Json) -> M | str:
        try:
            return self._model.model_validate(written)
        except ValidationError as error:
            return sentence(error)
