"""The commands before a release and after it: `plan` and `backtest`. Light: the work is imported when run."""

from enum import StrEnum
from typing import Annotated

import typer


class PlanOutput(StrEnum):
    JSON = "json"
    HTML = "html"


class BacktestOutput(StrEnum):
    JSON = "json"


File = Annotated[
    str,
    typer.Option(
        "-f", "--filename", help="The file with the ModelRelease; - reads standard input."
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        "--prometheus",
        help="URL, or NAMESPACE/SERVICE:PORT. Default: the one that the operator asks.",
    ),
]
IncumbentName = Annotated[
    str | None,
    typer.Option(
        "--incumbent",
        metavar="DEPLOYMENT[:PORT]",
        help="What serves now. Default: the file's incumbent, then the release's status.",
    ),
]
Namespace = Annotated[
    str | None, typer.Option("-n", "--namespace", help="Default: the file's, then the context's.")
]
Context = Annotated[str | None, typer.Option("--context", help="The kubeconfig context.")]
Kubeconfig = Annotated[
    str | None, typer.Option("--kubeconfig", help="Default: $KUBECONFIG, then ~/.kube/config.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(plan)
    app.command()(backtest)


def plan(
    filename: File,
    traffic: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            max=1e7,
            help="Requests per second of the endpoint. Default: read from Prometheus.",
        ),
    ] = None,
    error_rate: Annotated[
        float | None,
        typer.Option(
            min=1e-7, max=0.9, help="Of the incumbent, a fraction: 0.005. Default: read, or 0.005."
        ),
    ] = None,
    labelled: Annotated[
        float,
        typer.Option(
            min=1e-6,
            max=1,
            help="Share of the requests whose outcome comes back, where it is not read.",
        ),
    ] = 1.0,
    over: Annotated[
        str, typer.Option(help="How much of the past is read from Prometheus.")
    ] = "15m",
    runs: Annotated[
        int | None,
        typer.Option(
            min=4, max=10_000, help="Simulated releases per size. Default: 4 to 12, by length."
        ),
    ] = None,
    output: Annotated[
        PlanOutput | None, typer.Option("-o", "--output", help="Print JSON, or a page with plots.")
    ] = None,
    prometheus: Address = None,
    incumbent: IncumbentName = None,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Say what a release will be able to see, before it is applied: per step the smallest regression
    of each signal that is found with 90 %, the requests that finding one costs, how often a healthy
    release would be stopped, and steps that are too short for their signals.

    With --traffic nothing is asked; with --prometheus as well, it only replaces the traffic.

    \b
    kubectl surefoot plan -f release.yaml
    kubectl surefoot plan -f release.yaml --traffic 100 --error-rate 0.005
    kubectl surefoot plan -f release.yaml --prometheus http://localhost:9090 --incumbent fraud-v41
    kubectl surefoot plan -f release.yaml --traffic 100 -o html > plan.html
    """
    from surefoot.cli.plan import Asked, run
    from surefoot.cli.terminal import told

    with told():
        asked = Asked(traffic, error_rate, labelled, over, runs, prometheus, incumbent)
        run(filename, asked, output, (namespace, context, kubeconfig))


def backtest(
    filename: File,
    start: Annotated[
        str,
        typer.Option(
            "--from", help="When the release is applied: 2026-01-05T09:00:00Z, or 3h (ago)."
        ),
    ],
    end: Annotated[
        str | None, typer.Option("--to", help="Until when it is followed. Default: now.")
    ] = None,
    shift: Annotated[
        list[str] | None,
        typer.Option(
            help="Make the candidate worse: errors=2x, p99=+20%, score-drift=0.25, calibration=+0.05, "
            "fairness=-30%. By a signal's name or type; may be repeated."
        ),
    ] = None,
    aa: Annotated[
        bool,
        typer.Option("--aa", help="Hold two halves of the incumbent's pods against each other."),
    ] = False,
    splits: Annotated[
        int, typer.Option(min=1, max=200, help="Of --aa: how often it is split.")
    ] = 10,
    output: Annotated[
        BacktestOutput | None, typer.Option("-o", "--output", help="Print JSON.")
    ] = None,
    prometheus: Address = None,
    incumbent: IncumbentName = None,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Replay a past release: what would have been decided on what Prometheus recorded, minute by minute,
    by the operator's own rules. The recorded traffic is what it was: where its weights differ from
    those of the plan, that is said.

    \b
    kubectl surefoot backtest -f release.yaml --from 2026-01-05T09:00:00Z --to 2026-01-05T12:00:00Z
    kubectl surefoot backtest -f release.yaml --from 3h --shift errors=2x --shift p99=+20%
    kubectl surefoot backtest -f release.yaml --from 6h --aa --splits 20
    kubectl surefoot backtest -f release.yaml --from 3h --prometheus http://localhost:9090 -o json
    """
    from surefoot.cli.backtest import Asked, run
    from surefoot.cli.terminal import told

    with told():
        asked = Asked(start, end, prometheus, shift or [], aa, splits, incumbent)
        run(filename, asked, output, (namespace, context, kubeconfig))
