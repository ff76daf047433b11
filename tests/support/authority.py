"""A certificate authority for one test, by the openssl command."""

import subprocess
from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class Authority:
    """Signs certificates; everything lies in `folder`."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self.folder, self.name = folder, name
        self._openssl(
            "req", "-x509", *_KEY, "-keyout", f"{name}.key", "-out", f"{name}.crt",
            "-subj", f"/CN={name}", "-days", "10",
        )  # fmt: skip

    @property
    def certificate(self) -> Path:
        return self.folder / f"{self.name}.crt"

    def sign(self, name: str, days: int = 5, address: str = "127.0.0.1") -> tuple[Path, Path]:
        """Certificate and key of a server at that address, or of a client; expired when `days` < 0."""
        (self.folder / f"{name}.ext").write_text(f"subjectAltName=IP:{address}\n")
        self._openssl(
            "req", "-new", *_KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr",
            "-subj", f"/CN={name}",
        )  # fmt: skip
        self._openssl(
            "x509", "-req", "-in", f"{name}.csr", "-CA", f"{self.name}.crt",
            "-CAkey", f"{self.name}.key", "-CAcreateserial", "-days", str(days),
            "-extfile", f"{name}.ext", "-out", f"{name}.crt",
        )  # fmt: skip
        return self.folder / f"{name}.crt", self.folder / f"{name}.key"

    def _openssl(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)


class Mount:
    """A Secret as a kubelet mounts it: files are links through `..data`, which is swapped at once."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._count = folder, 0
        folder.mkdir()

    def hold(self, **files: str | bytes | Path) -> None:
        """What the Secret holds from now on; `tls_crt` stands for `tls.crt`."""
        self._count += 1
        version = self.folder / f"..{self._count}"
        version.mkdir()
        for key, content in files.items():
            name = key.replace("_", ".")
            raw = content.read_bytes() if isinstance(content, Path) else content
            (version / name).write_bytes(raw.encode() if isinstance(raw, str) else raw)
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(Path("..data") / name)
        fresh = self.folder / "..data_tmp"
        fresh.symlink_to(version.name)
        fresh.rename(self.folder / "..data")
