# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An apt archive as data: rows of packages, and what apt would answer to a planner's questions over them.

The rows have the names and the dependency shape of NVIDIA's repository for Ubuntu (branches 570 and 580)
and of Debian 12, cut down to what decides a plan.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.drivers import upstream
from ansible_collections.labfleet.gpu.plugins.module_utils._packages import Package
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import (
    AskClients,
    AskFormer,
    AskHolders,
    AskIndex,
    AskKey,
    AskPurge,
    AskSpace,
    AskTransaction,
    AskVolatile,
    Change,
    Clients,
    Former,
    Holders,
    Index,
    Key,
    Offer,
    Space,
    Transaction,
    Trouble,
    Volatile,
)

NVIDIA = "https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/x86_64/"
MIRROR = "http://mirror.example.org/debian/"
GIB = 1024**3
PLACES = ("/var/cache/apt/archives", "/usr", "/var/lib/dkms", "/var/lib/labfleet-gpu/former")
KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"


@dataclass(frozen=True)
class Row:
    """One package at one version; ``a|b`` is a choice. Only one of a ``role`` can be installed."""

    name: str
    version: str
    depends: Tuple[str, ...] = ()
    role: str = ""
    uri: str = NVIDIA


def _ubuntu(version: str) -> Iterator[Row]:
    b, full = version.split(".", 1)[0], version + "-0ubuntu1"
    common = ("nvidia-kernel-common-" + b, "libnvidia-compute-" + b)
    for o in ("", "-open"):
        yield Row(
            "nvidia-headless-%s%s" % (b, o),
            full,
            ("nvidia-headless-no-dkms-" + b + o, "nvidia-dkms-" + b + o),
        )
        yield Row(
            "nvidia-headless-no-dkms-%s%s" % (b, o),
            full,
            ("nvidia-kernel-source-" + b + o, "libnvidia-cfg1-" + b, "nvidia-compute-utils-" + b),
        )
        yield Row(
            "nvidia-dkms-%s%s" % (b, o), full, ("nvidia-kernel-source-" + b + o, common[0]), "dkms-kernel"
        )
        yield Row("nvidia-kernel-source-%s%s" % (b, o), full, common, "kernel-source")
        yield Row(
            "nvidia-driver-%s%s" % (b, o),
            full,
            ("nvidia-dkms-" + b + o, "nvidia-utils-" + b, "libnvidia-cfg1-" + b, "nvidia-settings", *common)
            + ("libnvidia-gl-" + b, "xserver-xorg-video-nvidia-" + b),
        )
    yield Row(common[0], full, ("nvidia-modprobe",), "kernel-common")
    yield Row(common[1], full, (), "libnvidia-compute")
    yield Row("libnvidia-cfg1-" + b, full, (), "libnvidia-cfg1")
    yield Row("libnvidia-gl-" + b, full, (), "libnvidia-gl")
    yield Row("xserver-xorg-video-nvidia-" + b, full, (), "xserver-xorg-video-nvidia")
    yield Row("nvidia-utils-" + b, full, (), "nvidia-utils")
    yield Row("nvidia-compute-utils-" + b, full, (), "nvidia-compute-utils")
    yield Row("nvidia-modprobe", full)
    yield Row("nvidia-settings", full)
    suffix = "-570" if b == "570" else ""
    yield Row("nvidia-fabricmanager" + suffix, version + "-1", (), "fabricmanager")
    yield Row("libnvidia-nscq" + suffix, version + "-1", (), "nscq")


def _debian(version: str) -> Iterator[Row]:
    full = version + "-1"
    for o in ("", "open-"):
        key = "nvidia-%skernel-dkms" % o
        yield Row(key, full, ("nvidia-%skernel-support" % o,), uri=MIRROR)
        yield Row("nvidia-%skernel-support" % o, full, ("nvidia-modprobe",), uri=MIRROR)
    yield Row("nvidia-smi", full, ("libnvidia-ml1",), uri=MIRROR)
    yield Row("libcuda1", full, ("libnvidia-ml1",), uri=MIRROR)
    yield Row("libnvidia-ml1", full, uri=MIRROR)
    yield Row(
        "nvidia-driver",
        full,
        ("nvidia-kernel-dkms|nvidia-open-kernel-dkms", "libcuda1", "nvidia-smi"),
        uri=MIRROR,
    )
    yield Row("nvidia-persistenced", "535.171.04-1~deb12u1", uri=MIRROR)
    yield Row("nvidia-modprobe", "535.161.07-1~deb12u1", uri=MIRROR)


UBUNTU_VERSIONS = ("580.105.08", "580.95.05", "580.65.06", "570.172.08", "570.133.20")
DEBIAN_VERSIONS = ("535.261.03", "535.247.01")


def _of_file(target: str) -> str:
    """``name=version`` of an apt target, which may be a package's file."""
    if not target.startswith("/"):
        return target
    name, version, _arch = target.rpartition("/")[2].split("_")
    return "%s=%s" % (name, version.replace("%3a", ":"))


class Archive:
    """The rows, newest first for each name, and the rest of what a planner may ask for."""

    def __init__(self, rows: Tuple[Row, ...], installed: Tuple[Package, ...] = ()):
        self.rows: Dict[str, List[Row]] = {}
        for row in rows:
            self.rows.setdefault(row.name, []).append(row)
        #: What is installed on the node that asks.
        self.installed = installed
        #: Other software on the node, and the package that each needs.
        self.dependents: Dict[str, str] = {}
        #: Driver versions that no source offers any more; their packages can still be had as files.
        self.withdrawn: Tuple[str, ...] = ()
        #: Answers that replace the computed ones, by type of question.
        self.fixed: Dict[type, Any] = {
            AskKey: Key(KEY),
            AskClients: Clients(()),
            AskSpace: Space({path: ("/", 50 * GIB) for path in PLACES}),
            AskHolders: Holders(),
            AskVolatile: Volatile("{}"),
            AskFormer: Former((), GIB // 2),
        }

    def answer(self, question: Any) -> Any:
        fixed = self.fixed.get(type(question))
        if fixed is not None:
            return fixed
        if isinstance(question, AskIndex):
            return self._index(question)
        if isinstance(question, AskPurge):
            return self.purge(question)
        assert isinstance(question, AskTransaction)
        return self.transaction(question)

    def _index(self, question: AskIndex) -> Index:
        names = [name for name in self.rows if re.search(question.pattern, name)]
        return Index(
            {
                name: tuple(
                    Offer(row.version, row.uri)
                    for row in self.rows[name]
                    if upstream(row.version) not in self.withdrawn
                )
                for name in names
            }
        )

    def purge(self, question: AskPurge) -> Transaction:
        """What apt removes: these, and whatever of ``dependents`` needs one of them."""
        names = [*question.names]
        names += [name for name, needs in self.dependents.items() if needs in names]
        return Transaction((), tuple(Change(name, "1", "") for name in names), 0, 0)

    def transaction(self, question: AskTransaction) -> Any:
        """What apt does: dependencies at the same upstream version, rivals and their dependents removed."""
        there = {package.name: package for package in self.installed if package.installed}
        gone = {name[:-1] for name in question.install if name.endswith("-") and name[:-1] in there}
        wanted: Dict[str, Row] = {}
        queue: List[Tuple[str, Optional[str]]] = []
        for target in question.install:
            name, _equals, exact = _of_file(target).partition("=")
            if not name.endswith("-"):
                queue.append((name, exact or None))
        while queue:
            name, version = queue.pop(0)
            row = self._row(name, version)
            if row is None:
                return Trouble("Unable to locate package %s" % name)
            if name in wanted:
                continue
            wanted[name] = row
            asked = {_of_file(target).partition("=")[0] for target in question.install}
            for choice in row.depends:
                # "a|b": the one that is asked for, else the first.
                names = choice.split("|")
                depended = next((each for each in names if each in asked), names[0])
                queue.append((depended, self._matching(depended, row)))
        roles = {row.role: row.name for row in wanted.values() if row.role}
        for name, package in there.items():
            row = self._row(name, package.version)
            if row and roles.get(row.role, name) != name:
                gone.add(name)
        self._dependents(there, wanted, gone)
        return self._changes(question, there, wanted, gone)

    def _row(self, name: str, version: Optional[str]) -> Optional[Row]:
        rows = self.rows.get(name, [])
        return next((row for row in rows if version in (None, row.version)), None)

    def _again(self, question: AskTransaction, name: str, version: str) -> bool:
        """Is it unpacked again? Not what can be had neither from a source nor as a file: nothing is said."""
        if not question.reinstall or upstream(version) in self.withdrawn:
            return question.reinstall and any("/%s_" % name in target for target in question.install)
        return any(_of_file(target).partition("=")[0] == name for target in question.install)

    def _matching(self, name: str, by: Row) -> Optional[str]:
        for row in self.rows.get(name, []):
            if upstream(row.version) == upstream(by.version):
                return row.version
        return None

    def _dependents(self, there: Mapping[str, Package], wanted: Mapping[str, Row], gone: "set[str]") -> None:
        """Who needs what goes, goes too."""
        before = -1
        while before != len(gone):
            before = len(gone)
            for name, package in there.items():
                row = self._row(name, package.version)
                if row and name not in wanted and any(set(each.split("|")) <= gone for each in row.depends):
                    gone.add(name)

    def _changes(
        self,
        question: AskTransaction,
        there: Mapping[str, Package],
        wanted: Mapping[str, Row],
        gone: "set[str]",
    ) -> Any:
        installs = []
        for name, row in wanted.items():
            old = there[name].version if name in there else ""
            if old == row.version and not self._again(question, name, old):
                continue
            if old and there[name].held and name not in question.unhold:
                return Trouble("Held packages were changed: %s" % name)
            if old and _numbers(row.version) < _numbers(old) and not question.downgrade:
                return Trouble(
                    "Packages were downgraded and -y was used without --allow-downgrades: %s" % name
                )
            installs.append(Change(name, old, row.version))
        for name in gone:
            if there[name].held and name not in question.unhold:
                return Trouble("Held packages were changed: %s" % name)
        removals = tuple(Change(name, there[name].version, "") for name in sorted(gone))
        return Transaction(tuple(installs), removals, 300 * 1024**2 * bool(installs), GIB * bool(installs))


def _numbers(version: str) -> List[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def _headers(kernels: Tuple[str, ...]) -> Iterator[Row]:
    for kernel in kernels:
        yield Row("linux-headers-" + kernel, "6.8.0-1", uri=MIRROR)


#: What an NVLink5 fabric needs: one from NVIDIA's repository, one from the distribution's archive.
COMPANIONS = (Row("nvlsm", "2025.06.11-1"), Row("infiniband-diags", "50.0-2build2", uri=MIRROR))


def ubuntu_archive(*kernels: str) -> Archive:
    """NVIDIA's repository and the headers of these kernels."""
    rows = [row for version in UBUNTU_VERSIONS for row in _ubuntu(version)]
    return Archive((*rows, *COMPANIONS, *_headers(kernels)))


def debian_archive(*kernels: str) -> Archive:
    """Debian 12 with its non-free components, and the headers of these kernels."""
    rows = [row for version in DEBIAN_VERSIONS for row in _debian(version)]
    return Archive((*rows, *_headers(kernels)))
