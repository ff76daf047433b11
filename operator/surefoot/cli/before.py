"""The commands for the time before a release: which presets there are, and what its signals would read."""

from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from surefoot.cli.access import Access

Json = Annotated[str | None, typer.Option("-o", "--output", metavar="[json]", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(presets)
    app.command()(probe)


def _is_json(output: str | None) -> bool:
    if output not in (None, "json"):
        raise typer.BadParameter("there is only -o json")
    return output == "json"


def _fail(problem: Exception) -> typer.Exit:
    from surefoot.cli.terminal import say

    say(f"Error: {problem}", err=True)
    return typer.Exit(1)


def presets(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One preset.")] = None,
    output: Json = None,
) -> None:
    """List the metric presets, or show one with its metrics, labels and traps.

    \b
    kubectl surefoot presets
    kubectl surefoot presets traefik
    kubectl surefoot presets vllm -o json
    """
    as_json = _is_json(output)
    from surefoot.adapters.prometheus.presets import presets as known_presets
    from surefoot.cli import presets as pages
    from surefoot.cli.problem import Problem
    from surefoot.cli.terminal import draw, dump

    try:
        if name is None:
            known = known_presets()
            if as_json:
                dump([pages.as_json(each, known[each]) for each in known])
            else:
                draw(pages.listing())
            return
        preset = pages.named(name)
    except Problem as problem:
        raise _fail(problem) from None
    if as_json:
        dump(pages.as_json(name, preset))
    else:
        draw(pages.page(name, preset))


def probe(
    file: File,
    prometheus: Address = None,
    credentials: Folder = None,
    incumbent: IncumbentName = None,
    namespace: Namespace = None,
    output: Json = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Ask for every signal of a release now, as the operator would, before the release is applied.

    Asked is --prometheus, else $SUREFOOT_PROMETHEUS_URL, the ReleaseClass's source, or the operator's.
    Exit code 1 if a signal cannot be read: its query is refused, or the incumbent has no samples for it.

    \b
    kubectl surefoot probe -f release.yaml
    kubectl surefoot probe -f release.yaml --prometheus http://localhost:9090 --incumbent fraud-v41:80
    kubectl surefoot probe -f release.yaml --prometheus monitoring/prometheus:9090 -o json
    kubectl surefoot probe -f release.yaml --credentials ./mimir-eu
    SUREFOOT_PROMETHEUS_URL=http://localhost:9090 kubectl surefoot probe -f release.yaml
    """
    as_json = _is_json(output)
    import asyncio

    from surefoot.cli.access import Access
    from surefoot.cli.terminal import told

    access = Access(prometheus, credentials, context, kubeconfig)
    with told():
        readable = asyncio.run(_probe(file, access, incumbent, namespace, as_json))
    raise typer.Exit(0 if readable else 1)


async def _probe(
    file: str, access: "Access", incumbent: str | None, namespace: str | None, as_json: bool
) -> bool:
    from datetime import UTC, datetime

    from surefoot.cli import probing
    from surefoot.cli.arms import Arms
    from surefoot.cli.probe import probe, unreadable
    from surefoot.cli.problem import Problem
    from surefoot.cli.prometheus import open_prometheus
    from surefoot.cli.releasefile import read
    from surefoot.cli.terminal import draw, dump

    release = read(file, access.release_class)
    if not release.spec.signals:
        raise Problem(f"{release.name} has no signals: only its pods would guard it")
    who = Arms(release, lambda: access.connect(namespace), namespace, incumbent)
    arms = (who.candidate, who.incumbent)
    async with open_prometheus(access, release.spec) as open_:
        now = datetime.now(UTC)
        found = await probe(
            open_.ask, release.spec, who.namespace, arms, now, open_.scrape_interval
        )
    if as_json:
        dump(probing.as_json(release.name, who.namespace, arms, open_.where, now, found))
    else:
        draw(probing.page(open_.where, found))
    return not unreadable(found)
