# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The container toolkit's repository against what was seen of the real one, and the simulated nvidia-ctk."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from indexes import Paragraph, paragraphs
from labvendor.container import RELEASES, WHERE
from labvendor.files import file
from served import Served

#: Relations in stable/deb/amd64/Packages of NVIDIA/libnvidia-container@69f4ab7 (branch gh-pages).
SEEN = {
    ("nvidia-container-toolkit", "1.20.1-1"): "nvidia-container-toolkit-base (= 1.20.1-1), "
    "libnvidia-container-tools (= 1.20.1-1)",
    ("libnvidia-container-tools", "1.18.2-1"): "libnvidia-container1 (= 1.18.2-1), libc6 (>= 2.14), "
    "libcap2 (>= 1:2.10)",
    ("libnvidia-container-tools", "1.17.8-1"): "libc6 (>= 2.14), libcap2 (>= 1:2.10), "
    "libnvidia-container1 (>= 1.17.8)",
    ("libnvidia-container1", "1.20.1-1"): "libc6 (>= 2.27), libcap2 (>= 1:2.10), "
    "libseccomp2 (>= 0.0.0~20120605)",
}


@pytest.fixture(scope="module")
def index(served: Served) -> dict[tuple[str, str], Paragraph]:
    found = paragraphs((served.path / WHERE / "Packages").read_text())
    return {(item["Package"], item["Version"]): item for item in found}


def test_relations(index: dict[tuple[str, str], Paragraph]) -> None:
    assert len(index) == 4 * len(RELEASES)
    for key, depends in SEEN.items():
        assert set(index[key]["Depends"].split(", ")) == set(depends.split(", ")), key
    assert "Depends" not in index["nvidia-container-toolkit-base", "1.17.8-1"]
    old = index["nvidia-container-toolkit", "1.17.8-1"]["Depends"]
    assert "libnvidia-container-tools (>= 1.17.8-1)" in old, "apt may bring a newer library to it"


def test_a_key_of_its_own(served: Served) -> None:
    key = (served.path / "libnvidia-container/gpgkey").read_bytes()
    vendors = (served.path / "keys/vendor.gpg").read_bytes()
    assert key.startswith(b"-----BEGIN PGP PUBLIC KEY BLOCK-----")
    argv = ["gpg", "--batch", "--with-colons", "--show-keys"]
    fingerprints = {
        line.split(b":")[9]
        for each in (key, vendors)
        for line in subprocess.run(argv, input=each, capture_output=True, check=True).stdout.splitlines()
        if line.startswith(b"fpr:")
    }
    assert len(fingerprints) == 2
    release = (served.path / WHERE / "InRelease").read_text()
    assert "Codename: stable" in release and "Suite:" not in release


def ctk(tmp_path: Path, *words: str, version: str = "1.20.1") -> "subprocess.CompletedProcess[str]":
    program = tmp_path / "nvidia-ctk"
    program.write_text(file("container_toolkit", "nvidia_ctk.py", VERSION=version))
    argv = [sys.executable, str(program), *words]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_nvidia_ctk(tmp_path: Path) -> None:
    assert ctk(tmp_path, "--version").stdout.startswith("NVIDIA Container Toolkit CLI version 1.20.1\n")
    wrong = ctk(tmp_path, "cdi", "generate", "--outptu=/x")
    assert wrong.returncode == 1 and "flag provided but not defined: --outptu" in wrong.stderr
    assert ctk(tmp_path, "runtime", "configure", "--runtime=crio").returncode == 1
    assert ctk(tmp_path, "hook").returncode == 1
    path = tmp_path / "daemon.json"
    path.write_text('{"log-driver": "journald"}')
    words = ("runtime", "configure", "--runtime=docker", f"--config={path}", "--set-as-default")
    assert ctk(tmp_path, *words).returncode == 0
    assert json.loads(path.read_text()) == {
        "log-driver": "journald",
        "runtimes": {"nvidia": {"args": [], "path": "nvidia-container-runtime"}},
        "default-runtime": "nvidia",
    }
