"""The options that several commands share. Light: typer alone is imported."""

from typing import Annotated

import typer

File = Annotated[
    str,
    typer.Option(
        "-f",
        "--filename",
        help="The ModelRelease's file; - is standard input. A ReleaseClass that is not in it, too, is "
        "read from the cluster.",
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        "--prometheus",
        help="Its URL, or NAMESPACE/SERVICE:PORT through the API server. Default: "
        "$SUREFOOT_PROMETHEUS_URL, then that of the ReleaseClass, then the one that the operator asks.",
    ),
]
Folder = Annotated[
    str | None,
    typer.Option(
        "--credentials",
        metavar="DIR",
        help="What Prometheus wants to see, as files: token; username and password; tls.crt and "
        "tls.key; ca.crt. Default: what the ReleaseClass names, in $SUREFOOT_CREDENTIALS_DIR.",
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
