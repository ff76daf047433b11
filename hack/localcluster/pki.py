"""A small certificate authority for one cluster, by the openssl command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from . import system

_DAYS = "3650"


def make(folder: Path, addresses: Sequence[str]) -> None:
    """Write the authority, the API server's and its kubelet client's certificates, and the key for tokens.

    `addresses` are the server's besides its names inside the cluster. Does nothing where the files are.
    """
    if (folder / "done").exists():
        return
    system.require({"openssl": "openssl"})
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    _key(folder / "ca.key")
    _key(folder / "sa.key")
    subject = ["-subj", "/CN=surefoot-local", "-out", "ca.crt"]
    _openssl(folder, "req", "-x509", "-new", "-key", "ca.key", "-days", _DAYS, *subject)
    _openssl(folder, "ec", "-in", "sa.key", "-pubout", "-out", "sa.pub")
    services = ("", ".default", ".default.svc", ".default.svc.cluster.local")
    names = [f"DNS:kubernetes{suffix}" for suffix in services]
    names += ["DNS:localhost", *(f"IP:{address}" for address in addresses)]
    _certificate(folder, "apiserver", "/CN=kube-apiserver", f"subjectAltName={','.join(names)}")
    client = "extendedKeyUsage=clientAuth"
    _certificate(folder, "kubelet-client", "/O=system:masters/CN=kube-apiserver", client)
    (folder / "done").touch()


def _key(path: Path) -> None:
    curve = ["-pkeyopt", "ec_paramgen_curve:P-256", "-out", path.name]
    _openssl(path.parent, "genpkey", "-algorithm", "EC", *curve)
    path.chmod(0o600)


def _certificate(folder: Path, name: str, subject: str, extension: str) -> None:
    _key(folder / f"{name}.key")
    (folder / f"{name}.ext").write_text(extension + "\n")
    request = ["-key", f"{name}.key", "-subj", subject, "-out", f"{name}.csr"]
    _openssl(folder, "req", "-new", *request)
    signer = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", _DAYS]
    files = ["-in", f"{name}.csr", "-extfile", f"{name}.ext", "-out", f"{name}.crt"]
    _openssl(folder, "x509", "-req", *files, *signer)


def _openssl(folder: Path, *words: str) -> None:
    system.run(["openssl", *words], cwd=folder)
