"""The operator as in a pod, its service account's files in FOLDER: `python -m tests.chaos.in_pod FOLDER`."""

import os
import sys
from pathlib import Path
from typing import Any

import kopf
from kubernetes.aio.config import incluster_config

from surefoot.__main__ import main


def move(folder: Path) -> None:
    """Kopf and the client look for these files in one place only; here they lie in another one."""
    incluster_config.SERVICE_TOKEN_FILENAME = str(folder / "token")
    incluster_config.SERVICE_CERT_FILENAME = str(folder / "ca.crt")

    def login(**_: Any) -> kopf.ConnectionInfo:
        server = "https://{KUBERNETES_SERVICE_HOST}:{KUBERNETES_SERVICE_PORT}"
        token = (folder / "token").read_text()
        return kopf.ConnectionInfo(
            server=server.format(**os.environ), ca_path=str(folder / "ca.crt"), token=token
        )

    kopf.login_with_service_account = login


if __name__ == "__main__":
    move(Path(sys.argv.pop(1)))
    main()
