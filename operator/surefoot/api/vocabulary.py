"""Every phase, condition, reason, rule, verdict and action name. Nothing else is printed anywhere."""

from enum import IntEnum, StrEnum

GROUP = "surefoot.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
MANAGER = "surefoot"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
RELEASE_LABEL = f"{GROUP}/release"


class Phase(StrEnum):
    """Where a release stands, in one word; derived from the rest of the status."""

    IDLE = "Idle"
    PENDING = "Pending"
    PROGRESSING = "Progressing"
    HOLDING = "Holding"
    PAUSED = "Paused"
    BAKING = "Baking"
    REVERTING = "Reverting"
    REVERTED = "Reverted"
    SUSPENDED = "Suspended"
    STALLED = "Stalled"


class ConditionType(StrEnum):
    ACCEPTED = "Accepted"
    READY = "Ready"
    PROMOTED = "Promoted"
    STALLED = "Stalled"
    WATCHED = "Watched"


class Rule(StrEnum):
    """The rules of `decide`, in the order in which they speak."""

    SUSPENDED = "Suspended"
    DELETED = "Deleted"
    ADOPT = "Adopt"
    REVERT = "Revert"
    SUPERSEDE = "Supersede"
    REPAIR = "Repair"
    INVALID = "Invalid"
    HELD_BY_HAND = "HeldByHand"
    PAUSED = "Paused"
    START = "Start"
    HOLD = "Hold"
    GATE = "Gate"
    ADVANCE = "Advance"
    PROMOTE = "Promote"
    REST = "Rest"


class Reason(StrEnum):
    """Why. The same words in conditions, Events, decisions and metric labels."""

    # the spec and what it names
    VALID = "Valid"
    INVALID_SPEC = "InvalidSpec"
    RELEASE_CLASS_MISSING = "ReleaseClassMissing"
    RELEASE_CLASS_INVALID = "ReleaseClassInvalid"
    WORKLOAD_MISSING = "WorkloadMissing"
    SERVICE_MISSING = "ServiceMissing"
    PORT_AMBIGUOUS = "PortAmbiguous"
    PORT_MISSING = "PortMissing"
    ROUTE_MISSING = "RouteMissing"
    ROUTE_NOT_OURS = "RouteNotOurs"
    ROUTE_UNSUITABLE = "RouteUnsuitable"
    ROUTE_REFUSED = "RouteRefused"
    BACKEND_MISSING = "BackendMissing"
    BACKEND_SHARED = "BackendShared"
    ROUTE_CONFLICT = "RouteConflict"
    INCUMBENT_MISMATCH = "IncumbentMismatch"
    VERSION_MISMATCH = "VersionMismatch"
    INCUMBENT_UNKNOWN = "IncumbentUnknown"
    # the course of a release
    ADOPTED = "Adopted"
    SERVING = "Serving"
    STARTED = "Started"
    STEP_REACHED = "StepReached"
    PROMOTED = "Promoted"
    ROLLED_BACK = "RolledBack"
    SUPERSEDED = "Superseded"
    QUEUED = "Queued"
    REVERTED = "Reverted"
    REVERT_ACKNOWLEDGED = "RevertAcknowledged"
    INCUMBENT_CHANGED = "IncumbentChanged"
    DELETED = "Deleted"
    STATUS_LOST = "StatusLost"
    SUSPENDED = "Suspended"
    IN_FLIGHT = "InFlight"
    WEIGHTS_DIFFER = "WeightsDiffer"
    # why it holds
    WAITING_FOR_CANDIDATE = "WaitingForCandidate"
    WAITING_FOR_METRICS = "WaitingForMetrics"
    CANDIDATE_NOT_READY = "CandidateNotReady"
    INCUMBENT_NOT_READY = "IncumbentNotReady"
    ROUTE_NOT_ACCEPTED = "RouteNotAccepted"
    WEIGHT_NOT_VERIFIED = "WeightNotVerified"
    SIGNAL_NO_DATA = "SignalNoData"
    SIGNAL_INCONCLUSIVE = "SignalInconclusive"
    SIGNAL_ERROR = "SignalError"
    SIGNAL_BREACH = "SignalBreach"
    HOLD_RUNNING = "HoldRunning"
    MAX_DURATION_EXCEEDED = "MaxDurationExceeded"
    PAUSED = "Paused"
    RESUMED = "Resumed"
    HYPOTHESIS_OPEN = "HypothesisOpen"
    HYPOTHESIS_NOT_REACHED = "HypothesisNotReached"
    EVIDENCE_RESTARTED = "EvidenceRestarted"
    WEIGHT_LOWERED = "WeightLowered"
    # why traffic goes back
    THRESHOLD_CROSSED = "ThresholdCrossed"
    REGRESSION = "Regression"
    CANDIDATE_UNAVAILABLE = "CandidateUnavailable"
    CANDIDATE_DELETED = "CandidateDeleted"
    CANDIDATE_BACKEND_MISSING = "CandidateBackendMissing"
    START_DEADLINE_EXCEEDED = "StartDeadlineExceeded"
    ABORTED = "Aborted"
    NO_DATA = "NoData"
    BOTH_ARMS_BROKEN = "BothArmsBroken"
    # after the promotion
    WATCHING = "Watching"
    WATCH_BREACH = "WatchBreach"
    WATCH_BLIND = "WatchBlind"
    WATCH_OVER = "WatchOver"
    # hands on the weights
    WEIGHT_RAISED = "WeightRaised"
    WEIGHT_FIGHT = "WeightFight"


class Verdict(IntEnum):
    """How a signal stands. The lattice is `PASS < … < FAIL`; the two negatives gate nothing."""

    NOT_APPLICABLE = -2
    NOT_DUE = -1
    PASS = 0
    NO_DATA = 1
    INCONCLUSIVE = 2
    ERROR = 3
    FAIL = 4

    @property
    def label(self) -> str:
        """The CamelCase word that status, metrics and people see."""
        return "".join(part.capitalize() for part in self.name.split("_"))


class Hope(StrEnum):
    """What became of a hypothesis. `TESTING`: the arms still share the traffic."""

    TESTING = "Testing"
    REACHED = "Reached"
    NOT_REACHED = "NotReached"
    NOT_DECIDABLE = "NotDecidable"


class SignalType(StrEnum):
    ERROR_RATE = "ErrorRate"
    LATENCY = "Latency"
    DRIFT = "Drift"
    CALIBRATION = "Calibration"
    PERFORMANCE = "Performance"
    FAIRNESS = "Fairness"
    DATA_QUALITY = "DataQuality"
    BUSINESS = "Business"
    PROMQL = "PromQL"


class SignalMetric(StrEnum):
    """How a type is measured, where there is more than one way."""

    PSI = "PSI"
    JENSEN_SHANNON_DISTANCE = "JensenShannonDistance"
    KOLMOGOROV_SMIRNOV = "KolmogorovSmirnov"
    WASSERSTEIN_NORMED = "WassersteinNormed"
    MEAN_SHIFT = "MeanShift"
    CALIBRATION_IN_THE_LARGE = "CalibrationInTheLarge"
    ECE = "ECE"
    MCE = "MCE"
    BRIER = "Brier"
    AUC = "AUC"
    ACCURACY = "Accuracy"
    PRECISION = "Precision"
    RECALL = "Recall"
    DEMOGRAPHIC_PARITY_RATIO = "DemographicParityRatio"
    EQUAL_OPPORTUNITY_DIFFERENCE = "EqualOpportunityDifference"
    FALSE_POSITIVE_RATE_DIFFERENCE = "FalsePositiveRateDifference"


class OnBreach(StrEnum):
    REVERT = "Revert"
    HOLD = "Hold"
    OBSERVE = "Observe"


class ActionType(StrEnum):
    ABORT = "Abort"
    PAUSE = "Pause"
    RESUME = "Resume"
    RETRY = "Retry"


class Outcome(StrEnum):
    """How a release ended. `LEFT`: its ModelRelease was deleted and the weights were to stay."""

    PROMOTED = "Promoted"
    REVERTED = "Reverted"
    SUPERSEDED = "Superseded"
    LEFT = "Left"
