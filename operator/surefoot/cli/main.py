"""The commands of `kubectl surefoot`."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer

from surefoot.api.vocabulary import ActionType
from surefoot.cli import before, forecasting

app = typer.Typer(
    name="kubectl surefoot",
    help="See what Surefoot does with a ModelRelease, and step in.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"kubectl surefoot {version('surefoot')}")
        raise typer.Exit


@app.callback()
def _root(
    _: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """See what Surefoot does with a ModelRelease, and step in."""


class Output(StrEnum):
    JSON = "json"


Name = Annotated[str, typer.Argument(metavar="NAME", help="The ModelRelease.")]
OptionalName = Annotated[
    str | None,
    typer.Argument(metavar="[NAME]", help="The ModelRelease; all of them when left out."),
]
Namespace = Annotated[
    str | None, typer.Option("-n", "--namespace", help="Default: that of the kubeconfig context.")
]
Context = Annotated[str | None, typer.Option("--context", help="The kubeconfig context.")]
Kubeconfig = Annotated[
    str | None, typer.Option("--kubeconfig", help="Default: $KUBECONFIG, then ~/.kube/config.")
]
OutputFormat = Annotated[Output | None, typer.Option("-o", "--output", help="Print JSON.")]
Everywhere = Annotated[bool, typer.Option("-A", "--all-namespaces", help="In every namespace.")]
Forever = Annotated[bool, typer.Option("--forever", help="Go on after the release has ended.")]
Message = Annotated[str | None, typer.Option("-m", "--message", help="Why, for the record.")]
Wait = Annotated[
    bool, typer.Option("--wait", help="Until the operator has acted; exit code 1 if it refuses.")
]
Timeout = Annotated[float, typer.Option("--timeout", min=0, help="Of --wait, in seconds.")]


@app.command()
def status(
    name: OptionalName = None,
    namespace: Namespace = None,
    everywhere: Everywhere = False,
    output: OutputFormat = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Show how a release stands, or list all of them.

    \b
    kubectl surefoot status fraud -n risk
    kubectl surefoot status -A
    kubectl surefoot status fraud -o json
    """
    if name and everywhere:
        raise typer.BadParameter("a NAME and --all-namespaces exclude each other")
    from surefoot.cli.terminal import dump, session

    with session(namespace, context, kubeconfig) as cluster:
        found = cluster.release(name) if name else cluster.releases(everywhere)
        if output:
            dump(found)
        elif name:
            _show(found)
        else:
            _list(found, everywhere, cluster.namespace)


@app.command()
def history(
    name: OptionalName = None,
    namespace: Namespace = None,
    everywhere: Everywhere = False,
    output: OutputFormat = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """List how releases ended, from their ReleaseRecords, the newest last.

    
    kubectl surefoot history fraud -n risk
    kubectl surefoot history -A
    kubectl surefoot history fraud -o json
    """
    from datetime import UTC, datetime

    from surefoot.cli.history import table_of
    from surefoot.cli.reading import parts
    from surefoot.cli.terminal import draw, dump, say, session

    with session(namespace, context, kubeconfig) as cluster:
        found = cluster.records(name, everywhere)
        if output:
            dump(found)
        elif records := parts(found, "items"):
            draw(table_of(records, everywhere, datetime.now(UTC)))
        else:
            say("No ReleaseRecords found.", err=True)


def _show(release: dict[str, object]) -> None:
    from datetime import UTC, datetime

    from surefoot.cli.picture import render
    from surefoot.cli.terminal import draw

    draw(render(release, datetime.now(UTC)))


def _list(found: dict[str, object], everywhere: bool, namespace: str) -> None:
    from datetime import UTC, datetime

    from surefoot.cli.listing import table_of
    from surefoot.cli.reading import parts
    from surefoot.cli.terminal import draw, say

    releases = parts(found, "items")
    if not releases:
        where = "" if everywhere else f" in namespace {namespace}"
        say(f"No ModelReleases found{where}.", err=True)
        return
    draw(table_of(releases, everywhere, datetime.now(UTC)))


@app.command()
def watch(
    name: Name,
    namespace: Namespace = None,
    forever: Forever = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Follow a release until it has ended: exit code 0 when promoted, 1 when reverted.

    In a pipe it prints one line for each change.

    \b
    kubectl surefoot watch fraud -n risk
    kubectl surefoot watch fraud --forever | tee rollout.log
    """
    from surefoot.cli.terminal import console, session
    from surefoot.cli.watching import follow_on, states

    with session(namespace, context, kubeconfig) as cluster:
        try:
            promoted = follow_on(console(), states(cluster, name), forever)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
    raise typer.Exit(0 if promoted else 1)


_ACTS = {
    ActionType.ABORT: """Give the release up: all traffic goes back to the incumbent.

    \b
    kubectl surefoot abort fraud -n risk -m "chargebacks rise" --wait
    """,
    ActionType.PAUSE: """Stay at the present weight until a resume; a breach reverts all the same.

    \b
    kubectl surefoot pause fraud -m "waiting for the audit"
    """,
    ActionType.RESUME: """Go on after a pause, or after someone lowered the weight by hand.

    \b
    kubectl surefoot resume fraud --wait
    """,
    ActionType.RETRY: """Try a reverted candidate again, from the first step on.

    \b
    kubectl surefoot retry fraud -m "the feature store is back"
    """,
}


def _command(kind: ActionType) -> Callable[..., None]:
    def act(
        name: Name,
        message: Message = None,
        wait: Wait = False,
        timeout: Timeout = 120,
        output: OutputFormat = None,
        namespace: Namespace = None,
        context: Context = None,
        kubeconfig: Kubeconfig = None,
    ) -> None:
        from surefoot.cli.acting import ask, await_end
        from surefoot.cli.terminal import dump, say, session

        with session(namespace, context, kubeconfig) as cluster:
            action = ask(cluster, name, kind, message)
            if not output:
                say(f"releaseaction/{action['metadata']['name']} created")
            if wait:
                action = await_end(cluster, action, timeout)
            if output:
                dump(action)
            elif wait:
                say(action["status"].get("message") or "Done.")

    return act


for _kind, _help in _ACTS.items():
    app.command(_kind.lower(), help=_help)(_command(_kind))

before.register(app)
forecasting.register(app)
