"""The platform's settings, from the environment; the chart's values set them."""

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from surefoot.api.durations import Duration

PREFIX = "SUREFOOT_"


class SettingsError(Exception):
    """A setting that is missing or wrong; says which variable to change and how."""


class Settings(BaseModel):
    """Prometheus' address is the platform's, never a release's."""

    model_config = ConfigDict(frozen=True)

    prometheus_url: str
    scrape_interval: Duration = timedelta(seconds=15)
    prometheus_timeout: Duration = timedelta(seconds=3)
    max_series: int = Field(default=10_000, ge=1, le=1_000_000)
    log_format: Literal["json", "text"] = "json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    http_port: int = Field(default=8080, ge=0, le=65_535)
    workers: int = Field(default=16, ge=1, le=256)

    @field_validator("prometheus_url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an address such as http://prometheus.monitoring:9090")
        return value.rstrip("/")

    @field_validator("log_level", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Raises SettingsError with one sentence per variable that is wrong."""
        names = {name: f"{PREFIX}{name.upper()}" for name in cls.model_fields}
        found = {name: environ[env] for name, env in names.items() if environ.get(env)}
        try:
            return cls.model_validate(found)
        except ValidationError as error:
            said = [
                f"{PREFIX}{str(fault['loc'][0]).upper()}: "
                + (
                    "set it"
                    if fault["type"] == "missing"
                    else fault["msg"].removeprefix("Value error, ")
                )
                for fault in error.errors()
            ]
            raise SettingsError("; ".join(said)) from None
