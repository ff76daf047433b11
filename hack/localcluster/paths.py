"""Where things lie: the checkout, the cache that outlives clusters, and one folder per cluster."""

from __future__ import annotations

import os
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOOLS = HERE.parent / "tools"
MANIFESTS = HERE / "manifests"


def cache_root() -> Path:
    """The folder of everything built or downloaded; `SUREFOOT_CACHE` moves it."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "surefoot"
    return Path(os.environ.get("SUREFOOT_CACHE") or default).absolute()


def clusters_root() -> Path:
    """The folder that holds one folder per cluster, named as the cluster."""
    return cache_root() / "clusters"


def locks_root() -> Path:
    """The folder of lock files, apart from what they guard, which may be deleted."""
    return cache_root() / "locks"
