"""Where a release's metrics are asked for: the platform team's, never the release's."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from surefoot.api.base import ApiModel, CelRule, Label

LabelName = Annotated[str, Field(max_length=64, pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]


class SourceKind(StrEnum):
    """Declared, never guessed: it decides how raw samples of replicas are read."""

    PROMETHEUS = "Prometheus"
    THANOS = "Thanos"
    MIMIR = "Mimir"


class MetricsSource(ApiModel):
    """A server that speaks Prometheus' query API, and what every query to it must carry."""

    address: Annotated[
        str | None,
        Field(
            max_length=512,
            pattern=r"^https?://[^/?#@\s]+(/[^?#\s]*)?$",
            description="Default: the operator's own (the chart's prometheus.url).",
        ),
    ] = None
    kind: Annotated[
        SourceKind | None,
        Field(description="Prometheus, Thanos or Mimir. Default: the operator's own."),
    ] = None
    tenant: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=150,
            pattern=r"^[A-Za-z0-9!_.*'()|-]+$",
            description="Sent with every query: X-Scope-OrgID for Mimir, THANOS-TENANT for Thanos.",
        ),
    ] = None
    matchers: Annotated[
        dict[LabelName, Annotated[str, Field(min_length=1, max_length=256)]],
        Field(
            max_length=8,
            description="Labels with exact values that are forced into every query: cluster: eu-1.",
        ),
    ] = Field(default_factory=dict)
    credentials: Annotated[
        Label | None,
        Field(description="Name of one of the chart's prometheus.credentials."),
    ] = None

    rules: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            "!has(self.credentials) || has(self.address)",
            "credentials belong to an address: set address, too",
            lambda s: s.credentials is None or s.address is not None,
        ),
    )
