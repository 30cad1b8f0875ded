# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Reads the toolkits off a node: dpkg, the trees below /usr/local, the alternative. No network, no effect."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from typing import Iterator, Mapping, Optional, Sequence, Tuple

from .._alternatives import parse as parse_alternative
from .._catalog.cuda import release_of_label
from .._command import Commands
from .._host import Files, Host
from .._lost import lost_files, unmet_needs
from .._packages import Package, dpkg_interrupted, observe_packages, unsettled
from .._sources import observe_sources
from . import observe_around, observe_runfile
from .records import DONE, INSTALL, Record, read_all
from .state import (
    ALTERNATIVE,
    BASE,
    DEFAULT_PATH,
    HAND,
    LINK,
    OTHER,
    OWN_FILES,
    RUNFILE,
    CudaState,
    Default,
    Toolkit,
    by_version,
    from_packages,
    is_cuda_package,
)


def observe(commands: Commands, files: Files, host: Host) -> CudaState:
    """Read the node: one dpkg-query, no network."""
    admindir = files.path("/var/lib/dpkg")
    everything = observe_packages(commands, admindir, host.machine)
    packages = tuple(package for package in everything if is_cuda_package(package.name))
    sources = observe_sources(files)
    records = read_all(files)
    there = [package.name for package in packages if package.installed]
    return CudaState(
        host=host,
        packages=packages,
        toolkits=observe_toolkits(files, packages, records),
        default=observe_default(files, records),
        unsettled=unsettled(everything) or (("dpkg",) if dpkg_interrupted(admindir) else ()),
        sources=sources,
        own_files={path: files.text(path) for path in OWN_FILES},
        source_files={
            source.path: files.text(source.path) or "" for source in sources if source.suite == "/"
        },
        profilers=observe_around.profilers(files, everything),
        glibc=observe_around.glibc(),
        lost=lost_files(files, there, host.machine),
        unmet=unmet_needs(files, there, is_cuda_package),
        brought_drivers=observe_around.brought_drivers(files, everything),
        **observe_around.around(files, host),
        **observe_runfile.around(files, host, records),
    )


def observe_toolkits(
    files: Files, packages: Sequence[Package], records: Mapping[str, Record]
) -> Tuple[Toolkit, ...]:
    """Every toolkit of the node, oldest first. A tree that an installer was cut off in is none."""
    versions = {package.name: package.version for package in packages if package.installed}
    found = [
        replace(toolkit, compiles=files.exists(toolkit.path, "bin/nvcc"))
        for toolkit in from_packages(versions)
    ]
    taken = [toolkit.path for toolkit in found]
    taken += [path for path, record in records.items() if record.doing != DONE]
    for name in files.names(BASE):
        path = "%s/%s" % (BASE, name)
        if path not in taken and name.startswith("cuda"):
            found += _unpacked(files, path, records.get(path))
    return by_version(found)


def _unpacked(files: Files, path: str, record: Optional[Record]) -> Iterator[Toolkit]:
    """A tree that no package brought. Links, such as /usr/local/cuda-12, are other names of one."""
    if files.link(path) is not None or not os.path.isdir(files.path(path)):
        return
    label = label_in(files, path)
    version = (release_of_label(label) if label else None) or _named(path)
    runtime = any(name.startswith("libcudart.so") for name in files.names(path, "lib64"))
    if version is None or not (runtime or files.exists(path, "bin/nvcc")):
        return
    origin = RUNFILE if observe_runfile.uninstaller(files, path) else HAND
    version = observe_runfile.release_of(files, record, version)
    yield Toolkit(path, version, origin, files.exists(path, "bin/nvcc"))


def label_in(files: Files, path: str) -> Optional[str]:
    """The words of version.json, or before CUDA 11.1 of version.txt ("CUDA Version 10.2.89")."""
    try:
        label = json.loads(files.text(path, "version.json") or "{}")["cuda"]["version"]
    except (ValueError, KeyError, TypeError):
        match = re.match(r"CUDA Version (\S+)", files.text(path, "version.txt") or "")
        label = match.group(1) if match else None
    return label if isinstance(label, str) else None


def _named(path: str) -> Optional[str]:
    match = re.search(r"cuda-(\d+\.\d+(?:\.\d+)?)$", path)
    return match.group(1) if match else None


def observe_default(files: Files, records: Optional[Mapping[str, Record]] = None) -> Default:
    """/usr/local/cuda and the alternative behind it; with records, as it was before an installer took it."""
    link = files.link(DEFAULT_PATH)
    if link is not None and link != "/etc/alternatives/cuda":
        record = (records or {}).get(observe_around.end_of_links(files, DEFAULT_PATH) or "")
        if record is not None and record.doing == INSTALL and record.link != link:
            return replace(_led(files, record.link), taken=record.path)
    return _led(files, link)


def _led(files: Files, link: Optional[str]) -> Default:
    """What /usr/local/cuda is where it is this link."""
    automatic, choices = parse_alternative(files.text("/var/lib/dpkg/alternatives/cuda") or "")
    if link is None:
        kind = OTHER if files.exists(DEFAULT_PATH) and not files.link(DEFAULT_PATH) else None
        return Default(kind, DEFAULT_PATH if kind else None, choices, automatic)
    if link == "/etc/alternatives/cuda":
        return Default(ALTERNATIVE, observe_around.end_of_links(files, link), choices, automatic)
    path = os.path.normpath(os.path.join(BASE, link))
    return Default(LINK, observe_around.end_of_links(files, path), choices, automatic)
