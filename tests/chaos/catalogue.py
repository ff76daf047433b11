"""Every kind of fault there is: who imports this knows them all."""

from tests.chaos import (  # noqa: F401
    api_faults,
    arm_faults,
    clock_faults,
    leader_faults,
    namespace_faults,
    operator_faults,
    process_faults,
    prometheus_faults,
    route_faults,
    spec_faults,
    token_faults,
    world_faults,
)
from tests.chaos.kinds import KINDS

__all__ = ["KINDS"]
