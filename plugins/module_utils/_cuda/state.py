# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""The CUDA toolkits as they are: trees, packages, the default, the environment around them. Plain data."""

from __future__ import annotations

import re
from dataclasses import field
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from .._catalog.cuda import minor_of_package, release_of_package
from .._catalog.versions import minor, newest, order
from .._dataclass import dataclass
from .._host import Host
from .._lost_told import LostFiles, Unmet, lost_lines
from .._own_sources import SOURCE_FILES
from .._packages import Package
from .._sources import Source

#: Where toolkits are, each in a directory of its own, and the name by which the default one is known.
BASE = "/usr/local"
DEFAULT_PATH = "/usr/local/cuda"
#: The toolkit that the distribution itself has: spread over /usr, so it cannot be the default.
DISTRIBUTION_PATH = "/usr"
DISTRIBUTION_PACKAGE = "nvidia-cuda-toolkit"

#: Runfiles, until they are installed, and what is known of the trees that we let an installer work on.
CACHE = "/var/cache/labfleet-gpu/cuda"
RECORDS = "/var/lib/labfleet-gpu/cuda"

PROFILE_PATH = "/etc/profile.d/labfleet-gpu-cuda.sh"
LIBRARIES_PATH = "/etc/ld.so.conf.d/labfleet-gpu-cuda.conf"
#: Directories of module files by the program that reads them.
MODULE_FILES = {
    "environment-modules": "/etc/environment-modules/modules/cuda",
    "lmod": "/etc/lmod/modules/cuda",
}
OWN_FILES = (*SOURCE_FILES, PROFILE_PATH, LIBRARIES_PATH)

#: Who brought a toolkit: NVIDIA's packages or runfile, the distribution's packages, or somebody by hand.
PACKAGE, RUNFILE, DISTRIBUTION, HAND = "package", "runfile", "distribution", "hand"
#: A tree on which an installer or uninstaller of ours was cut off: no toolkit yet, or none any more.
UNFINISHED = "unfinished"
#: What /usr/local/cuda is.
ALTERNATIVE, LINK, OTHER = "alternative", "link", "other"


@dataclass(frozen=True)
class Toolkit:
    """One toolkit: ``version`` is a release ("12.4.1"), or a minor ("12.4") where nothing tells more.

    ``compiles`` says whether it has nvcc.
    """

    path: str
    version: str
    origin: str
    compiles: bool = True

    @property
    def minor(self) -> str:
        return minor(self.version)

    @property
    def selectable(self) -> bool:
        """Can /usr/local/cuda point to it?"""
        return self.origin != DISTRIBUTION


@dataclass(frozen=True)
class Default:
    """/usr/local/cuda: what it is (None: nothing there), and the directory it leads to.

    ``choices`` are the paths that the alternative knows, with their priorities; ``automatic``: it takes the
    one with the highest. ``taken``: an installer that was cut off in this tree has taken the link, and the
    rest tells of what it was before.
    """

    kind: Optional[str] = None
    target: Optional[str] = None
    choices: Tuple[Tuple[str, int], ...] = ()
    automatic: bool = True
    taken: Optional[str] = None


@dataclass(frozen=True)
class CudaState:
    host: Host
    #: NVIDIA's toolkit packages, and nvidia-cuda-toolkit.
    packages: Tuple[Package, ...]
    toolkits: Tuple[Toolkit, ...]
    default: Default
    unsettled: Tuple[str, ...]
    sources: Tuple[Source, ...]
    own_files: Mapping[str, Optional[str]]
    source_files: Mapping[str, str] = field(default_factory=dict)
    #: Our module files by path.
    module_files: Mapping[str, str] = field(default_factory=dict)
    #: The installed driver, from its library, else from the loaded module.
    driver: Optional[str] = None
    #: What older guides left in files that are not ours: one phrase each.
    leftovers: Tuple[str, ...] = ()
    #: Files that set a global LD_LIBRARY_PATH with CUDA in it.
    library_paths: Tuple[str, ...] = ()
    #: ld.so.cache is older than what /usr/local/cuda leads to or than our file for it.
    cache_stale: bool = False
    unfinished: Tuple[Toolkit, ...] = ()
    #: Our runfiles, and parts of them, with their sizes in bytes by path.
    downloads: Mapping[str, int] = field(default_factory=dict)
    #: NVIDIA's profilers that came as a dependency: each toolkit has packages of its own of them.
    profilers: Tuple[str, ...] = ()
    #: The driver's packages that are there only as a dependency of NVIDIA's package cuda and its kind.
    brought_drivers: Tuple[str, ...] = ()
    #: Is the library there that NVIDIA's installer needs?
    libxml2: bool = True
    #: Version of the C library, "2.39"; empty if it is not glibc.
    glibc: str = ""
    #: What was removed by hand behind dpkg's back, and packages that were removed by force.
    lost: LostFiles = field(default_factory=dict)
    unmet: Unmet = field(default_factory=dict)

    def versions(self) -> Dict[str, str]:
        """Version of each installed package by its name."""
        return {package.name: package.version for package in self.packages if package.installed}

    def toolkit_at(self, path: Optional[str], unfinished: bool = False) -> Optional[Toolkit]:
        for toolkit in (*self.toolkits, *(self.unfinished if unfinished else ())):
            if toolkit.path == path:
                return toolkit
        return None


def path_of(version: str) -> str:
    """Where NVIDIA's packages and installers put a toolkit: "12.4.1" is in /usr/local/cuda-12.4."""
    return "%s-%s" % (DEFAULT_PATH, minor(version))


def newest_of(toolkits: Sequence[Toolkit]) -> Optional[Toolkit]:
    """The newest one that can be the default, or None."""
    versions = {toolkit.version: toolkit for toolkit in toolkits if toolkit.selectable}
    return versions.get(newest(versions) or "")


#: What follows the newest toolkit, of all or of one major, or is shared by them: cuda, cuda-toolkit-12.
_UNVERSIONED = re.compile(
    r"cuda(?:-(?:toolkit|runtime|libraries|libraries-dev|compiler|tools|minimal-build))?(?:-\d+)?(?:-config-common)?\Z"
)


def is_unversioned(name: str) -> bool:
    """Is this a meta-package of NVIDIA's that follows the newest toolkit, or one that several share?"""
    return _UNVERSIONED.match(name) is not None


def is_cuda_package(name: str) -> bool:
    """Is this a package of NVIDIA's toolkits, of one or of several, or the distribution's?"""
    return minor_of_package(name) is not None or is_unversioned(name) or name == DISTRIBUTION_PACKAGE


def packaged(packages: Iterable[Tuple[str, str]]) -> Dict[str, str]:
    """Minor to version of the toolkits that these packages (name, version) make up.

    The meta-packages tell the release; where only parts are there, the minor is all that is known.
    """
    releases: Dict[str, List[str]] = {}
    for name, version in packages:
        of = minor_of_package(name)
        if of is None or name.startswith("cuda-compat-") or name.endswith("-config-common"):
            continue
        release = release_of_package(name, version)
        releases.setdefault(of, []).extend([release] if release else [])
    return {name: newest(found) or name for name, found in releases.items()}


def distribution_release(package_version: str) -> str:
    """The CUDA release of a distribution's package: "12.4.131~12.4.1-2" is 12.4.1."""
    match = re.search(r"~(\d+\.\d+\.\d+)", package_version)
    match = match or re.match(r"(\d+\.\d+(?:\.\d+)?)", package_version)
    return match.group(1) if match else "0.0"


def from_packages(versions: Mapping[str, str]) -> List[Toolkit]:
    """The toolkits that installed packages make up; whether they compile is not known from these."""
    found = [Toolkit(path_of(name), version, PACKAGE) for name, version in packaged(versions.items()).items()]
    if DISTRIBUTION_PACKAGE in versions:
        release = distribution_release(versions[DISTRIBUTION_PACKAGE])
        found.append(Toolkit(DISTRIBUTION_PATH, release, DISTRIBUTION))
    return found


def by_version(toolkits: Iterable[Toolkit]) -> Tuple[Toolkit, ...]:
    return tuple(sorted(toolkits, key=lambda toolkit: (order(toolkit.version), toolkit.path)))


def summary(state: CudaState) -> Dict[str, Any]:
    """The state in the words of the result and the diff."""
    chosen = state.toolkit_at(state.default.target)
    return {
        "toolkits": shown(state.toolkits),
        "default": chosen.minor if chosen else None,
        "default_path": state.default.target,
        "default_kind": state.default.kind,
        "packages": package_lines(state.versions()),
        "lost": lost_lines(state.lost, state.unmet),
        "environment": state.own_files.get(PROFILE_PATH) is not None,
        "module_files": sorted(state.module_files),
        "driver_version": state.driver,
    }


def shown(toolkits: Iterable[Toolkit]) -> Dict[str, Dict[str, str]]:
    """Toolkits by path, as the result has them."""
    return {
        toolkit.path: {"version": toolkit.version, "origin": toolkit.origin}
        for toolkit in by_version(toolkits)
    }


def package_lines(versions: Mapping[str, str]) -> List[str]:
    return sorted("%s=%s" % pair for pair in versions.items())
