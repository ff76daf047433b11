"""Prometheus behind the `Metrics` port: raw samples in, exact counts per arm out."""

from surefoot.adapters.prometheus.connections import Connection
from surefoot.adapters.prometheus.metrics import PrometheusMetrics

__all__ = ["Connection", "PrometheusMetrics"]
