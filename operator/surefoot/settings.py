"""The platform's settings, from the environment; the chart's values set them."""

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from surefoot.api.base import is_address, is_label
from surefoot.api.durations import Duration
from surefoot.api.metrics_source import DEFAULT_REPLICA_LABELS, SourceKind
from surefoot.sharding import Shard

PREFIX = "SUREFOOT_"


class SettingsError(Exception):
    """A setting that is missing or wrong; says which variable to change and how."""


class Settings(BaseModel):
    """Prometheus' address is the platform's, never a release's."""

    model_config = ConfigDict(frozen=True)

    prometheus_url: str = Field(repr=False)
    prometheus_kind: SourceKind = SourceKind.PROMETHEUS
    prometheus_tenant: str | None = Field(default=None, repr=False)
    prometheus_replica_labels: tuple[str, ...] = DEFAULT_REPLICA_LABELS
    prometheus_auth_dir: Path | None = None
    credentials_dir: Path | None = None
    scrape_interval: Duration = timedelta(seconds=15)
    prometheus_timeout: Duration = timedelta(seconds=3)
    max_series: int = Field(default=10_000, ge=1, le=1_000_000)
    log_format: Literal["json", "text"] = "json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    http_port: int = Field(default=8080, ge=0, le=65_535)
    workers: int = Field(default=64, ge=1, le=256)
    namespaces: tuple[str, ...] = ()
    lease_namespace: str | None = None
    lease_name: str = "surefoot"
    shard: Shard = Shard()

    @field_validator("prometheus_url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        if not is_address(value):
            raise ValueError("must be an address such as http://prometheus.monitoring:9090")
        return value.rstrip("/")

    @field_validator("scrape_interval", "prometheus_timeout")
    @classmethod
    def _lasts(cls, value: timedelta) -> timedelta:
        if value < timedelta(seconds=1):
            raise ValueError("must be 1s or longer")
        return value

    @field_validator("prometheus_replica_labels", "namespaces", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(value.replace(" ", "").split(",")) if isinstance(value, str) else value

    @field_validator("prometheus_replica_labels")
    @classmethod
    def _are_labels(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", label) for label in value):
            raise ValueError("must be names of labels, such as replica,prometheus_replica")
        return value

    @field_validator("namespaces", "lease_namespace", "lease_name")
    @classmethod
    def _are_names(cls, value: tuple[str, ...] | str | None) -> tuple[str, ...] | str | None:
        names = value if isinstance(value, tuple) else (value,)
        if not all(name is None or is_label(name) for name in names):
            raise ValueError("must be names of Kubernetes objects, such as risk,ads")
        return value

    @field_validator("shard", mode="before")
    @classmethod
    def _is_a_share(cls, value: object) -> object:
        return Shard.of(value) if isinstance(value, str) else value

    @field_validator("prometheus_tenant")
    @classmethod
    def _has_tenants(cls, value: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("prometheus_kind") is SourceKind.PROMETHEUS:
            raise ValueError(
                "a Prometheus has no tenants: remove it, or set the kind to Thanos or Mimir"
            )
        return value

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
