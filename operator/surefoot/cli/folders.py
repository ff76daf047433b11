"""Folders with credentials on a person's machine: the files that the operator has mounted."""

import os
from pathlib import Path

from surefoot.adapters.prometheus.credentials import FILES
from surefoot.cli.problem import Problem
from surefoot.cli.reading import clean
from surefoot.settings import PREFIX

NAMED = f"{PREFIX}CREDENTIALS_DIR"
HOLDS = "a token, username and password, tls.crt and tls.key, or ca.crt"


def folder_of(path: str | None, said: str) -> Path | None:
    """A folder that somebody named, None where nobody did. Raises `Problem` where it has nothing to show."""
    if not path:
        return None
    folder = Path(path)
    if not folder.is_dir():
        raise Problem(f"{said} {clean(path)} is no folder: name one that holds {HOLDS}")
    if not any((folder / name).exists() for name in FILES):
        raise Problem(f"{said} {clean(path)} has no credentials in it: put in {HOLDS}")
    return folder


def named_folder(name: str) -> Path | None:
    """What a class calls `name`, in the folder that has one for each name; None where it is not."""
    above = os.environ.get(NAMED)
    if not above or not (Path(above) / name).is_dir():
        return None
    return folder_of(str(Path(above) / name), f"${NAMED}:")
