# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Reads cuDNN off a node: dpkg, the toolkits, our lists of files. No network, no effect."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from .._alternatives import observe_alternative
from .._catalog.cudnn import DISTRIBUTION_PACKAGE
from .._catalog.versions import major, newest
from .._command import Commands
from .._driver_seen import driver_version
from .._host import Files, Host
from .._lost import lost_files, unmet_needs
from .._packages import Package, dpkg_interrupted, observe_packages, unsettled
from .._sources import observe_sources
from .._toolkit_trees import ToolkitTree, default_tree, leads_to, observe_trees
from .file_list import looked_at
from .manifest import OURS, Manifest, parsed
from .state import (
    CACHE,
    DISTRIBUTION,
    HAND,
    HEADERS,
    LIBRARIES,
    MANIFESTS,
    OWN_FILES,
    STAGING,
    UNTRIED,
    Copy,
    CudnnState,
    is_cudnn_package,
    of_manifest,
    packaged,
    triplet,
)


def observe(commands: Commands, files: Files, host: Host) -> CudnnState:
    """Read the node: one dpkg-query, no network."""
    admindir = files.path("/var/lib/dpkg")
    everything = observe_packages(commands, admindir, host.machine)
    packages = tuple(package for package in everything if is_cudnn_package(package.name))
    sources = observe_sources(files)
    trees = observe_trees(files)
    manifests = observe_manifests(files)
    there = [package.name for package in packages if package.installed]
    return CudnnState(
        host=host,
        packages=packages,
        copies=observe_copies(files, host, packages, trees, manifests),
        manifests=manifests,
        strangers=observe_strangers(files, trees, manifests),
        toolkits=trees,
        default_path=default_tree(files),
        headers=observe_alternative(files, "libcudnn"),
        unsettled=unsettled(everything) or (("dpkg",) if dpkg_interrupted(admindir) else ()),
        sources=sources,
        own_files={path: files.text(path) for path in OWN_FILES},
        source_files={
            source.path: files.text(source.path) or "" for source in sources if source.suite == "/"
        },
        driver=driver_version(files, host),
        cached=tuple(files.names(CACHE)),
        untried=(files.text(UNTRIED) or "").strip() or None,
        lost=lost_files(files, there, host.machine),
        unmet=unmet_needs(files, there, is_cudnn_package),
        staged=tuple("%s/%s" % (tree.path, STAGING) for tree in trees if files.exists(tree.path, STAGING)),
    )


def observe_manifests(files: Files) -> Tuple[Manifest, ...]:
    """Our lists, each entry with what has become of its file."""
    found = []
    for name in files.names(MANIFESTS):
        manifest = parsed(files.text(MANIFESTS, name) or "")
        if manifest:
            entries = tuple(looked_at(files, manifest.toolkit, entry) for entry in manifest.entries)
            found.append(replace(manifest, entries=entries))
    return tuple(found)


def observe_copies(
    files: Files,
    host: Host,
    packages: Sequence[Package],
    trees: Sequence[ToolkitTree],
    manifests: Sequence[Manifest],
) -> Tuple[Copy, ...]:
    """Every cuDNN of the node, by its library."""
    versions = {package.name: package.version for package in packages if package.installed}
    found = {copy.library: _with_header(files, host, copy) for copy in packaged(host, versions)}
    system = LIBRARIES % triplet(host.machine)
    origin = DISTRIBUTION if DISTRIBUTION_PACKAGE in versions else HAND
    for copy in _unpacked(files, system, "/usr/include", "/usr", origin):
        found.setdefault(copy.library, copy)
    for copy in _unpacked(files, "/usr/local/lib", "/usr/local/include", "/usr/local", HAND):
        found[copy.library] = copy
    ours = {manifest.toolkit: manifest for manifest in manifests}
    for place in dict.fromkeys([*(tree.path for tree in trees), *ours]):
        for copy in _unpacked(files, place + "/lib64", place + "/include", place, HAND):
            found[copy.library] = _told(copy, ours.get(place))
    return tuple(found[library] for library in sorted(found))


def _told(copy: Copy, manifest: Optional[Manifest]) -> Copy:
    """What our list says of this copy, if it is still the one in the list."""
    if manifest is None:
        return copy
    mine = of_manifest(manifest)
    kept = [entry.now == OURS for entry in manifest.entries if entry.path.startswith("lib64/libcudnn.so.")]
    if mine.library != copy.library or not all(kept):
        return copy
    return replace(mine, header=copy.header)


def _with_header(files: Files, host: Host, copy: Copy) -> Copy:
    header = "%s/cudnn_version_v%s.h" % (HEADERS % triplet(host.machine), copy.major)
    return replace(copy, header=header_version(files.text(header)))


def _unpacked(files: Files, libraries: str, include: str, place: str, origin: str) -> Iterator[Copy]:
    """The cuDNNs in a directory of libraries, one for each major."""
    names = files.names(libraries)
    header = header_version(files.text(include, "cudnn_version.h")) if names else None
    for name in names:
        match = re.match(r"libcudnn\.so\.(\d+)\Z", name)
        if not match:
            continue
        library = "%s/%s" % (libraries, name)
        version = _of_file(os.path.basename(leads_to(files, library) or ""))
        same = [_of_file(each) for each in names]
        version = version or newest(each for each in same if each and major(each) == match.group(1))
        mine = header if header and major(header) == match.group(1) else None
        if version or mine or files.exists(library):
            yield Copy(library, version or mine or match.group(1), origin, place, None, mine)


def _of_file(name: str) -> Optional[str]:
    match = re.match(r"libcudnn\.so\.(\d+\.\d+\.\d+)\Z", name)
    return match.group(1) if match else None


def header_version(text: Optional[str]) -> Optional[str]:
    """The version in the text of cudnn_version.h, None for no such text."""
    found = dict(re.findall(r"(?m)^\s*#\s*define\s+CUDNN_(MAJOR|MINOR|PATCHLEVEL)\s+(\d+)", text or ""))
    return "%(MAJOR)s.%(MINOR)s.%(PATCHLEVEL)s" % found if len(found) == 3 else None


def observe_strangers(
    files: Files, trees: Sequence[ToolkitTree], manifests: Sequence[Manifest]
) -> Dict[str, Tuple[str, ...]]:
    """Files that belong to a cuDNN, and that we did not put there, by toolkit."""
    ours = {manifest.toolkit: {entry.path for entry in manifest.entries} for manifest in manifests}
    found = {}
    for tree in trees:
        names: List[str] = []
        for directory, form in (("include", r"cudnn(_\w+)?\.h\Z"), ("lib64", r"libcudnn\w*\.(so|a)\b")):
            names += [
                "%s/%s" % (directory, name)
                for name in files.names(tree.path, directory)
                if re.match(form, name)
            ]
        left = tuple(name for name in names if name not in ours.get(tree.path, ()))
        if left:
            found[tree.path] = left
    return found
