"""The commands before a release and after it: `plan` and `backtest`. Light: the work is imported when run."""

from enum import StrEnum
from typing import Annotated

import typer

from surefoot.cli.options import (
    Address,
    Context,
    File,
    Folder,
    IncumbentName,
    Kubeconfig,
    Namespace,
)


class PlanOutput(StrEnum):
    JSON = "json"
    HTML = "html"


class BacktestOutput(StrEnum):
    JSON = "json"


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
        str | None,
        typer.Option(help="How much of the past is read from Prometheus. Default: 15m."),
    ] = None,
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
    credentials: Folder = None,
    incumbent: IncumbentName = None,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Say what a release will be able to see, before it is applied: per step the smallest regression
    of each signal that is found with 90 %, the requests that finding one costs, how often a healthy
    release would be stopped, and steps that are too short for their signals.

    With --traffic Prometheus is not asked; with --prometheus as well, it only replaces the traffic.
    Without either, $SUREFOOT_PROMETHEUS_URL is asked, the ReleaseClass's source, or the operator's.

    \b
    kubectl surefoot plan -f release.yaml
    kubectl surefoot plan -f release.yaml --traffic 100 --error-rate 0.005
    kubectl surefoot plan -f release.yaml --prometheus http://localhost:9090 --incumbent fraud-v41:80
    kubectl surefoot plan -f release.yaml --credentials ./mimir-eu --over 1h
    kubectl surefoot plan -f release.yaml --traffic 100 -o html > plan.html
    SUREFOOT_PROMETHEUS_URL=http://localhost:9090 kubectl surefoot plan -f release.yaml
    """
    from surefoot.cli.access import Access
    from surefoot.cli.plan import Asked, run
    from surefoot.cli.terminal import told

    with told():
        access = Access(prometheus, credentials, context, kubeconfig)
        asked = Asked(traffic, error_rate, labelled, over, runs, incumbent, namespace)
        run(filename, asked, access, output)


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
    credentials: Folder = None,
    incumbent: IncumbentName = None,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Replay a past release: what would have been decided on what Prometheus recorded, minute by minute,
    by the operator's own rules. The recorded traffic is what it was: where its weights differ from
    those of the plan, that is said.

    Asked is --prometheus, else $SUREFOOT_PROMETHEUS_URL, the ReleaseClass's source, or the operator's.

    \b
    kubectl surefoot backtest -f release.yaml --from 2026-01-05T09:00:00Z --to 2026-01-05T12:00:00Z
    kubectl surefoot backtest -f release.yaml --from 3h --shift errors=2x --shift p99=+20%
    kubectl surefoot backtest -f release.yaml --from 6h --aa --splits 20
    kubectl surefoot backtest -f release.yaml --from 3h --prometheus http://localhost:9090 -o json
    SUREFOOT_PROMETHEUS_URL=http://localhost:9090 kubectl surefoot backtest -f release.yaml --from 3h
    """
    from surefoot.cli.access import Access
    from surefoot.cli.backtest import Asked, run
    from surefoot.cli.terminal import told

    with told():
        access = Access(prometheus, credentials, context, kubeconfig)
        asked = Asked(start, end, shift or [], aa, splits, incumbent, namespace)
        run(filename, asked, access, output)
