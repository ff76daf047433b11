"""The base image: what is in it, and that the same input gives the same bytes."""

import os
import subprocess
import tarfile
from pathlib import Path

from images import pythonbase


def put(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_libraries_are_read_from_what_ldd_prints() -> None:
    needed = pythonbase._needed([pythonbase._interpreter()])
    assert any(name.startswith("libc.so") for name in needed)
    assert all(path.exists() for path in needed.values())


def test_unneeded_parts_of_the_library_are_left_out() -> None:
    names = ["test", "idlelib", "asyncio", "config-3.11-x86_64", "_testcapi.so", "libx.a", "ssl.py"]
    assert set(names) - set(pythonbase._unwanted("", names)) == {"asyncio", "ssl.py"}


def test_copying_keeps_links_and_drops_names(tmp_path: Path) -> None:
    put(tmp_path / "from" / "__pycache__" / "a.pyc")
    put(tmp_path / "from" / "a.py")
    (tmp_path / "from" / "b.py").symlink_to("a.py")
    pythonbase.copy_tree(tmp_path / "from", tmp_path / "to", drop=("__pycache__",))
    assert sorted(path.name for path in (tmp_path / "to").iterdir()) == ["a.py", "b.py"]
    assert os.readlink(tmp_path / "to" / "b.py") == "a.py"


def test_compiled_modules_are_the_same_wherever_they_were_compiled(tmp_path: Path) -> None:
    compiled = []
    for name in ("one", "two"):
        source = put(tmp_path / name / "app" / "m.py", "WORDS = {'a', 'b', 'c'} - {'a'}\n")
        pythonbase.precompile(tmp_path / name)
        compiled.append(next(source.parent.rglob("*.pyc")).read_bytes())
    assert compiled[0] == compiled[1]
    assert b"/app/m.py" in compiled[0]
    assert str(tmp_path).encode() not in compiled[0]


def test_a_module_that_does_not_compile_is_no_failure(tmp_path: Path) -> None:
    put(tmp_path / "app" / "template.py", "def {{ name }}:\n")
    pythonbase.precompile(tmp_path)
    assert not list(tmp_path.rglob("*.pyc"))


def test_lazily_imported_modules_of_the_kubernetes_client_stay_source(tmp_path: Path) -> None:
    lazy = put(tmp_path / "kubernetes" / "aio" / "client" / "models" / "v1_pod.py")
    eager = put(tmp_path / "kubernetes" / "config" / "incluster.py")
    pythonbase.precompile(tmp_path)
    assert not list(lazy.parent.rglob("*.pyc"))
    assert list(eager.parent.rglob("*.pyc"))


def test_the_staged_system_knows_a_nonroot_user_and_the_authorities(tmp_path: Path) -> None:
    pythonbase._stage_system(tmp_path)
    layer = pythonbase._layer(tmp_path.parent / f"{tmp_path.name}.tar", tmp_path)
    with tarfile.open(layer) as tar:
        passwd = tar.extractfile("etc/passwd")
        assert passwd is not None
        assert b"nonroot:x:65532:65532:" in passwd.read()
        assert tar.getmember("tmp").mode == 0o1777
        assert tar.getmember("etc/ssl/certs/ca-certificates.crt").size > 1000


def test_the_interpreter_is_found_behind_a_virtual_environment() -> None:
    answer = subprocess.run(
        [pythonbase._interpreter(), "-c", "import sys; print(sys.prefix == sys.base_prefix)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == "True"


def test_libraries_that_wheels_expect_of_a_system_are_there(tmp_path: Path) -> None:
    pythonbase._stage_libraries(tmp_path, [tmp_path])
    names = {path.name for path in tmp_path.rglob("*.so*")}
    assert {"libc.so.6", "libm.so.6", "libgcc_s.so.1"} <= names
