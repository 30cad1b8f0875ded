# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shape of the built repositories: indexes, signatures, keys, sameness."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from indexes import paragraphs
from labvendor.compile import Compiler
from labvendor.signing import Key
from labvendor.suites import CODENAMES
from labvendor.table import DISTRIBUTIONS
from served import Served

DIRECTORIES = [f"compute/cuda/repos/{name}/x86_64" for name in DISTRIBUTIONS]


@pytest.mark.parametrize("where", DIRECTORIES)
def test_release_and_signatures(where: str, served: Served) -> None:
    directory = served.path / where
    release = paragraphs((directory / "Release").read_text())[0]
    assert (release["Origin"], release["Label"]) == ("NVIDIA", "NVIDIA CUDA")
    assert (release["Architecture"], release["Acquire-By-Hash"]) == ("x86_64", "no")
    assert gzip.decompress((directory / "Packages.gz").read_bytes()) == (directory / "Packages").read_bytes()
    for block, method in (("MD5Sum", "md5"), ("SHA1", "sha1"), ("SHA256", "sha256")):
        for name in ("Packages", "Packages.gz"):
            data = (directory / name).read_bytes()
            assert f"{hashlib.new(method, data).hexdigest()} {len(data):>16} {name}" in release[block]
    for arguments in (["InRelease"], ["Release.gpg", "Release"]):
        verify(served.path / "keys/vendor.gpg", *(directory / name for name in arguments))


def verify(keyring: Path, *files: Path) -> None:
    """Check a signature with gpgv; CalledProcessError if it is not the key's."""
    subprocess.run(["gpgv", "--keyring", str(keyring), *map(str, files)], check=True, capture_output=True)


@pytest.mark.parametrize("where", DIRECTORIES)
def test_files_are_what_the_index_says(where: str, served: Served) -> None:
    directory = served.path / where
    listed = paragraphs((directory / "Packages").read_text())
    assert {item["Filename"][2:] for item in listed} == {path.name for path in directory.glob("*.deb")}
    for item in listed:
        data = (directory / item["Filename"]).read_bytes()
        assert len(data) == int(item["Size"])
        assert hashlib.sha256(data).hexdigest() == item["SHA256"]


@pytest.mark.parametrize("where", DIRECTORIES)
def test_keyring_belongs_to_its_directory(where: str, served: Served, tmp_path: Path) -> None:
    directory = served.path / where
    subprocess.run(
        ["dpkg-deb", "-x", str(directory / "cuda-keyring_1.1-1_all.deb"), str(tmp_path)], check=True
    )
    distribution = where.split("/")[-2]
    source = (tmp_path / f"etc/apt/sources.list.d/cuda-{distribution}-x86_64.list").read_text()
    keyring = "/usr/share/keyrings/cuda-archive-keyring.gpg"
    assert source == f"deb [signed-by={keyring}] {served.url}/{where}/ /\n"
    verify(tmp_path / keyring[1:], directory / "InRelease")
    pin = tmp_path / "etc/apt/preferences.d/cuda-repository-pin-600"
    if distribution.startswith("ubuntu"):
        assert pin.read_text() == (directory / f"cuda-{distribution}.pin").read_text()
        assert "Pin: release l=NVIDIA CUDA\nPin-Priority: 600" in pin.read_text()
    else:
        assert not pin.exists()
    assert len(list(directory.glob("????????.pub"))) == 1


def test_same_input_same_bytes(build: Callable[..., Path]) -> None:
    first, second = build("first"), build("second")
    files = [path.relative_to(first) for path in first.rglob("*") if path.is_file()]
    assert len(files) > 500
    different = [name for name in files if (first / name).read_bytes() != (second / name).read_bytes()]
    assert different == []


def test_key_is_kept_and_is_the_lab_s_own(tmp_path: Path) -> None:
    """A key is made once per state directory; its signature is the same each time and no other key's."""
    mine, again = Key(tmp_path / "mine", "test"), Key(tmp_path / "mine", "test")
    other = Key(tmp_path / "other", "test")
    try:
        assert mine.binary() == again.binary() != other.binary()
        assert mine.inline(b"Origin: test\n") == again.inline(b"Origin: test\n")
    finally:
        mine.close()
        other.close()


SUITES = [f"{name}{pocket}" for name in CODENAMES for pocket in ("", "-security", "-updates")]


@pytest.mark.parametrize("suite", SUITES)
def test_suites(suite: str, served: Served) -> None:
    """Ubuntu's archive has the real layout, and every file is what the indexes say."""
    archive = served.path / "ubuntu-archive"
    directory = archive / "dists" / suite
    release = paragraphs((directory / "Release").read_text())[0]
    assert (release["Origin"], release["Label"], release["Suite"]) == ("Ubuntu", "Ubuntu", suite)
    assert release["Codename"] == suite.partition("-")[0]
    assert release["Components"].split() == ["main", "restricted", "universe", "multiverse"]
    verify(served.path / "keys/vendor.gpg", directory / "InRelease")
    seen = set()
    for component in release["Components"].split():
        index = directory / component / "binary-amd64/Packages"
        data = index.read_bytes()
        name = index.relative_to(directory)
        assert f"{hashlib.sha256(data).hexdigest()} {len(data):>16} {name}" in release["SHA256"]
        assert gzip.decompress(index.with_suffix(".gz").read_bytes()) == data
        for item in paragraphs(data.decode()):
            assert hashlib.sha256((archive / item["Filename"]).read_bytes()).hexdigest() == item["SHA256"]
            assert item["Package"] not in seen, "a pocket has one version of a package"
            seen.add(item["Package"])


def test_kernels_are_chosen(build: Callable[..., Path]) -> None:
    tree = build("kernels", "--kernel", "6.8.0-85-generic", "--kernel", "6.8.0-90-generic")
    archive = tree / "ubuntu-archive/dists"
    found = paragraphs((archive / "noble/main/binary-amd64/Packages").read_text())
    assert {item["Package"] for item in found if item["Package"].startswith("linux-")} == {
        "linux-headers-6.8.0-85-generic",
        "linux-image-6.8.0-85-generic",
        "linux-headers-6.8.0-90-generic",
        "linux-image-6.8.0-90-generic",
        "linux-headers-generic",
        "linux-image-generic",
        "linux-generic",
    }
    metapackage = next(item for item in found if item["Package"] == "linux-headers-generic")
    assert (metapackage["Depends"], metapackage["Version"]) == (
        "linux-headers-6.8.0-90-generic",
        "6.8.0-90.90",
    )
    modules = paragraphs((archive / "noble-updates/restricted/binary-amd64/Packages").read_text())
    versions = {item["Package"]: item["Version"] for item in modules}
    assert versions["linux-modules-nvidia-580-6.8.0-85-generic"] == "6.8.0-85.85+1"
    assert versions["linux-modules-nvidia-580-generic"] == "6.8.0-90.90+1"


def test_compiled_parts_are_the_same_everywhere(tmp_path: Path) -> None:
    """Neither the cache's place nor the moment is in a compiled program."""
    first, second = (Compiler(tmp_path / name) for name in ("first", "second"))
    assert first.smi("570.133.20") == second.smi("570.133.20")
    assert first.nvml("570.133.20") == second.nvml("570.133.20") != first.nvml("580.65.06")
