# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole tree: NVIDIA's directories, the distribution archive, and broken copies for bad-input tests."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from labvendor import archive, container, cuda, cudnn, deb, expand, payload, redist, runfile, table
from labvendor.compile import Compiler, check_tools
from labvendor.deb import Content, Entry
from labvendor.model import Package
from labvendor.repository import packages_index, write, write_indexes, write_suite
from labvendor.signing import Key, ModuleKey
from labvendor.suites import CODENAMES

DEFAULT_URL = "http://10.213.0.1:8080"
KEYRING_PATH = "/usr/share/keyrings/cuda-archive-keyring.gpg"

#: Release fields of NVIDIA's repositories (NVIDIA/cuda-repo-management@2944b7a repo-debian.sh).
NVIDIA_FIELDS = (
    ("Origin", "NVIDIA"),
    ("Label", "NVIDIA CUDA"),
    ("Architecture", "x86_64"),
    ("Acquire-By-Hash", "no"),
)
DEBIAN_FIELDS = (("Origin", "labfleet.gpu"), ("Label", "labfleet.gpu kernel"), ("Acquire-By-Hash", "no"))
COMPONENTS = ("main", "restricted", "universe", "multiverse")

#: cuda-<distribution>.pin, for Ubuntu only (stored copies of NVIDIA's file; some end with 100).
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

#: Directories that have broken copies.
BROKEN = ("ubuntu2204", "ubuntu2404")

#: A written package: its paragraph for the index, its file name and its bytes.
Written = tuple[str, str, bytes]


class Tree:
    """Builds everything under one directory."""

    def __init__(self, out: Path, state: Path, base_url: str) -> None:
        """out is served at base_url; state keeps keys and compiled parts."""
        self._out = out
        self._state = state
        self._url = base_url
        self._written: dict[Package, Written] = {}

    def build(self, kernels: list[str]) -> Iterator[str]:
        """Build, yielding one line for each repository."""
        check_tools()
        module_key = ModuleKey(self._state / "module-key")
        self._compiler = Compiler(self._state / "compiled", module_key)
        self._key = Key(self._state / "key", "labfleet.gpu simulated vendor")
        stranger = Key(self._state / "stranger", "labfleet.gpu unknown signer")
        containers = Key(self._state / "container-key", "labfleet.gpu simulated container toolkit")
        try:
            for distribution in table.DISTRIBUTIONS:
                where = f"compute/cuda/repos/{distribution}/x86_64"
                debs = self._made(
                    item
                    for family in (expand.driver_packages, cuda.packages, cudnn.packages)
                    for item in family(distribution)
                )
                yield self._nvidia(where, distribution, debs, self._key)
                if distribution in BROKEN:
                    yield self._nvidia(f"broken/badsig/{where}", distribution, debs, stranger, empty=True)
                    yield self._truncated(f"broken/truncated/{where}", distribution, debs)
            yield self._container(containers)
            yield from self._downloads("compute/cuda", runfile.files(self._compiler))
            yield from self._downloads("compute/cudnn/redist", redist.files(self._compiler))
            yield from self._ubuntu(kernels)
            yield self._debian(kernels)
            write(self._out / "keys" / "kernel-module-signing.pem", module_key.pem())
            write(self._out / "keys" / "kernel-module-signing.der", module_key.der())
            write(self._out / "keys" / "vendor.gpg", self._key.binary())
        finally:
            self._key.close()
            stranger.close()
            containers.close()

    def _made(self, items: Iterable[Package]) -> list[Written]:
        """The packages as files; one that several directories carry is made once."""
        wanted = list(items)
        missing = list(dict.fromkeys(item for item in wanted if item not in self._written))
        with ThreadPoolExecutor(os.cpu_count()) as workers:
            made = workers.map(lambda item: _make(item, self._compiler), missing)
            self._written.update(zip(missing, made, strict=True))
        return [self._written[item] for item in wanted]

    def _nvidia(
        self, where: str, distribution: str, debs: list[Written], signer: Key, empty: bool = False
    ) -> str:
        """A directory of NVIDIA's; empty: with the keyring alone, as nobody comes so far as to fetch more."""
        keyring = self._keyring(where, distribution)
        complete = [*debs, keyring]
        directory = self._fill(where, [keyring] if empty else complete)
        write(directory / self._key.filename, self._key.armoured())
        if distribution.startswith("ubuntu"):
            write(directory / f"cuda-{distribution}.pin", PIN.encode())
        write_indexes(directory, packages_index(complete), NVIDIA_FIELDS, signer)
        return f"{self._url}/{where}/ ({len(complete)} packages)"

    def _truncated(self, where: str, distribution: str, debs: list[Written]) -> str:
        """A correct signature over indexes that arrive cut in half."""
        line = self._nvidia(where, distribution, debs, self._key, empty=True)
        for name in ("Packages", "Packages.gz"):
            path = self._out / where / name
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        return line

    def _container(self, signer: Key) -> str:
        """The container toolkit's repository, which has a key of its own, beside it and not in it."""
        debs = self._made(container.packages())
        directory = self._fill(container.WHERE, debs)
        write(self._out / container.ROOT / container.KEY_FILE, signer.armoured())
        write_indexes(directory, packages_index(debs), container.FIELDS, signer)
        return f"{self._url}/{container.WHERE}/ ({len(debs)} packages)"

    def _downloads(self, where: str, files: Iterable[tuple[str, bytes]]) -> Iterator[str]:
        """Files beside the repositories: installers, archives and their sums."""
        for name, data in files:
            write(self._out / where / name, data)
            yield f"{self._url}/{where}/{name}"

    def _ubuntu(self, kernels: list[str]) -> Iterator[str]:
        """Ubuntu's archive: one pool, three suites for each distribution."""
        pool: dict[str, Written] = {}
        for codename, (number, _flavours) in CODENAMES.items():
            for suite, placed in archive.suites(codename, kernels).items():
                written = self._made(item for _component, item in placed)
                indexes = {}
                for component in COMPONENTS:
                    here = [
                        deb for (where, _row), deb in zip(placed, written, strict=True) if where == component
                    ]
                    indexes[component] = packages_index(here, f"pool/{codename}/{component}/")
                    pool.update({f"{codename}/{component}/{deb[1]}": deb for deb in here})
                fields = _suite_fields(suite, codename, number)
                write_suite(self._out / "ubuntu-archive/dists" / suite, indexes, fields, self._key)
                yield f"{self._url}/ubuntu-archive/ {suite} ({len(placed)} packages)"
        self._fill("ubuntu-archive/pool", (("", name, data) for name, (_path, _file, data) in pool.items()))

    def _debian(self, kernels: list[str]) -> str:
        """Headers and image of the host's kernel for Debian, whose own archive has neither."""
        debs = self._made(expand.kernel_packages(kernels, metapackages=False))
        directory = self._fill("debian-kernel", debs)
        write_indexes(directory, packages_index(debs), DEBIAN_FIELDS, self._key)
        return f"{self._url}/debian-kernel/ ({len(debs)} packages)"

    def _keyring(self, where: str, distribution: str) -> Written:
        source = f"deb [signed-by={KEYRING_PATH}] {self._url}/{where}/ /\n"
        files = [
            Entry(KEYRING_PATH, self._key.binary()),
            Entry(f"/etc/apt/sources.list.d/cuda-{distribution}-x86_64.list", source.encode()),
        ]
        if distribution.startswith("ubuntu"):
            files.append(Entry("/etc/apt/preferences.d/cuda-repository-pin-600", PIN.encode()))
        return _write(expand.package(table.KEYRING, {}), Content(tuple(files)))

    def _fill(self, where: str, debs: Iterable[Written]) -> Path:
        directory = self._out / where
        names = set()
        for _rest, name, data in debs:
            write(directory / name, data)
            names.add(name)
        # A package that left the table, or an older kernel, must not stay behind.
        for stale in directory.rglob("*.deb"):
            if str(stale.relative_to(directory)) not in names:
                stale.unlink()
        return directory


def _make(item: Package, compiler: Compiler) -> Written:
    return _write(item, payload.content(item, compiler))


def _write(item: Package, content: Content) -> Written:
    control = expand.control(item, deb.installed_size(content))
    return control, item.filename, deb.build(control, content)


def _suite_fields(suite: str, codename: str, number: str) -> tuple[tuple[str, str], ...]:
    return (
        ("Origin", "Ubuntu"),
        ("Label", "Ubuntu"),
        ("Suite", suite),
        ("Version", number),
        ("Codename", codename),
        ("Architectures", "amd64"),
        ("Components", " ".join(COMPONENTS)),
        ("Description", f"Ubuntu {number}, simulated by labfleet.gpu"),
        ("Acquire-By-Hash", "no"),
    )
