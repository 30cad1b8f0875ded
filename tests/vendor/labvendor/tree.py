# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole tree: NVIDIA's directories, the distribution archive, and broken copies for bad-input tests."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from labvendor import deb, expand, payload, table
from labvendor.compile import Compiler, check_tools
from labvendor.deb import Content, Entry
from labvendor.model import Package
from labvendor.repository import packages_index, write, write_indexes
from labvendor.signing import Key

DEFAULT_URL = "http://10.213.0.1:8080"
KEYRING_PATH = "/usr/share/keyrings/cuda-archive-keyring.gpg"

#: Release fields of NVIDIA's repositories (NVIDIA/cuda-repo-management@2944b7a repo-debian.sh).
NVIDIA_FIELDS = (
    ("Origin", "NVIDIA"),
    ("Label", "NVIDIA CUDA"),
    ("Architecture", "x86_64"),
    ("Acquire-By-Hash", "no"),
)
UBUNTU_FIELDS = (("Origin", "Ubuntu"), ("Label", "Ubuntu"), ("Acquire-By-Hash", "no"))

#: cuda-<distribution>.pin (stored copies of NVIDIA's file; some carry 100 in the last stanza).
PIN = "\n".join(
    f"Package: {package}\nPin: {pin}\nPin-Priority: {priority}\n"
    for package, pin, priority in (
        ("nsight-compute", "origin *ubuntu.com*", -1),
        ("nsight-systems", "origin *ubuntu.com*", -1),
        ("nvidia-modprobe", "release l=NVIDIA CUDA", 600),
        ("nvidia-settings", "release l=NVIDIA CUDA", 600),
        ("*", "release l=NVIDIA CUDA", 600),
    )
)

#: A written package: its paragraph for the index, its file name and its bytes.
Written = tuple[str, str, bytes]


class Tree:
    """Builds everything under one directory."""

    def __init__(self, out: Path, state: Path, base_url: str) -> None:
        """out is served at base_url; state keeps keys and compiled parts."""
        self._out = out
        self._state = state
        self._url = base_url

    def build(self, kernels: list[str]) -> Iterator[str]:
        """Build, yielding one line for each repository."""
        check_tools()
        compiler = Compiler(self._state / "compiled")
        key = Key(self._state / "key", "labfleet.gpu simulated vendor")
        stranger = Key(self._state / "stranger", "labfleet.gpu unknown signer")
        try:
            with ThreadPoolExecutor(os.cpu_count()) as workers:
                drivers = list(workers.map(lambda item: _make(item, compiler), expand.driver_packages()))
            for distribution in table.DISTRIBUTIONS:
                where = f"compute/cuda/repos/{distribution}/x86_64"
                yield self._nvidia(where, distribution, drivers, key)
                yield self._nvidia(f"broken/badsig/{where}", distribution, drivers, key, signer=stranger)
                yield self._truncated(f"broken/truncated/{where}", distribution, drivers, key)
            yield self._archive(kernels, compiler, key)
            write(self._out / "keys" / "vendor.gpg", key.binary())
        finally:
            key.close()
            stranger.close()

    def _nvidia(
        self, where: str, distribution: str, drivers: list[Written], key: Key, signer: Key | None = None
    ) -> str:
        keyring = self._keyring(where, distribution, key)
        debs = [*drivers, keyring]
        directory = self._fill(where, debs)
        write(directory / key.filename, key.armoured())
        write(directory / f"cuda-{distribution}.pin", PIN.encode())
        write_indexes(directory, packages_index(debs), NVIDIA_FIELDS, signer or key)
        return f"{self._url}/{where}/ ({len(debs)} packages)"

    def _truncated(self, where: str, distribution: str, drivers: list[Written], key: Key) -> str:
        """A correct signature over indexes that arrive cut in half."""
        line = self._nvidia(where, distribution, drivers, key)
        for name in ("Packages", "Packages.gz"):
            path = self._out / where / name
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        return line

    def _archive(self, kernels: list[str], compiler: Compiler, key: Key) -> str:
        debs = [_make(item, compiler) for item in expand.kernel_packages(kernels)]
        directory = self._fill("ubuntu-archive", debs)
        write_indexes(directory, packages_index(debs), UBUNTU_FIELDS, key)
        return f"{self._url}/ubuntu-archive/ ({len(debs)} packages)"

    def _keyring(self, where: str, distribution: str, key: Key) -> Written:
        source = f"deb [signed-by={KEYRING_PATH}] {self._url}/{where}/ /\n"
        content = Content(
            (
                Entry(KEYRING_PATH, key.binary()),
                Entry(f"/etc/apt/sources.list.d/cuda-{distribution}-x86_64.list", source.encode()),
                Entry("/etc/apt/preferences.d/cuda-repository-pin-600", PIN.encode()),
            )
        )
        return _write(expand.package(table.KEYRING, {}), content)

    def _fill(self, where: str, debs: Iterable[Written]) -> Path:
        directory = self._out / where
        names = set()
        for _rest, name, data in debs:
            write(directory / name, data)
            names.add(name)
        # A package that left the table, or an older kernel, must not stay behind.
        for stale in directory.glob("*.deb"):
            if stale.name not in names:
                stale.unlink()
        return directory


def _make(item: Package, compiler: Compiler) -> Written:
    return _write(item, payload.content(item, compiler))


def _write(item: Package, content: Content) -> Written:
    control = expand.control(item, deb.installed_size(content))
    return control, item.filename, deb.build(control, content)
