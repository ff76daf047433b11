"""The operator as in a pod, its service account's files in FOLDER: `python -m tests.chaos.in_pod FOLDER`."""

import sys
from pathlib import Path

from kubernetes.aio.config import incluster_config

from surefoot.__main__ import main


def move(folder: Path) -> None:
    """The client looks for these files in one place only; here they lie in another one."""
    incluster_config.SERVICE_TOKEN_FILENAME = str(folder / "token")
    incluster_config.SERVICE_CERT_FILENAME = str(folder / "ca.crt")


if __name__ == "__main__":
    move(Path(sys.argv.pop(1)))
    main()
