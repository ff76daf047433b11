"""The rules of a ModelRelease, and those that its ReleaseClass shares."""

from datetime import timedelta
from itertools import pairwise

from surefoot.api.base import CelRule
from surefoot.api.hypothesis_rules import HYPOTHESIS_RULES

YEAR = timedelta(days=365)

STEPS_RISE = CelRule(
    "!has(self.steps) || (self.steps.all(i, self.steps.filter(j, j.weight == i.weight).size() == 1) "
    "&& self.steps.map(s, s.weight).isSorted())",
    "weights must rise from step to step: order them, and remove repeated ones",
    lambda s: all(a.weight < b.weight for a, b in pairwise(s.steps or ())),
)
BAKE_BOUND = CelRule(
    "!has(self.bake) || self.bake <= duration('8760h')",
    "bake must be 365d or shorter",
    lambda s: s.bake is None or s.bake <= YEAR,
)
SIGNAL_NAMES = CelRule(
    "!has(self.signals) || self.signals.all(s, self.signals.exists_one(t, t.name == s.name))",
    "two signals have the same name: rename one",
    lambda s: len({x.name for x in s.signals or ()}) == len(s.signals or ()),
)

SPEC_RULES: tuple[CelRule, ...] = (
    *HYPOTHESIS_RULES,
    CelRule(
        "has(self.steps) || has(self.releaseClassName)",
        "steps are missing: write spec.steps, or name a ReleaseClass that has them in "
        "spec.releaseClassName",
        lambda s: bool(s.steps) or s.release_class_name is not None,
    ),
    CelRule(
        "!has(self.parameters) || has(self.releaseClassName)",
        "parameters are those of a ReleaseClass: name it in spec.releaseClassName, or remove them",
        lambda s: "parameters" not in s.model_fields_set or s.release_class_name is not None,
    ),
    CelRule(
        "!has(self.parameters) || "
        "self.parameters.all(p, self.parameters.exists_one(q, q.name == p.name))",
        "two parameters have the same name: remove one",
        lambda s: len({p.name for p in s.parameters}) == len(s.parameters),
    ),
    STEPS_RISE,
    CelRule(
        "!has(self.incumbent) || self.incumbent.workloadRef.name != self.candidate.workloadRef.name",
        "incumbent and candidate name the same Deployment: a release needs two, so that one can take over",
        lambda s: (
            s.incumbent is None or s.incumbent.workload_ref.name != s.candidate.workload_ref.name
        ),
    ),
    CelRule(
        "!has(self.incumbent) || self.incumbent.workloadRef.name == self.candidate.workloadRef.name || "
        "(has(self.incumbent.backendRef) ? self.incumbent.backendRef.name : self.incumbent.workloadRef.name) != "
        "(has(self.candidate.backendRef) ? self.candidate.backendRef.name : self.candidate.workloadRef.name)",
        "incumbent and candidate use the same Service: give each Deployment one of its own (backendRef)",
        lambda s: (
            s.incumbent is None
            or s.incumbent.workload_ref.name == s.candidate.workload_ref.name
            or s.incumbent.service != s.candidate.service
        ),
    ),
    BAKE_BOUND,
    SIGNAL_NAMES,
    CelRule(
        "!has(self.maxDuration) || !has(self.steps) || "
        "self.maxDuration >= self.steps.map(s, s.hold).sum() + (has(self.bake) ? self.bake : "
        "has(self.releaseClassName) ? duration('0s') : duration('10m'))",
        "maxDuration is shorter than all holds and the bake (10m unless set) together: raise it",
        lambda s: s.max_duration is None or not s.steps or s.max_duration >= s.shortest,
    ),
)
