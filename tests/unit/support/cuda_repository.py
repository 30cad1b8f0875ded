# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA's toolkit packages as data, and what apt, servers and files answer about them.

The packages are those of the real toolkits cut down to what decides a plan: a meta-package for each purpose,
parts with versions of their own, dependencies on "this version or later" as NVIDIA writes them.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Tuple

from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.state import CACHE
from ansible_collections.labfleet.gpu.plugins.module_utils._questions import (
    AskDigest,
    AskFile,
    AskIndex,
    AskKey,
    AskPurge,
    AskRecords,
    AskSpace,
    AskTransaction,
    Change,
    Digest,
    FileThere,
    Index,
    Key,
    Offer,
    Record,
    Records,
    Space,
    Transaction,
    Trouble,
)

NVIDIA = "https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2204/x86_64/"
UBUNTU = "http://mirror.example.org/ubuntu/"
GIB = 1024**3

#: Minor, patch, version of cudart, version of nvcc: oldest first. 12.4.0 and 12.4.1 as published.
RELEASES = (
    ("11.8", 0, "11.8.89", "11.8.89"),
    ("12.4", 0, "12.4.99", "12.4.99"),
    ("12.4", 1, "12.4.127", "12.4.131"),
    ("12.8", 1, "12.8.90", "12.8.93"),
    ("13.0", 2, "13.0.96", "13.0.88"),
)


def _rows() -> Dict[str, List[Tuple[str, str]]]:
    """Name to (version, Depends), newest first."""
    rows: Dict[str, List[Tuple[str, str]]] = {}

    def add(name: str, version: str, depends: str = "") -> None:
        rows.setdefault(name, []).insert(0, (version + "-1", depends))

    for minor, patch, cudart, nvcc in RELEASES:
        release, m, major = "%s.%d" % (minor, patch), minor.replace(".", "-"), minor.split(".", maxsplit=1)[0]
        common = "cuda-toolkit-%s-config-common, cuda-toolkit-%s-config-common, cuda-toolkit-config-common"
        common = common % (m, major)
        add(
            "cuda-toolkit-" + m,
            release,
            "cuda-compiler-%s (>= %s), cuda-libraries-%s (>= %s), "
            "cuda-libraries-dev-%s (>= %s)" % (m, release, m, release, m, release),
        )
        add("cuda-libraries-" + m, release, "cuda-cudart-%s (>= %s)" % (m, cudart))
        add("cuda-libraries-dev-" + m, release, "cuda-cudart-dev-%s (>= %s)" % (m, cudart))
        add("cuda-compiler-" + m, release, "cuda-nvcc-%s (>= %s)" % (m, nvcc))
        add("cuda-nvcc-" + m, nvcc, common)
        add("cuda-cudart-" + m, cudart, common)
        add("cuda-cudart-dev-" + m, cudart, "cuda-cudart-%s (>= %s)" % (m, cudart))
        add("cuda-compat-" + m, "550.54.%02d" % (14 + patch))
        for name in ("cuda-toolkit-%s-config-common" % m,):
            add(name, cudart)
        add("cuda-" + m, release, "cuda-toolkit-%s (>= %s), cuda-drivers (>= 450)" % (m, release))
        for name in ("cuda-toolkit-%s-config-common" % major, "cuda-toolkit-config-common"):
            add(name, cudart)
        add("cuda-toolkit-" + major, release, "cuda-toolkit-%s (>= %s)" % (m, release))
    return rows


ROWS = _rows()


def numbers(version: str) -> List[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


class Repository:
    """What NVIDIA's repository answers; ``distribution`` is the archive's own nvidia-cuda-toolkit."""

    def __init__(self, without: Tuple[str, ...] = (), distribution: str = "11.5.119~11.5.1-1ubuntu1"):
        self.rows = {name: rows for name, rows in ROWS.items() if not any(m in name for m in without)}
        self.rows["libxml2"] = [("2.9.13-1", "")]
        self.rows["nvidia-cuda-toolkit"] = [(distribution, "libcuda1 | libcuda.so.1")]
        self.installed: Dict[str, str] = {}
        #: Other software of the node and the package that it needs.
        self.dependents: Dict[str, str] = {}
        #: What apt would do besides, as an install.
        self.besides: Tuple[Change, ...] = ()
        #: Installed packages, "name=version", that no source has any more.
        self.withdrawn: Tuple[str, ...] = ()
        self.fixed: Dict[type, Any] = {
            AskKey: Key("-----BEGIN PGP PUBLIC KEY BLOCK-----\n"),
            AskSpace: Space(
                {path: ("/", 50 * GIB) for path in ("/var/cache/apt/archives", CACHE, "/usr/local")}
            ),
            AskFile: FileThere(4 * GIB),
            AskIndex: Index({"libxml2": (Offer("2.9.13-1", UBUNTU),)}),
        }
        #: The digest that each file of the node has.
        self.digests: Dict[str, str] = {}

    def answer(self, question: Any) -> Any:
        if type(question) in self.fixed:
            return self.fixed[type(question)]
        if isinstance(question, AskRecords):
            return self._records(question)
        if isinstance(question, AskDigest):
            return Digest(self.digests[question.path], 4 * GIB)
        if isinstance(question, AskPurge):
            return Transaction((), self._without(question.names), 0, 0)
        assert isinstance(question, AskTransaction)
        return self.transaction(question)

    def _records(self, question: AskRecords) -> Records:
        return Records(
            tuple(
                Record(name, version, UBUNTU if name.startswith("nvidia") else NVIDIA, {"depends": depends})
                for name, rows in sorted(self.rows.items())
                if re.search(question.pattern, name)
                for version, depends in rows
            )
        )

    def _without(self, names: Tuple[str, ...]) -> Tuple[Change, ...]:
        """What goes with these: whoever depends on one of them."""
        gone = [name for name in names if name in self.installed or name.startswith("nsight-")]
        for _round in range(9):
            for name, version in self.installed.items():
                needs = re.findall(r"([a-z][a-z0-9.-]+)", dict(self.rows.get(name, ())).get(version, ""))
                if name not in gone and set(needs) & set(gone):
                    gone.append(name)
        gone += [name for name, needs in self.dependents.items() if needs in gone]
        return tuple(Change(name, self.installed.get(name, "1"), "") for name in gone)

    def transaction(self, question: AskTransaction) -> Any:
        """As apt does: what is named at its version, what is needed besides at the newest."""
        wanted: Dict[str, str] = dict(target.split("=") for target in question.install)
        waiting = list(wanted)
        while waiting:
            name = waiting.pop(0)
            depends = dict(self.rows.get(name, ())).get(wanted[name])
            if depends is None:
                return Trouble("Version '%s' for '%s' was not found" % (wanted[name], name))
            for entry in depends.split(",") if "|" not in depends else ():
                needed, _space, bound = entry.strip().partition(" ")
                if not needed or needed in wanted or needed not in self.rows:
                    continue
                there = self.installed.get(needed)
                least = re.search(r"[\d.]+", bound)
                if there and (not least or numbers(there) >= numbers(least.group())):
                    continue
                wanted[needed] = self.rows[needed][0][0]
                waiting.append(needed)
        installs = []
        for name, version in wanted.items():
            old = self.installed.get(name, "")
            if old and numbers(version) < numbers(old) and not question.downgrade:
                return Trouble("Packages were downgraded and -y was used without --allow-downgrades: " + name)
            again = question.reinstall and "%s=%s" % (name, version) in question.install
            if old != version or (again and "%s=%s" % (name, version) not in self.withdrawn):
                installs.append(Change(name, old, version))
        changes = (*installs, *self.besides)
        return Transaction(changes, (), GIB * bool(changes), 6 * GIB * bool(changes))
