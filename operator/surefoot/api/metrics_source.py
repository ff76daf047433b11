"""Where a release's metrics are asked for: the platform team's, never the release's."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from surefoot.api.base import ApiModel, CelRule, Label

LabelName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]
DEFAULT_REPLICA_LABELS = ("replica", "prometheus_replica")


class SourceKind(StrEnum):
    """Declared, never guessed: it decides how raw samples of replicas are read."""

    PROMETHEUS = "Prometheus"
    THANOS = "Thanos"
    MIMIR = "Mimir"


class Matcher(ApiModel):
    """A label and the exact value that every series must have."""

    label: LabelName
    value: Annotated[str, Field(min_length=1, max_length=256)]


class MetricsSource(ApiModel):
    """A server that speaks Prometheus' query API, and what every query to it must carry."""

    address: Annotated[
        str | None,
        Field(
            max_length=512,
            pattern=r"^https?://([^/?#@\s:\[\]]+|\[[0-9a-fA-F:.]+\])"
            r"(:([1-5]?[0-9]{1,4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?(/[^?#\s]*)?$",
            description="Default: the operator's own (the chart's prometheus.url).",
        ),
    ] = None
    kind: Annotated[
        SourceKind | None,
        Field(description="Prometheus, Thanos or Mimir; declared, never guessed."),
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
    replica_labels: Annotated[
        list[LabelName] | None,
        Field(
            min_length=1,
            max_length=4,
            description="Thanos only: the labels that tell the replicas of one Prometheus apart. "
            "Default: replica and prometheus_replica.",
        ),
    ] = None
    matchers: Annotated[
        list[Matcher],
        Field(
            max_length=8,
            description="Labels with exact values that are forced into every query.",
        ),
    ] = Field(default_factory=list)
    credentials: Annotated[
        Label | None,
        Field(description="Name of one of the chart's prometheus.credentials."),
    ] = None

    rules: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            "has(self.address) == has(self.kind)",
            "metrics.address and metrics.kind belong together: say which kind of server answers there",
            lambda s: (s.address is None) == (s.kind is None),
        ),
        CelRule(
            "!has(self.credentials) || has(self.address)",
            "metrics.credentials belong to an address: set metrics.address, too",
            lambda s: s.credentials is None or s.address is not None,
        ),
        CelRule(
            "!has(self.tenant) || !has(self.kind) || self.kind != 'Prometheus'",
            "a Prometheus has no tenants: remove metrics.tenant, or set kind to Thanos or Mimir",
            lambda s: s.tenant is None or s.kind is not SourceKind.PROMETHEUS,
        ),
        CelRule(
            "!has(self.replicaLabels) || (has(self.kind) && self.kind == 'Thanos')",
            "metrics.replicaLabels belong to kind Thanos: remove them, or set kind",
            lambda s: s.replica_labels is None or s.kind is SourceKind.THANOS,
        ),
    )

    @property
    def forced(self) -> tuple[tuple[str, str], ...]:
        """The matchers as pairs, in a fixed order."""
        return tuple(sorted((m.label, m.value) for m in self.matchers))
