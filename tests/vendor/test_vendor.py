# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The built repositories against what was seen of NVIDIA's (attested.json), field by field."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import VENDOR
from labvendor.compile import Compiler
from labvendor.signing import Key
from labvendor.table import DISTRIBUTIONS
from served import Served

ATTESTED = json.loads((VENDOR / "attested.json").read_text())
DIRECTORIES = [f"compute/cuda/repos/{name}/x86_64" for name in DISTRIBUTIONS]
#: Of our own programs; the real packages have them too, from their own binaries.
OF_PROGRAMS = re.compile(r"libc6( .*)?$|adduser$")

Paragraph = dict[str, str]


def paragraphs(text: str) -> list[Paragraph]:
    """The paragraphs of an index as field to value."""
    found = []
    for block in text.strip().split("\n\n"):
        lines = re.sub("\n(?= )", "\0", block).split("\n")
        pairs = (line.replace("\0", "\n").split(":", 1) for line in lines)
        found.append({name: value.strip() for name, value in pairs})
    return found


@pytest.fixture(scope="module")
def index(served: Served) -> dict[tuple[str, str], Paragraph]:
    """The paragraphs of ubuntu2204 by name and version."""
    found = paragraphs((served.nvidia("ubuntu2204") / "Packages").read_text())
    by_key = {(item["Package"], item["Version"]): item for item in found}
    assert len(by_key) == len(found), "a name and version occurs twice"
    return by_key


@pytest.mark.parametrize("row", ATTESTED["packages"], ids=lambda row: f"{row['package']}={row['version']}")
def test_package_is_there(row: dict[str, str], index: dict[tuple[str, str], Paragraph]) -> None:
    found = index[row["package"], row["version"]]
    assert found["Architecture"] == row["architecture"]
    assert found["Filename"] == f"./{row['package']}_{row['version']}_{row['architecture']}.deb"


@pytest.mark.parametrize("branch", ["570", "580"])
def test_every_name_of_the_branch(branch: str, index: dict[tuple[str, str], Paragraph]) -> None:
    names = {name for name, version in index if version.startswith(branch)}
    assert set(ATTESTED["names"][branch]) <= names


@pytest.mark.parametrize("row", ATTESTED["absent"], ids=lambda row: row["package"])
def test_package_is_not_there(row: dict[str, str], index: dict[tuple[str, str], Paragraph]) -> None:
    assert (row["package"], row["version"]) not in index


@pytest.mark.parametrize(
    "row", ATTESTED["relations"], ids=lambda row: f"{row['package']}={row['version']}-{row['field']}"
)
def test_relation(row: dict[str, Any], index: dict[tuple[str, str], Paragraph]) -> None:
    clauses = set(index[row["package"], row["version"]][row["field"]].split(", "))
    assert set(row["clauses"]) <= clauses
    if row["whole"]:
        assert {clause for clause in clauses if not OF_PROGRAMS.match(clause)} == set(row["clauses"])


def test_every_dependency_can_be_met(index: dict[tuple[str, str], Paragraph]) -> None:
    """Each name that a driver package depends on is in the repository, or is one of Debian's few."""
    known = {name for name, _rest in index}
    for item in index.values():
        known |= {re.sub(r" .*", "", name) for name in item.get("Provides", "").split(", ")}
    needed = {
        re.sub(r" .*", "", clause)
        for item in index.values()
        for clause in item.get("Depends", "").split(", ")
        if clause
    }
    assert needed - known == {"adduser", "dkms", "libc6"}


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


def test_kernels_are_chosen(build: Callable[..., Path]) -> None:
    tree = build("kernels", "--kernel", "6.8.0-85-generic", "--kernel", "6.8.0-90-generic")
    found = paragraphs((tree / "ubuntu-archive/Packages").read_text())
    assert {item["Package"] for item in found} == {
        "linux-headers-6.8.0-85-generic",
        "linux-image-6.8.0-85-generic",
        "linux-headers-6.8.0-90-generic",
        "linux-image-6.8.0-90-generic",
        "linux-headers-generic",
        "linux-image-generic",
        "linux-generic",
    }
    metapackage = next(item for item in found if item["Package"] == "linux-headers-generic")
    assert metapackage["Depends"] == "linux-headers-6.8.0-90-generic"


def test_compiled_parts_are_the_same_everywhere(tmp_path: Path) -> None:
    """Neither the cache's place nor the moment is in a compiled program."""
    first, second = (Compiler(tmp_path / name) for name in ("first", "second"))
    assert first.program("nvidia-smi", "570.133.20") == second.program("nvidia-smi", "570.133.20")
    assert first.nvml("570.133.20") == second.nvml("570.133.20") != first.nvml("580.65.06")
