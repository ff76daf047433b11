"""Credentials in mounted files that rotate: read again when they change, never through the API.

A folder is a Secret as it is mounted, with the keys that Secrets have anyway: `token` (bearer), `username`
and `password`, `tls.crt` and `tls.key`, `ca.crt`. What is there is used.
"""

import os
import ssl
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

FILES = ("token", "username", "password", "tls.crt", "tls.key", "ca.crt")
_TRIES = 3
_MOST_BYTES = 1024 * 1024

Stamp = tuple[tuple[int, int, int] | None, ...]


class BadCredentials(Exception):
    """What is in the folder cannot be used; one sentence that names the file."""


@dataclass(frozen=True)
class Advice:
    """What to do where a server wants more, or cannot be reached. By default for who installs the chart."""

    credentials: str = "mount them with prometheus.auth or prometheus.credentials of the chart"
    certificate: str = "mount tls.crt and tls.key"
    authority: str = "put its authority into ca.crt"
    folder: str = "add it to prometheus.credentials of the chart"
    reach: str = "check its address and that it runs"


@dataclass(frozen=True)
class Auth:
    """What goes along with a query. `shown` are the files to look at when it is refused."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    tls: ssl.SSLContext | None = None
    shown: str = ""
    certificate: str = ""
    advice: Advice = Advice()
    secrets: tuple[str, ...] = field(default=(), repr=False)


class Credentials:
    """One folder of files. A kubelet swaps all of them at once, by a symlink."""

    def __init__(self, folder: Path, advice: Advice | None = None) -> None:
        self.folder, self._advice = folder, advice or Advice()

    def stamp(self) -> Stamp:
        """Changes whenever a file does: its time, its inode and its size."""
        return tuple(_stamp(self.folder / name) for name in FILES)

    def read(self) -> tuple[Stamp, Auth]:
        """The credentials as they are now. Raises BadCredentials."""
        if not self.folder.is_dir():
            raise BadCredentials(f"there is no folder {self.folder}: {self._advice.folder}")
        for _ in range(_TRIES):
            before = self.stamp()
            try:
                auth = self._auth({name for name, s in zip(FILES, before, strict=True) if s})
            except BadCredentials:
                if self.stamp() == before:
                    raise
                continue
            if self.stamp() == before:
                return before, auth
        raise BadCredentials(f"{self.folder} changes all the time: see who writes to it")

    def _auth(self, there: set[str]) -> Auth:
        self._in_pairs(there)
        shown: list[str] = []
        headers: dict[str, str] = {}
        secrets: tuple[str, ...] = ()
        if "token" in there:
            shown, secrets = ["token"], (self._text("token"),)
            headers = {"Authorization": f"Bearer {secrets[0]}"}
        elif "username" in there:
            shown, password = ["username", "password"], self._text("password")
            pair = b64encode(f"{self._text('username')}:{password}".encode()).decode()
            headers, secrets = {"Authorization": f"Basic {pair}"}, (password, pair)
        elif "tls.crt" in there:
            shown = ["tls.crt"]
        names = " and ".join(str(self.folder / name) for name in shown)
        certificate = str(self.folder / "tls.crt") if "tls.crt" in there else ""
        return Auth(headers, self._tls(there), names, certificate, self._advice, secrets)

    def _in_pairs(self, there: set[str]) -> None:
        for pair in (("username", "password"), ("tls.crt", "tls.key")):
            if len(there & {*pair}) == 1:
                (have,) = there & {*pair}
                (lacks,) = {*pair} - {have}
                raise BadCredentials(f"{self.folder} has {have} but no {lacks}: add it")
        if {"token", "username"} <= there:
            raise BadCredentials(
                f"{self.folder} has a token and a username: keep one of them, as one is sent"
            )

    def _text(self, name: str) -> str:
        path = self.folder / name
        try:
            text = path.read_bytes()[:_MOST_BYTES].decode().strip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise BadCredentials(f"{path} cannot be read ({type(error).__name__})") from None
        if not text or not text.isprintable():
            raise BadCredentials(f"{path} is empty or holds more than one line: correct it")
        return text

    def _tls(self, there: set[str]) -> ssl.SSLContext | None:
        if not there & {"ca.crt", "tls.crt"}:
            return None
        ca = self.folder / "ca.crt" if "ca.crt" in there else None
        try:
            context = ssl.create_default_context(cafile=str(ca) if ca else None)
        except (OSError, ValueError):
            raise BadCredentials(f"{ca} holds no certificate in PEM form: correct it") from None
        if "tls.crt" in there:
            crt, key = self.folder / "tls.crt", self.folder / "tls.key"
            try:
                context.load_cert_chain(crt, key, password="")
            except (OSError, ValueError):
                raise BadCredentials(
                    f"{key} is not the private key of {crt}, or one of them is not in PEM form: "
                    "correct them"
                ) from None
        return context


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
