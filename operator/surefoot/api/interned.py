"""Parts of specs that say the same, kept in memory once: most releases of a platform are of one template."""

from typing import TypeVar
from weakref import WeakValueDictionary

from pydantic import BaseModel

M = TypeVar("M", bound=BaseModel)
_parts: WeakValueDictionary[tuple[type[BaseModel], str], BaseModel] = WeakValueDictionary()


def interned(model: M) -> M:
    """The same model, with each of its parts shared with the models that have an equal one. Nobody may
    change a part from then on."""
    values = model.__dict__
    for name, value in values.items():
        if isinstance(value, BaseModel):
            values[name] = _shared(value)
        elif isinstance(value, list):
            values[name] = [_shared(x) if isinstance(x, BaseModel) else x for x in value]
    return model


def _shared(part: BaseModel) -> BaseModel:
    # What is left unset is left out: what a class adds depends on what was written.
    return _parts.setdefault((type(part), part.model_dump_json(exclude_unset=True)), part)
