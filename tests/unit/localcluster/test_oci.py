"""Images are read back as any OCI reader would read them, and equal inputs give equal images."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from localcluster import images, oci
from localcluster.problem import Problem


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "inner").mkdir(parents=True)
    (root / "inner" / "data.txt").write_text("data")
    (root / "program").write_text("#!/bin/true")
    (root / "program").chmod(0o700)
    (root / "link").symlink_to("program")
    return root


def image(folder: Path, tree: Path) -> tuple[Path, str]:
    layer, archive = folder / "layer.tar", folder / "image.tar"
    oci.tree_layer(layer, {"/opt/app": tree})
    name = "surefoot.local/app:v1"
    options: dict[str, Any] = {"entrypoint": ["/opt/app/program"], "env": {"B": "2", "A": "1"}}
    return archive, oci.write_archive(archive, name, [layer], exposed=[8080], **options)


def blobs(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        found = {member.name: tar.extractfile(member) for member in tar.getmembers()}
        return {name: stream.read() for name, stream in found.items() if stream}


def document(content: dict[str, bytes], digest: str) -> Any:
    blob = content[f"blobs/{digest.replace(':', '/')}"]
    assert f"sha256:{hashlib.sha256(blob).hexdigest()}" == digest
    return json.loads(blob)


def test_every_reference_leads_to_a_blob_with_that_digest_and_size(
    tmp_path: Path, tree: Path
) -> None:
    archive, digest = image(tmp_path, tree)
    content = blobs(archive)
    index = json.loads(content["index.json"])
    assert index["manifests"][0]["digest"] == digest
    manifest = document(content, digest)
    config = document(content, manifest["config"]["digest"])
    [layer], [diff_id] = manifest["layers"], config["rootfs"]["diff_ids"]
    packed = content[f"blobs/{layer['digest'].replace(':', '/')}"]
    assert len(packed) == layer["size"]
    assert f"sha256:{hashlib.sha256(gzip.decompress(packed)).hexdigest()}" == diff_id
    assert config["config"]["Env"] == ["A=1", "B=2"]
    assert config["config"]["User"] == "65532:65532"
    assert config["config"]["ExposedPorts"] == {"8080/tcp": {}}


def test_equal_inputs_give_equal_bytes(tmp_path: Path, tree: Path) -> None:
    results = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        archive, digest = image(folder, tree)
        results.append((digest, archive.read_bytes()))
        (tree / "program").touch()
    assert results[0] == results[1]


def test_a_compressed_layer_is_taken_as_it_is(tmp_path: Path, tree: Path) -> None:
    plain, zipped, archive = tmp_path / "l.tar", tmp_path / "l.tgz", tmp_path / "i.tar"
    oci.tree_layer(plain, {"/app": tree})
    zipped.write_bytes(gzip.compress(plain.read_bytes()))
    digest = oci.write_archive(archive, "surefoot.local/app:v1", [zipped], entrypoint=["/app"])
    content = blobs(archive)
    manifest = document(content, digest)
    assert (
        content[f"blobs/{manifest['layers'][0]['digest'].replace(':', '/')}"] == zipped.read_bytes()
    )
    diff_id = document(content, manifest["config"]["digest"])["rootfs"]["diff_ids"][0]
    assert diff_id == f"sha256:{hashlib.sha256(plain.read_bytes()).hexdigest()}"


def test_a_layer_says_nothing_about_the_machine_it_was_made_on(tmp_path: Path, tree: Path) -> None:
    layer = tmp_path / "layer.tar"
    oci.tree_layer(layer, {"/opt/app": tree})
    with tarfile.open(layer) as tar:
        members = {member.name: member for member in tar.getmembers()}
    assert list(members) == sorted(members)
    assert {"opt", "opt/app", "opt/app/inner/data.txt"} <= set(members)
    assert {(m.uid, m.gid, m.mtime, m.uname) for m in members.values()} == {(0, 0, 0, "")}
    assert members["opt/app/program"].mode == 0o755
    assert members["opt/app/inner/data.txt"].mode == 0o644
    assert members["opt/app/link"].linkname == "program"


def test_the_sticky_bit_of_a_folder_is_kept(tmp_path: Path) -> None:
    shared, layer = tmp_path / "shared", tmp_path / "layer.tar"
    shared.mkdir()
    shared.chmod(0o1777)
    oci.tree_layer(layer, {"/tmp": shared})
    with tarfile.open(layer) as tar:
        assert tar.getmember("tmp").mode == 0o1777


def test_an_archive_tells_its_image_names(tmp_path: Path, tree: Path) -> None:
    archive, _ = image(tmp_path, tree)
    assert images.archive_names(archive) == ["surefoot.local/app:v1"]


def test_what_is_no_archive_is_refused_with_a_sentence(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.tar"
    with tarfile.open(wrong, "w") as tar:
        tar.addfile(tarfile.TarInfo("other"), io.BytesIO())
    with pytest.raises(Problem, match="no OCI archive"):
        images.archive_names(wrong)


def test_libraries_are_found_where_the_loader_says() -> None:
    shown = """
        linux-vdso.so.1 (0x00007ffd)
        libm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f12)
        /lib64/ld-linux-x86-64.so.2 (0x00007f13)
    """
    assert sorted(images.parse_ldd(shown)) == [
        "/lib/x86_64-linux-gnu/libm.so.6",
        "/lib64/ld-linux-x86-64.so.2",
    ]
