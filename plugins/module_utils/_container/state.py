# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The container toolkit as it is: packages, engines with their files, CDI specifications. Plain data."""

from __future__ import annotations

import re
from dataclasses import field
from typing import Any, Dict, List, Mapping, Optional, Tuple

from .._catalog.container import PACKAGES
from .._dataclass import dataclass
from .._host import Host
from .._lost_told import LostFiles, lost_lines
from .._packages import Package
from .._sources import Source
from . import containerd, docker
from .spec import GpuDevice, Spec, effective, stale
from .wish import CONTAINERD, DOCKER, PODMAN

KEY_PATH = "/etc/apt/keyrings/labfleet-gpu-container-toolkit.asc"
SOURCE_PATH = "/etc/apt/sources.list.d/labfleet-gpu-container-toolkit.sources"
PIN_PATH = "/etc/apt/preferences.d/labfleet-gpu-container-toolkit"
#: At boot the specification is written after MIG devices were restored: the toolkit does not know of that.
ORDER_PATH = "/etc/systemd/system/nvidia-cdi-refresh.service.d/labfleet-gpu.conf"
#: Links that keep GPUs in containers when systemd reloads, made anew with the driver at each boot.
LINKS_PATH = "/etc/udev/rules.d/71-labfleet-gpu-dev-char.rules"
OWN_FILES = (KEY_PATH, SOURCE_PATH, PIN_PATH, ORDER_PATH, LINKS_PATH)

#: What we put into files of others, for the way back (JSON), and which engines have not read theirs yet.
RECORD, OWED = "/var/lib/labfleet-gpu/container.json", "/run/labfleet-gpu/container-owed"
#: The last container that showed the GPUs: what it was and under what (JSON). Of this boot.
CHECKED = "/run/labfleet-gpu/container-checked"
REFRESH = "nvidia-cdi-refresh.service"


@dataclass(frozen=True)
class Conf:
    """A file with what a new version of it keeps. ``text`` is None where there is none.

    ``data``: what it says, None where that cannot be read; ``trouble`` tells why, in a phrase.
    """

    path: str
    text: Optional[str] = None
    data: Optional[Mapping[str, Any]] = None
    trouble: str = ""
    mode: int = 0o644
    owner: Tuple[int, int] = (0, 0)

    def kept(self) -> Dict[str, Any]:
        """What is kept of it for the way back."""
        return {"text": self.text, "mode": self.mode, "owner": list(self.owner)}


def conf_kept(path: str, kept: Mapping[str, Any]) -> Conf:
    """The file as ``kept`` has it."""
    return Conf(path, kept["text"], mode=kept["mode"], owner=tuple(kept["owner"]))


@dataclass(frozen=True)
class Engine:
    """An engine that is installed. ``version`` is "" where it is not known; ``active``: its service runs.

    ``unfit``: why it is not to be configured, in a phrase. ``command``: the words that its service has.
    ``tied``: its service stops with that of containerd.
    """

    version: str = ""
    active: bool = False
    unfit: str = ""
    command: str = ""
    tied: bool = False


@dataclass(frozen=True)
class ContainerState:
    host: Host
    packages: Tuple[Package, ...]
    unsettled: Tuple[str, ...]
    sources: Tuple[Source, ...]
    #: Text of our own files by path, None where there is none.
    own_files: Mapping[str, Optional[str]]
    engines: Mapping[str, Engine]
    docker: Conf
    containerd: Conf
    #: Files beside containerd's configuration that it may import, with ours.
    imported: Mapping[str, str]
    #: Ours, or what somebody else has in its place; and the same of the specification in /etc.
    drop_in: Conf
    specification: Conf
    #: Does Kubernetes' kubelet use containerd here?
    kubelet: bool
    #: Who else holds a toolkit on this node, "" for nobody.
    operator: str
    specs: Tuple[Spec, ...]
    #: Is there the service of the toolkit that writes the specification?
    refreshes: bool
    #: What a container can get; None where NVML cannot be asked.
    devices: Optional[Tuple[GpuDevice, ...]]
    #: Device files without a link in /dev/char.
    unlinked: Tuple[str, ...]
    record: Mapping[str, Any] = field(default_factory=dict)
    owed: Tuple[str, ...] = ()
    checked: Mapping[str, Any] = field(default_factory=dict)
    #: Does the configuration of the runtime tell it to leave devices to nobody?
    no_cgroups: bool = False
    #: What dpkg says is there of the set, and was removed by hand.
    lost: LostFiles = field(default_factory=dict)
    driver: Optional[str] = None
    trouble: str = ""
    binding: str = ""
    offered: Optional[str] = None
    tools: str = ""

    def versions(self) -> Dict[str, str]:
        """Version of each installed package of the set by its name."""
        return {each.name: each.version for each in self.packages if each.installed}

    def held(self) -> Tuple[str, ...]:
        return tuple(sorted(each.name for each in self.packages if each.installed and each.held))

    @property
    def whole(self) -> bool:
        """Are all packages of the set there?"""
        return set(self.versions()) == set(PACKAGES)

    def stale(self) -> str:
        """Why the specification is not that of the GPUs, "" if it is or nobody can tell."""
        if self.devices is None:
            return ""
        return stale(self.specs, self.devices, self.driver)


def upstream(version: str) -> str:
    """The release in a package version: "1.17.8-1" gives "1.17.8"."""
    return version.rpartition("-")[0] or version


def numbers(version: str) -> Tuple[int, ...]:
    """A package version to sort by."""
    return tuple(int(number) for number in re.findall(r"\d+", version))


def package_lines(versions: Mapping[str, str]) -> List[str]:
    return sorted("%s=%s" % pair for pair in versions.items())


def runtime_default(state: ContainerState, name: str) -> Tuple[Optional[str], Optional[str]]:
    """The program of the runtime "nvidia" as the engine's files have it, and the name of the default one."""
    if name == DOCKER:
        config = state.docker.data or {}
        runtime = docker.runtime_of(config)
        return (runtime or {}).get("path"), config.get("default-runtime")
    found = containerd_has(state, state.containerd.data or {}, state.imported)
    return containerd.runtime_in(found), containerd.default_in(found)


def containerd_has(
    state: ContainerState, config: Mapping[str, Any], files: Mapping[str, str]
) -> Mapping[str, Any]:
    """What the containerd that is there makes of these files."""
    return containerd.in_effect(config, files, containerd.merges(state.engines[CONTAINERD].version))


def engine_row(engine: Engine, runtime: Optional[str], default: Optional[str]) -> Dict[str, Any]:
    return {
        "version": engine.version or None,
        "active": engine.active,
        "runtime": runtime,
        "default_runtime": default,
    }


def engine_rows(state: ContainerState) -> Dict[str, Any]:
    rows: Dict[str, Any] = {}
    for name, engine in state.engines.items():
        if name in (DOCKER, CONTAINERD):
            rows[name] = engine_row(engine, *runtime_default(state, name))
        if name == PODMAN:
            rows[name] = {"version": engine.version or None}
    return rows


def cdi_row(state: ContainerState) -> Dict[str, Any]:
    named = effective(state.specs)
    files = {spec.path: spec for spec, _nodes in named.values()}
    drivers = {spec.driver for spec in files.values() if spec.driver}
    covered = None
    if state.devices is not None:
        covered = [each.uuid for each in state.devices if set(each.names) & set(named)]
    return {
        "files": sorted(files),
        "driver_version": drivers.pop() if len(drivers) == 1 else None,
        "devices": covered,
        "stale": state.stale() or None,
    }


def summary(
    state: ContainerState, check: Optional[Mapping[str, Any]] = None, asks: bool = True
) -> Dict[str, Any]:
    """The state in the words of the result and the diff.

    ``check``: what is told of the container; ``asks``: is NVML needed for what is wished?
    """
    versions = state.versions()
    releases = {upstream(version) for version in versions.values()}
    return {
        "version": releases.pop() if state.whole and len(releases) == 1 else None,
        "packages": package_lines(versions),
        "held": list(state.held()),
        "lost": lost_lines(state.lost, {}),
        "engines": engine_rows(state),
        "cdi": cdi_row(state),
        "unlinked": list(state.unlinked),
        "check": None if check is None else dict(check),
        "driver_version": state.driver,
        "pynvml": not state.binding if asks else None,
    }
