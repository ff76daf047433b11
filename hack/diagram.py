"""The parts of docs/life-of-a-release.md that the code knows: phases, conditions, rules."""

from collections.abc import Mapping

from surefoot.api.vocabulary import Phase
from surefoot.engine.conditions import TABLE
from surefoot.engine.decide import RULES

MEANINGS: Mapping[Phase, str] = {
    Phase.IDLE: "the spec's candidate serves; nothing is in flight",
    Phase.PENDING: "a release waits at weight 0, or is about to start",
    Phase.PROGRESSING: "at a step below the bake",
    Phase.HOLDING: "above 0, and something blocks the next step",
    Phase.PAUSED: "a Pause, or a weight that someone lowered",
    Phase.BAKING: "at 100, before the promotion",
    Phase.REVERTING: "the release is over; the route still gives the candidate traffic",
    Phase.REVERTED: "the release is over, and the incumbent has all of the traffic",
    Phase.SUSPENDED: "`spec.suspend`: nothing is moved or guarded",
    Phase.STALLED: "nothing is in flight, and a person must mend what the message names",
}
# From, to, why; None is the first apply. Suspended may come from any phase and lead to any.
EDGES: tuple[tuple[Phase | None, Phase, str], ...] = (
    (None, Phase.IDLE, "first apply, the candidate serves"),
    (None, Phase.PENDING, "first apply, another one serves"),
    (None, Phase.STALLED, "a reference is missing"),
    (Phase.IDLE, Phase.PENDING, "the candidate changes"),
    (Phase.IDLE, Phase.STALLED, "a reference is missing"),
    (Phase.STALLED, Phase.PENDING, "mended"),
    (Phase.STALLED, Phase.IDLE, "mended, the candidate serves"),
    (Phase.PENDING, Phase.PROGRESSING, "pods, route and metrics are there"),
    (Phase.PENDING, Phase.BAKING, "a version of the rollback window"),
    (Phase.PENDING, Phase.REVERTED, "abort, start deadline"),
    (Phase.PROGRESSING, Phase.HOLDING, "blocked"),
    (Phase.HOLDING, Phase.PROGRESSING, "clear again"),
    (Phase.PROGRESSING, Phase.BAKING, "all steps passed"),
    (Phase.BAKING, Phase.HOLDING, "blocked"),
    (Phase.HOLDING, Phase.BAKING, "clear again"),
    (Phase.PROGRESSING, Phase.PAUSED, "pause, weight lowered"),
    (Phase.PAUSED, Phase.PROGRESSING, "resume"),
    (Phase.BAKING, Phase.IDLE, "bake passed, promoted"),
    (Phase.PROGRESSING, Phase.REVERTING, "breach, abort, arm lost, superseded"),
    (Phase.HOLDING, Phase.REVERTING, "the same"),
    (Phase.PAUSED, Phase.REVERTING, "the same"),
    (Phase.BAKING, Phase.REVERTING, "the same"),
    (Phase.REVERTING, Phase.REVERTED, "the route carries 0"),
    (Phase.REVERTING, Phase.PENDING, "superseded, the next release"),
    (Phase.REVERTED, Phase.PENDING, "retry, or a new candidate"),
    (Phase.REVERTED, Phase.IDLE, "candidate set back to the incumbent"),
    (Phase.IDLE, Phase.SUSPENDED, "suspended, from any phase"),
    (Phase.SUSPENDED, Phase.IDLE, "goes on where it was"),
)


def state_diagram() -> str:
    """Mermaid; a phase without an edge is an error, so that none is forgotten."""
    drawn = {phase for edge in EDGES for phase in edge[:2]}
    missing = [phase for phase in TABLE if phase not in drawn]
    if missing:
        raise ValueError(f"hack/diagram.py draws no edge for {', '.join(missing)}")
    lines = [
        f"    {'[*]' if source is None else source.value} --> {target.value}: {why}"
        for source, target, why in EDGES
    ]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```"])


def conditions_table() -> str:
    """Phase × (Ready, Promoted), from the table that the operator itself uses."""
    rows = [
        f"| `{phase.value}` | {MEANINGS[phase]} | {ready} | {promoted} |"
        for phase, (ready, promoted) in TABLE.items()
    ]
    head = ["| phase | means | Ready | Promoted |", "|---|---|---|---|"]
    return "\n".join([*head, *rows])


def rules_list() -> str:
    """The rules in the order in which they are asked, each with its first paragraph."""
    said = []
    for place, rule in enumerate(RULES, start=1):
        first = (rule.__doc__ or "").strip().split("\n\n")[0]
        said.append(f"{place}. `{rule.__name__}`: {' '.join(first.split())}")
    return "\n".join(said)


def fill(text: str) -> str:
    """The document with every generated part brought up to date.

    Raises ValueError when a part's markers are missing.
    """
    parts = {"phases": state_diagram(), "conditions": conditions_table(), "rules": rules_list()}
    for name, part in parts.items():
        begin, end = f"<!-- generated: {name} -->", f"<!-- end: {name} -->"
        if begin not in text or end not in text:
            raise ValueError(f"the markers of {name} are missing")
        before, rest = text.split(begin, 1)
        after = rest.split(end, 1)[1]
        text = f"{before}{begin}\n{part}\n{end}{after}"
    return text
