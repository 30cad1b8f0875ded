# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""CUDA toolkits: which releases there are, as which packages, where, and what they need of a host.

"version" is a minor ("12.4") or a release ("12.4.1"); a minor stands for its newest release here. A version
newer than this table is not refused by it: such answers are None or the rule of its major. Which GPU a
toolkit compiles for is in capabilities.py, the runfiles are in cuda_runfiles.py.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Dict, Optional, Tuple

from .versions import at_least, major, minor, newest, numbers

#: minor: patch/driver. The driver is the oldest that has all features of the release. Source: CUDA Toolkit
#: release notes (13.2.2, table of driver versions); for 12.3.2, 12.8.2, 12.9.2, 13.0.3 and 13.1.2, which
#: are not in it, the driver in the runfile's name; for 13.4, which brings none, its branch (notes of 13.4).
#: There is no 12.7, and 13.4.0 was a preview.
_RELEASES = """
11.0: 1/450.36.06 2/450.51.05 3/450.51.06
11.1: 0/455.23 1/455.32
11.2: 0/460.27.03 1/460.32.03 2/460.32.03
11.3: 0/465.19.01 1/465.19.01
11.4: 0/470.42.01 1/470.57.02 2/470.57.02 3/470.82.01 4/470.82.01
11.5: 0/495.29.05 1/495.29.05 2/495.29.05
11.6: 0/510.39.01 1/510.47.03 2/510.47.03
11.7: 0/515.43.04 1/515.48.07
11.8: 0/520.61.05
12.0: 0/525.60.13 1/525.85.12
12.1: 0/530.30.02 1/530.30.02
12.2: 0/535.54.03 1/535.86.09 2/535.104.05
12.3: 0/545.23.06 1/545.23.08 2/545.23.08
12.4: 0/550.54.14 1/550.54.15
12.5: 0/555.42.02 1/555.42.06
12.6: 0/560.28.03 1/560.35.03 2/560.35.03 3/560.35.05
12.8: 0/570.26 1/570.124.06 2/570.211.01
12.9: 0/575.51.03 1/575.57.08 2/575.57.08
13.0: 0/580.65.06 1/580.82.07 2/580.95.05 3/580.126.20
13.1: 0/590.44.01 1/590.48.01 2/590.48.01
13.2: 0/595.45.04 1/595.58.03 2/595.71.05
13.3: 0/610.43.02 1/610.43.02
13.4: 1/615 2/615
"""

#: Minor-version compatibility: the oldest driver per major, fewer features. Source: the same release notes.
_MINIMUM = {"11": "450.80.02", "12": "525.60.13", "13": "580"}
_MINIMUM_11_0 = "450.36.06"

#: Forward compatibility: the driver branches over which cuda-compat-X-Y works, on data-centre boards alone.
#: Source: NVIDIA_REQUIRE_CUDA of the nvidia/cuda images, all releases of a minor together. 13.3: only what
#: 13.2 has too, as no image was seen itself. 11.0 to 11.7: not looked up (450 serves them anyway).
_COMPAT = {
    "11.8": (450, 470, 510, 515),
    "12.0": (450, 470, 510, 515),
    "12.1": (450, 470, 510, 515, 525),
    "12.2": (450, 470, 525),
    "12.3": (470, 525, 535),
    "12.4": (470, 525, 535),
    "12.5": (470, 535, 550),
    "12.6": (470, 535, 550),
    "12.8": (470, 535, 550, 560, 565),
    "12.9": (535, 550, 560, 565, 570),
    "13.0": (535, 550, 565, 570, 575),
    "13.1": (535, 550, 570, 580),
    "13.2": (535, 570, 580, 590),
    "13.3": (535, 570, 580),
}

FULL = "full"
MINOR = "minor"
COMPAT = "compat"
TOO_OLD = "too old"
UNKNOWN = "unknown"

#: distribution release: first and last minor of NVIDIA's repository ("" where it goes on). Source: CUDA
#: installation guides, config.py of GoogleCloudPlatform/compute-gpu-installation@e4d32d9. The first of
#: Ubuntu 26.04 is 13.2 or 13.3, the sources differ.
_REPOSITORY_MINORS = {
    ("ubuntu", "20.04"): ("11.0", "12.9"),
    ("ubuntu", "22.04"): ("11.7", ""),
    ("ubuntu", "24.04"): ("12.5", ""),
    ("ubuntu", "26.04"): ("13.2", ""),
    ("debian", "12"): ("12.3", ""),
    ("debian", "13"): ("13.1", ""),
}

#: nvidia-cuda-toolkit of the distribution itself. Source: package indexes of Debian 11 to 13, of Ubuntu.
_DISTRIBUTION_TOOLKIT = {
    ("debian", "11"): "11.2.2",
    ("debian", "12"): "11.8.0",
    ("debian", "13"): "12.4.1",
    ("ubuntu", "20.04"): "10.1.243",
    ("ubuntu", "22.04"): "11.5.1",
    ("ubuntu", "24.04"): "12.0.1",
}

#: From this release on, the newest GCC that its headers accept. Source: host compiler table of the CUDA
#: installation guides (13.4 for the last), bounds in spack/spack-packages@1e8cf059 cuda.py.
_GCC_MAX = (
    ("11.0", 9),
    ("11.1", 10),
    ("11.4.1", 11),
    ("12.0", 12),
    ("12.4", 13),
    ("12.8", 14),
    ("13.0", 15),
    ("13.4", 16),
)

#: distribution release: the g++-N packages, the default first. Source: package indexes of Debian; releases of
#: GCC in Ubuntu's archive. Of 26.04 only the default is known here.
_GCC = {
    ("ubuntu", "20.04"): (9, 7, 8, 10),
    ("ubuntu", "22.04"): (11, 9, 10, 12),
    ("ubuntu", "24.04"): (13, 9, 10, 11, 12, 14),
    ("ubuntu", "26.04"): (15,),
    ("debian", "11"): (10, 9),
    ("debian", "12"): (12, 11),
    ("debian", "13"): (14, 12, 13),
}

#: cospi() and sinpi() of this glibc clash with the headers of CUDA before that release.
#: Source: reports against CUDA 12.9 and 13.0, release notes of 13.1.
_CLASHING_GLIBC, GLIBC_MENDED = "2.42", "13.1"

#: The runfile's installer is linked with it. Ubuntu 26.04 has libxml2.so.16 only. Source: the same reports.
LIBXML2 = "libxml2.so.2"
_WITHOUT_LIBXML2 = {("ubuntu", "26.04")}

#: What apt is asked for; {m} is the minor with a dash. cuda, cuda-12-4 and cuda-runtime-12-4 are not here:
#: they pull the driver. Source: apt show of cuda-runtime-11-8 ("runtime libraries and the CUDA driver"),
#: meta-package table of the installation guide, the package lists of the nvidia/cuda images.
COMPONENTS: Dict[str, Tuple[str, ...]] = {
    "toolkit": ("cuda-toolkit-{m}",),
    "runtime": ("cuda-libraries-{m}", "cuda-cudart-{m}"),
    "compiler": ("cuda-compiler-{m}", "cuda-cudart-dev-{m}"),
}

_PULLS_DRIVER = re.compile(
    r"cuda(?:-\d+){0,2}\Z|cuda-(?:runtime|demo-suite)(?:-\d+){0,2}\Z|cuda-drivers|nvidia-(?:open|driver)\b"
)
_OF_MINOR = re.compile(
    r"(?:cuda|gds-tools|libcu[a-z]+|libnpp|libnv[a-z]+)(?:-[a-z]+)*-(\d+)-(\d+)(?:-config-common)?\Z"
)
#: Only the meta-packages have the version of the release; cuda-cudart-12-8 is 12.8.90-1.
_META = re.compile(
    r"cuda-(?:toolkit|libraries|libraries-dev|compiler|tools|command-line-tools|visual-tools|minimal-build)"
    r"-\d+-\d+\Z"
)
_RELEASE = re.compile(r"(\d+\.\d+\.\d+)-")


@lru_cache(maxsize=None)
def _table() -> Dict[str, Dict[str, str]]:
    """Minor: release: driver."""
    table = {}
    for line in _RELEASES.split("\n"):
        name, _colon, entries = line.partition(": ")
        pairs = (entry.split("/") for entry in entries.split())
        table[name] = {"%s.%s" % (name, patch): driver for patch, driver in pairs}
    del table[""]
    return table


def minors() -> Tuple[str, ...]:
    """All known minors, oldest first."""
    return tuple(_table())


def releases(wanted: str) -> Tuple[str, ...]:
    """The known releases of a minor, oldest first; () where it is not known."""
    return tuple(_table().get(wanted, ()))


def exists(version: str) -> Optional[bool]:
    """Is there such a CUDA? None for one that is newer or older than this table.

    Raises ValueError for what is no version with at least two numbers.
    """
    known = _table()
    name = minor(version)
    if name not in known:
        between = numbers(minors()[0]) < numbers(name) < numbers(minors()[-1])
        return False if between else None
    if version == name or version in known[name]:
        return True
    latest = newest(known[name])
    return None if latest and at_least(version, latest) else False


def _release(version: str) -> str:
    """The release that a version stands for: the newest known of a minor, itself otherwise."""
    return newest(releases(version)) or version


def full_driver(version: str) -> Optional[str]:
    """The oldest driver with all features of a version: "12.4.1" gives "550.54.15"; None if not known."""
    return _table().get(minor(version), {}).get(_release(version))


def minimum_driver(version: str) -> Optional[str]:
    """The oldest driver by minor-version compatibility, without cuda-compat; None for an unknown major."""
    return _MINIMUM_11_0 if minor(version) == "11.0" else _MINIMUM.get(major(version))


def compat_package(version: str) -> str:
    """The forward-compatibility package: "12.4" gives "cuda-compat-12-4"."""
    return "cuda-compat-" + dashed(version)


def compat_branches(version: str) -> Tuple[int, ...]:
    """The driver branches over which the compat package of a version works on data-centre boards."""
    return _COMPAT.get(minor(version), ())


def driver_fit(version: str, driver: str, data_centre: bool) -> str:
    """What a driver ("535.183.01") makes of a toolkit, where all its GPUs are data-centre boards or not.

    FULL: all features. MINOR: runs, without the features (and the PTX compiler) of newer drivers. COMPAT:
    only with compat_package(). TOO_OLD: not at all. UNKNOWN: a major that this table does not have.
    """
    minimum, full = minimum_driver(version), full_driver(version)
    if minimum is None:
        return UNKNOWN
    if at_least(driver, minimum):
        return FULL if full and at_least(driver, full) else MINOR
    return COMPAT if data_centre and int(major(driver)) in compat_branches(version) else TOO_OLD


def repository_minors(distribution: str, release: str) -> Tuple[str, ...]:
    """The known minors in NVIDIA's repository for a distribution release, oldest first; () if unknown."""
    if (distribution, release) not in _REPOSITORY_MINORS:
        return ()
    first, last = _REPOSITORY_MINORS[(distribution, release)]
    upper = last or minors()[-1]
    return tuple(name for name in minors() if at_least(name, first) and at_least(upper, name))


def in_repository(version: str, distribution: str, release: str) -> Optional[bool]:
    """Has NVIDIA's repository for a distribution release this minor? None where only its index can tell."""
    if (distribution, release) not in _REPOSITORY_MINORS:
        return None
    name = minor(version)
    first, last = _REPOSITORY_MINORS[(distribution, release)]
    if not at_least(name, first) or (last and not at_least(last, name)):
        return False
    return exists(name)


def distribution_toolkit(distribution: str, release: str) -> Optional[str]:
    """The CUDA release of the distribution's own nvidia-cuda-toolkit, None where not known."""
    return _DISTRIBUTION_TOOLKIT.get((distribution, release))


def gcc_max(version: str) -> Optional[int]:
    """The newest major version of GCC that a toolkit accepts as host compiler; None before 11.0."""
    accepted = [limit for first, limit in _GCC_MAX if at_least(_release(version), first)]
    return accepted[-1] if accepted else None


def default_gcc(distribution: str, release: str) -> Optional[int]:
    """The major version of the distribution's default g++, None where not known."""
    return _GCC.get((distribution, release), (None,))[0]


def host_compiler(version: str, distribution: str, release: str) -> Optional[int]:
    """N of the newest g++-N package that a toolkit accepts (for NVCC_CCBIN=/usr/bin/g++-N), None if none."""
    limit = gcc_max(version)
    fitting = [gcc for gcc in _GCC.get((distribution, release), ()) if limit and gcc <= limit]
    return max(fitting, default=None)


def glibc_clashes(version: str, glibc: str) -> bool:
    """Do the headers of this toolkit fail to compile with a glibc ("2.43")?"""
    return at_least(glibc, _CLASHING_GLIBC) and not at_least(_release(version), GLIBC_MENDED)


def libxml2_package(distribution: str, release: str) -> Optional[str]:
    """The package with the library that a runfile's installer needs (LIBXML2), None where there is none."""
    return None if (distribution, release) in _WITHOUT_LIBXML2 else "libxml2"


def dashed(version: str) -> str:
    """The minor as package names have it: "12.4.1" gives "12-4"."""
    return minor(version).replace(".", "-")


def packages(version: str, components: str) -> Tuple[str, ...]:
    """What apt is asked for: a key of COMPONENTS. Raises KeyError for any other word."""
    return tuple(name.format(m=dashed(version)) for name in COMPONENTS[components])


def pulls_driver(name: str) -> bool:
    """Does a package of NVIDIA's repository install a driver: cuda, cuda-12-4, cuda-runtime-12-4, ...?"""
    return _PULLS_DRIVER.match(name) is not None


def minor_of_package(name: str) -> Optional[str]:
    """The toolkit that a package is part of: "libcublas-dev-12-8" gives "12.8"; None for any other."""
    match = _OF_MINOR.match(name)
    return "%s.%s" % match.groups() if match else None


def release_of_package(name: str, package_version: str) -> Optional[str]:
    """The release, from a meta-package: ("cuda-toolkit-12-8", "12.8.1-1") gives "12.8.1"; None for others."""
    match = _RELEASE.match(package_version) if _META.match(name) else None
    return match.group(1) if match else None


def release_of_label(label: str) -> Optional[str]:
    """The version in a toolkit's version.json or version.txt, None for no version.

    "13.3.1" is itself; "12.6.20241114" has the day of the build instead of the patch and gives "12.6".
    """
    match = re.match(r"(\d+\.\d+)(?:\.(\d+))?\Z", label)
    if match is None:
        return None
    dated = match.group(2) is None or len(match.group(2)) > 2
    return match.group(1) if dated else label
