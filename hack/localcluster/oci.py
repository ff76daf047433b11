"""Container images without a container engine: OCI archives written by the standard library.

An OCI archive is a tar of `oci-layout`, `index.json` and content-addressed blobs (OCI layout 1.0).
The same inputs always give the same bytes, so an image's digest can serve as a cache key.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import platform
import stat
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

_CHUNK = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_MEDIA = "application/vnd.oci.image"


def architecture() -> str:
    """This machine's architecture in the words of an image's platform."""
    return _MACHINES.get(platform.machine().lower(), platform.machine().lower())


def write_archive(
    path: Path,
    name: str,
    layers: Sequence[Path],
    *,
    entrypoint: Sequence[str],
    cmd: Sequence[str] = (),
    env: Mapping[str, str] = {},
    user: str = "65532:65532",
    workdir: str = "/",
    exposed: Sequence[int] = (),
) -> str:
    """Write the image `name` (`host/repository:tag`) to the tar `path` and return its digest.

    `layers` are tar files, gzipped or not, lowest first. `user` is `uid:gid`; by default
    nobody in particular, so that images pass `runAsNonRoot`. The digest is that of the manifest
    (`sha256:…`).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".oci-") as scratch:
        packed = [_pack(layer, Path(scratch) / str(number)) for number, layer in enumerate(layers)]
        settings = {
            "User": user,
            "WorkingDir": workdir,
            "Entrypoint": list(entrypoint),
            "Cmd": list(cmd),
            "Env": [f"{key}={env[key]}" for key in sorted(env)],
            "ExposedPorts": {f"{port}/tcp": {} for port in sorted(exposed)},
        }
        config = _config(settings, packed)
        manifest = _manifest(config, packed)
        partial = Path(scratch) / "archive.tar"
        _write_layout(partial, _index(name, manifest), [config, manifest], packed)
        os.replace(partial, path)
    return _digest(manifest)


def tree_layer(path: Path, entries: Mapping[str, Path]) -> None:
    """Write a reproducible layer: `{"/destination": source file or folder}`.

    Order, owner, times and permissions do not depend on the machine. A source's
    executable bit and a folder's sticky bit (as `/tmp` has) are kept; symbolic links inside folders
    stay links, those in `entries` are followed.
    """
    found: dict[str, Path | None] = {}
    for destination, source in entries.items():
        found.update(_walk(destination.strip("/"), source))
    for inside in list(found):
        for parent in Path(inside).parents:
            if str(parent) != ".":
                found.setdefault(str(parent), None)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for inside in sorted(found):
            _add(tar, inside, found[inside])


def _walk(inside: str, source: Path) -> Iterator[tuple[str, Path]]:
    """Everything under `source`, with the place it gets in the layer."""
    source = source.resolve(strict=True)
    if inside:
        yield inside, source
    if not source.is_dir():
        return
    for folder, folders, files in os.walk(source):
        for entry in (*folders, *files):
            real = Path(folder) / entry
            yield str(Path(inside) / real.relative_to(source)), real


def _add(tar: tarfile.TarFile, inside: str, source: Path | None) -> None:
    """One entry of a layer, with everything that differs between machines left out."""
    info = tarfile.TarInfo(inside)
    if source is None:
        info.type, info.mode = tarfile.DIRTYPE, 0o755
        return tar.addfile(info)
    seen = source.lstat()
    if stat.S_ISLNK(seen.st_mode):
        info.type, info.mode, info.linkname = tarfile.SYMTYPE, 0o777, os.readlink(source)
        return tar.addfile(info)
    if stat.S_ISDIR(seen.st_mode):
        info.type = tarfile.DIRTYPE
        info.mode = 0o1777 if seen.st_mode & stat.S_ISVTX else 0o755
        return tar.addfile(info)
    info.mode = 0o755 if seen.st_mode & 0o111 else 0o644
    info.size = seen.st_size
    with source.open("rb") as content:
        return tar.addfile(info, content)


@dataclass(frozen=True)
class _Layer:
    """A compressed layer on disk and its two digests: of the blob, and of the tar inside."""

    path: Path
    digest: str
    diff_id: str
    size: int


class _Hashing(io.RawIOBase):
    """A sink that hashes what passes through, so that a layer is read once."""

    def __init__(self, sink: IO[bytes]) -> None:
        self.sink, self.sha = sink, hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        block = bytes(cast(bytes, data))
        self.sha.update(block)
        return self.sink.write(block)


def _pack(layer: Path, target: Path) -> _Layer:
    """Compress a layer unless it is compressed, with no name or time in the gzip header."""
    inner = hashlib.sha256()
    with layer.open("rb") as source:
        compressed = source.read(2) == _GZIP_MAGIC
    if compressed:
        with gzip.open(layer, "rb") as content:
            while chunk := content.read(_CHUNK):
                inner.update(chunk)
        outer = _file_digest(layer)
        return _Layer(layer, outer, f"sha256:{inner.hexdigest()}", layer.stat().st_size)
    with layer.open("rb") as source, target.open("wb") as raw:
        sink = _Hashing(raw)
        with gzip.GzipFile(
            "", "wb", compresslevel=1, fileobj=cast(IO[bytes], sink), mtime=0
        ) as zipped:
            while chunk := source.read(_CHUNK):
                inner.update(chunk)
                zipped.write(chunk)
        outer = f"sha256:{sink.sha.hexdigest()}"
    return _Layer(target, outer, f"sha256:{inner.hexdigest()}", target.stat().st_size)


def _file_digest(path: Path) -> str:
    with path.open("rb") as source:
        return f"sha256:{hashlib.file_digest(source, 'sha256').hexdigest()}"


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _config(settings: Mapping[str, object], layers: Sequence[_Layer]) -> bytes:
    return _json(
        {
            "architecture": architecture(),
            "os": "linux",
            "config": settings,
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        }
    )


def _manifest(config: bytes, layers: Sequence[_Layer]) -> bytes:
    return _json(
        {
            "schemaVersion": 2,
            "mediaType": f"{_MEDIA}.manifest.v1+json",
            "config": {
                "mediaType": f"{_MEDIA}.config.v1+json",
                "digest": _digest(config),
                "size": len(config),
            },
            "layers": [
                {
                    "mediaType": f"{_MEDIA}.layer.v1.tar+gzip",
                    "digest": layer.digest,
                    "size": layer.size,
                }
                for layer in layers
            ],
        }
    )


def _index(name: str, manifest: bytes) -> bytes:
    """The archive's table of contents; containerd reads the name from the first annotation."""
    tag = name.rpartition(":")[2]
    return _json(
        {
            "schemaVersion": 2,
            "mediaType": f"{_MEDIA}.index.v1+json",
            "manifests": [
                {
                    "mediaType": f"{_MEDIA}.manifest.v1+json",
                    "digest": _digest(manifest),
                    "size": len(manifest),
                    "platform": {"architecture": architecture(), "os": "linux"},
                    "annotations": {
                        "io.containerd.image.name": name,
                        "org.opencontainers.image.ref.name": tag,
                    },
                }
            ],
        }
    )


def _write_layout(
    path: Path, index: bytes, documents: Sequence[bytes], layers: Sequence[_Layer]
) -> None:
    blobs: dict[str, bytes | Path] = {"oci-layout": _json({"imageLayoutVersion": "1.0.0"})}
    blobs["index.json"] = index
    for document in documents:
        blobs[_blob(_digest(document))] = document
    for layer in layers:
        blobs[_blob(layer.digest)] = layer.path
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for inside, content in blobs.items():
            info = tarfile.TarInfo(inside)
            info.mode = 0o644
            if isinstance(content, Path):
                info.size = content.stat().st_size
                with content.open("rb") as stream:
                    tar.addfile(info, stream)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"
