"""ModelReleases as the API server would give them."""

import copy
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from rich.console import Console, RenderableType

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
_RELEASE: dict[str, Any] = {
    "apiVersion": "surefoot.dev/v1alpha1",
    "kind": "ModelRelease",
    "metadata": {
        "name": "fraud",
        "namespace": "risk",
        "generation": 3,
        "creationTimestamp": "2025-12-30T12:00:00Z",
    },
    "spec": {"candidate": {"version": "42"}},
    "status": {
        "observedGeneration": 3,
        "phase": "Progressing",
        "reason": "HoldRunning",
        "message": "step 2/3 at 5 %, held for 60 s",
        "incumbent": {"version": "41", "workload": "fraud-v41"},
        "release": {
            "version": "42",
            "workload": "fraud-v42",
            "attempt": 2,
            "startedAt": "2026-01-01T11:50:00Z",
            "acceptedSpec": {
                "steps": [
                    {"weight": 1, "hold": "30s"},
                    {"weight": 5, "hold": "1m"},
                    {"weight": 25, "hold": "1m"},
                ],
                "bake": "10m",
            },
        },
        "step": {
            "index": 1,
            "count": 3,
            "position": "2/3",
            "coveredSeconds": 15.0,
            "holdSeconds": 60.0,
        },
        "traffic": {
            "route": {"kind": "HTTPRoute", "name": "fraud", "managed": True},
            "intended": 5,
            "observed": 5,
            "revertCapacity": 1.0,
        },
        "signals": [
            {
                "name": "errors",
                "type": "ErrorRate",
                "value": 0.0123,
                "incumbentValue": 0.01,
                "samples": 1234,
                "limit": "≤ 0.05",
                "verdict": "Pass",
                "reason": "within the limit",
            },
            {
                "name": "calibration",
                "type": "Calibration",
                "limit": "0.9 to 1.1",
                "verdict": "NotDue",
                "reason": "judges from the bake on",
            },
        ],
        "decisions": [
            {
                "time": "2026-01-01T11:59:00.000000Z",
                "rule": "Advance",
                "reason": "StepReached",
                "weight": 5,
                "message": "from 1 to 5 % (2/3)",
            },
            {
                "time": "2026-01-01T11:50:00.000000Z",
                "rule": "Start",
                "reason": "Started",
                "weight": 1,
                "message": "from 0 to 1 % (1/3)",
                "by": "alice",
            },
        ],
        "conditions": [
            {
                "type": "Promoted",
                "status": "Unknown",
                "reason": "InFlight",
                "observedGeneration": 3,
                "lastTransitionTime": "2026-01-01T11:50:00Z",
            },
            {
                "type": "Stalled",
                "status": "False",
                "reason": "Valid",
                "observedGeneration": 3,
                "lastTransitionTime": "2026-01-01T11:50:00Z",
            },
        ],
        "retirable": [
            {"workload": "fraud-v40", "version": "40", "since": "2025-12-31T12:00:00Z"},
        ],
    },
}


def release(conditions: dict[str, tuple[str, str]] | None = None, **status: Any) -> dict[str, Any]:
    """A release in its second step; `conditions` are `{type: (status, reason)}`."""
    made = copy.deepcopy(_RELEASE)
    made["status"] |= status
    for condition in made["status"]["conditions"]:
        if found := (conditions or {}).get(condition["type"]):
            condition["status"], condition["reason"] = found
    return made


def text_of(drawing: RenderableType, width: int = 200, colours: bool = False) -> str:
    """A drawing as it reaches a file, or a terminal with colours."""
    console = Console(
        file=StringIO(),
        width=width,
        force_terminal=colours,
        color_system="standard" if colours else None,
        highlight=False,
    )
    with console.capture() as captured:
        console.print(drawing)
    return captured.get()
