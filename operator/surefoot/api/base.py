"""What every API model shares: camelCase names, tolerance of unknown fields, and CEL rules."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from surefoot.api.plain import one_line

Name = Annotated[
    str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
]
Label = Annotated[
    str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
]
# A count that may go on growing: what is beyond it was written by hand.
MOST_COUNTED = 1_000_000_000
Count = Annotated[int, Field(ge=0, le=MOST_COUNTED)]
T = TypeVar("T")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def is_label(text: str) -> bool:
    """Whether a name can be that of a Service or a Deployment here."""
    return _LABEL.fullmatch(text) is not None


def is_address(text: str) -> bool:
    """Whether a text is the address of an HTTP server, with or without a path."""
    try:
        parts = urlsplit(text)
        host, sound = (parts.hostname or "").encode("idna"), parts.port != 0
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment)
    return parts.scheme in ("http", "https") and bool(host) and sound and plain


_MOST_OF_ONE, _MOST_OF_ALL = 500, 800

Text = Annotated[str, Field(max_length=1024)]
Short = Annotated[str, Field(max_length=256)]


@dataclass(frozen=True)
class CelRule:
    """One rule, stated for the API server (CEL) and for Python, with the sentence a person reads."""

    cel: str
    message: str
    holds: Callable[[Any], bool]


class ApiModel(BaseModel):
    """A part of a resource. Unknown fields of a newer version are ignored, never an error."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="ignore", validate_assignment=False
    )
    rules: ClassVar[tuple[CelRule, ...]] = ()

    @model_validator(mode="after")
    def _obey_rules(self) -> Self:
        rules = type(self).rules
        if not rules:  # of a status, read at every tick, no part has any
            return self
        broken = [rule.message for rule in rules if not rule.holds(self)]
        if broken:
            raise ValueError("; ".join(broken))
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler.resolve_ref_schema(handler(core_schema))
        if cls.rules:
            schema["x-kubernetes-validations"] = [
                {"rule": rule.cel, "message": rule.message} for rule in cls.rules
            ]
        return schema

    def dump(self) -> dict[str, Any]:
        """The JSON form that goes to the API server: camelCase, nothing that is unset."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def as_written(self) -> dict[str, Any]:
        """A spec without defaults: what the user wrote, and nothing that a default would add."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)

    def dump_json(self) -> bytes:
        """The same as text."""
        return self.model_dump_json(by_alias=True, exclude_none=True).encode()


@dataclass(frozen=True, eq=False)
class Same(Generic[T]):
    """Something as a key: equal to itself only."""

    it: T

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.it is self.it

    def __hash__(self) -> int:
        return id(self.it)


def sentence(error: ValidationError) -> str:
    """What is wrong with a spec, in one sentence per fault, without pydantic's decoration; as many
    as a status has room for."""
    said: list[str] = []
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    for number, fault in enumerate(faults):
        where = ".".join(str(part) for part in ("spec", *fault["loc"]))
        text = one_line(f"{where}: {fault['msg'].removeprefix('Value error, ')}", _MOST_OF_ONE)
        if sum(map(len, said)) + len(text) > _MOST_OF_ALL:
            return "; ".join([*said, f"and {len(faults) - number} more"])
        said.append(text)
    return "; ".join(said)
