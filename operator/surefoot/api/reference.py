"""A Drift signal's reference: where the bins lie that the candidate's scores are held against."""

import json
from functools import lru_cache
from itertools import pairwise
from math import inf, isfinite
from typing import Annotated

from pydantic import Field

from surefoot.api.base import ApiModel, Name
from surefoot.api.signal_status import MOST_EDGES, FrozenBins

MOST_CHARACTERS = 65_536
"""Several times what the longest bins take; a ConfigMap may have a mebibyte."""
# Of the longest ones, 8 MiB.
_MOST_KEPT = 128


class ConfigMapKey(ApiModel):
    """One entry of a ConfigMap in the release's namespace."""

    name: Annotated[Name, Field(description="The ConfigMap.")]
    key: Annotated[
        str,
        Field(
            min_length=1,
            max_length=253,
            pattern=r"^[-._a-zA-Z0-9]+$",
            description="Its entry, JSON with edges, counts (one more) and, for a mean, total. "
            "Default reference.json.",
        ),
    ] = "reference.json"


class Reference(ApiModel):
    """Bins that somebody computed, as over the training data."""

    config_map: ConfigMapKey


class BadReferenceError(ValueError):
    """Why a text holds no reference, in words that follow `it`."""


def bins_of(text: str) -> FrozenBins:
    """The bins in `{"edges": […], "counts": […], "total": 12.5}`; raises BadReferenceError."""
    if len(text) > MOST_CHARACTERS:
        said = f"has {len(text)} characters: {MOST_CHARACTERS} are read at most"
        raise BadReferenceError(said)
    return _read(text)


@lru_cache(maxsize=_MOST_KEPT)
def _read(text: str) -> FrozenBins:
    """A text is asked for at every tick by each signal that names it, and stays the same for long."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise BadReferenceError("is no JSON") from None
    if not isinstance(found, dict) or not {"edges", "counts"} <= found.keys():
        raise BadReferenceError("needs edges and counts") from None
    edges, counts, total = found["edges"], found["counts"], found.get("total")
    if not (_numbers(edges) and _numbers(counts) and (total is None or _numbers([total]))):
        raise BadReferenceError("needs finite numbers in edges, counts and total")
    if len(edges) > MOST_EDGES:
        raise BadReferenceError(f"has {len(edges)} edges: give at most {MOST_EDGES}")
    if not edges or any(b <= a for a, b in pairwise(edges)):
        raise BadReferenceError("needs edges that rise")
    if len(counts) != len(edges) + 1:
        raise BadReferenceError("needs one count more than edges: the last is above all of them")
    if min(counts) < 0 or not 0 < sum(map(float, counts)) < inf:
        raise BadReferenceError(
            "needs counts that are not negative, some above 0, with a finite sum"
        )
    return FrozenBins(edges=edges, counts=counts, total=total)


def _numbers(found: object) -> bool:
    return isinstance(found, list) and all(map(_is_finite, found))


def _is_finite(found: object) -> bool:
    """Whether it is a number that a float can hold: JSON's have as many digits as somebody writes."""
    if not isinstance(found, int | float) or isinstance(found, bool):
        return False
    try:
        return isfinite(found)
    except OverflowError:
        return False
