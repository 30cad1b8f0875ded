# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""cuDNN as it is: packages, what archives and people put into toolkits, which headers count. Plain data."""

from __future__ import annotations

import re
from dataclasses import field
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from .._alternatives import Alternative
from .._catalog import cudnn as catalog
from .._catalog.versions import major
from .._dataclass import dataclass
from .._host import Host
from .._lost_told import LostFiles, Unmet, lost_lines
from .._own_sources import SOURCE_FILES
from .._packages import Package
from .._sources import Source
from .._toolkit_trees import ToolkitTree
from .manifest import Manifest

OWN_FILES = SOURCE_FILES
#: Where our lists of the files that an archive brought are, and the archives while they are being fetched.
MANIFESTS = "/var/lib/labfleet-gpu/cudnn"
#: The major of packages that came and were not tried out yet.
UNTRIED = MANIFESTS + "/untried"
CACHE = "/var/cache/labfleet-gpu/cudnn"

#: An archive is unpacked into this directory of the toolkit first.
STAGING = ".labfleet-gpu-cudnn"

#: Who brought a cuDNN: NVIDIA's packages, we from an archive, the distribution's package, or somebody.
PACKAGE, ARCHIVE, DISTRIBUTION, HAND = "package", "archive", "distribution", "hand"
#: Where libraries and headers of the packages are, below these.
LIBRARIES, HEADERS = "/usr/lib/%s", "/usr/include/%s"


@dataclass(frozen=True)
class Copy:
    """One cuDNN, known by the library that programs load ("/usr/lib/x86_64-linux-gnu/libcudnn.so.9").

    ``version`` has four numbers where a package or an archive tells them, three where only the file's name
    does. ``place`` is /usr, /usr/local, or a toolkit. ``header`` is the version that cudnn_version.h says.
    """

    library: str
    version: str
    origin: str
    place: str
    cuda: Optional[str] = None
    header: Optional[str] = None

    @property
    def major(self) -> str:
        return major(self.version)


@dataclass(frozen=True)
class CudnnState:
    host: Host
    #: cuDNN's packages of NVIDIA and of the distribution.
    packages: Tuple[Package, ...]
    copies: Tuple[Copy, ...]
    manifests: Tuple[Manifest, ...]
    #: Files of cuDNN in a toolkit that are not in our list for it, by toolkit.
    strangers: Mapping[str, Tuple[str, ...]]
    toolkits: Tuple[ToolkitTree, ...]
    default_path: Optional[str]
    #: The alternative behind cudnn.h and libcudnn.so of the packages.
    headers: Alternative
    unsettled: Tuple[str, ...]
    sources: Tuple[Source, ...]
    own_files: Mapping[str, Optional[str]]
    source_files: Mapping[str, str] = field(default_factory=dict)
    driver: Optional[str] = None
    #: What is in our cache: names of archives, and of parts of them.
    cached: Tuple[str, ...] = ()
    #: The major of packages that were installed, and not tried out since; None: all were.
    untried: Optional[str] = None
    #: Directories that a cut-off run unpacked into.
    staged: Tuple[str, ...] = ()
    #: What was removed by hand behind dpkg's back, and packages that were removed by force.
    lost: LostFiles = field(default_factory=dict)
    unmet: Unmet = field(default_factory=dict)

    def versions(self) -> Dict[str, str]:
        """Version of each installed package by its name."""
        return {package.name: package.version for package in self.packages if package.installed}

    def manifest_of(self, toolkit: str) -> Optional[Manifest]:
        for manifest in self.manifests:
            if manifest.toolkit == toolkit:
                return manifest
        return None

    def copies_in(self, place: str) -> Tuple[Copy, ...]:
        return tuple(copy for copy in self.copies if copy.place == place)


def triplet(machine: str) -> str:
    """The directory of a machine's libraries."""
    return {"x86_64": "x86_64-linux-gnu", "aarch64": "aarch64-linux-gnu"}.get(machine, machine)


def library_of(host: Host, of_major: str) -> str:
    """The library of the packages of a major."""
    return "%s/libcudnn.so.%s" % (LIBRARIES % triplet(host.machine), of_major)


def header_of(host: Host, of_major: str) -> str:
    """The choice of the alternative that is a major's cudnn.h."""
    return "%s/cudnn_v%s.h" % (HEADERS % triplet(host.machine), of_major)


def library_in(toolkit: str, of_major: str) -> str:
    return "%s/lib64/libcudnn.so.%s" % (toolkit, of_major)


def is_cudnn_package(name: str) -> bool:
    """Is this a package of NVIDIA's cuDNN, or the distribution's?"""
    return catalog.parse_name(name) is not None or name == catalog.DISTRIBUTION_PACKAGE


def part_of(name: str) -> catalog.PackageName:
    """What an NVIDIA package is; nothing at all for any other."""
    return catalog.parse_name(name) or catalog.PackageName(None, "", None)


def of_package(version: str) -> str:
    """The cuDNN in a package version: "9.5.1.17-1" gives "9.5.1.17"."""
    found = catalog.parse_package_version(version)
    match = re.match(r"\d+(?:\.\d+)*", version)
    return found[0] if found else match.group() if match else "0"


def short(version: str) -> str:
    """As the files and the library say it: "9.5.1.17" gives "9.5.1"."""
    return ".".join(version.split(".")[:3])


def packaged(host: Host, versions: Mapping[str, str]) -> List[Copy]:
    """What these packages make up: one cuDNN for each major, however many CUDAs it is there for."""
    found: Dict[str, Copy] = {}
    for name, version in sorted(versions.items()):
        package = part_of(name)
        if package.part != "runtime" or package.major is None:
            continue
        release = of_package(version)
        parsed = catalog.parse_package_version(version)
        cuda = package.cuda or (major(parsed[1]) if parsed and parsed[1] else None)
        dev = any(
            (each.major, each.part) == (package.major, "dev") and each.cuda == package.cuda
            for each in map(part_of, versions)
        )
        library = library_of(host, package.major)
        found[library] = Copy(library, release, PACKAGE, "/usr", cuda, short(release) if dev else None)
    return list(found.values())


def of_manifest(manifest: Manifest) -> Copy:
    header = short(manifest.version) if manifest.has_headers else None
    library = library_in(manifest.toolkit, major(manifest.version))
    return Copy(library, manifest.version, ARCHIVE, manifest.toolkit, manifest.cuda, header)


def summary(state: CudnnState) -> Dict[str, Any]:
    """The state in the words of the result and the diff."""
    return {
        "cudnn": shown(state.copies),
        "headers": state.headers.target,
        "packages": package_lines(state.versions()),
        "lost": lost_lines(state.lost, state.unmet),
        "driver_version": state.driver,
    }


def shown(copies: Iterable[Copy]) -> Dict[str, Dict[str, Optional[str]]]:
    """Each cuDNN by its library, as the result has them."""
    return {
        copy.library: {
            "version": copy.version,
            "origin": copy.origin,
            "cuda": copy.cuda,
            "header": copy.header,
        }
        for copy in sorted(copies, key=lambda copy: copy.library)
    }


def package_lines(versions: Mapping[str, str]) -> List[str]:
    return sorted("%s=%s" % pair for pair in versions.items())
