# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""cuDNN 8 and 9: which versions there are, with which CUDA and GPUs they work, what they consist of.

"version" has up to four numbers ("9", "9.5", "9.5.1", "9.5.1.17"), "cuda" is a major ("12") or a minor
("12.4"). A version newer than this table gets the rule of the newest one. The archives are in
cudnn_archives.py.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Optional, Tuple

from .versions import at_least, major, newest, numbers, within

#: The CUDA majors of a run of versions, then the versions. Source: the nvidia-cudnn-cu* packages on PyPI
#: (without those that were withdrawn), the archives of spack/spack-packages@1e8cf059 cudnn/package.py.
_VERSIONS = """
11: 8.0.0.180 8.0.2.39 8.0.3.33 8.0.4.30 8.0.5.39 8.1.0.77 8.1.1.33 8.2.0.53 8.2.4.15 8.3.1.22 8.3.2.44
11: 8.3.3.40 8.4.0.27 8.5.0.96 8.6.0.163 8.7.0.84
11 12: 8.8.0.121 8.8.1.3 8.9.0.131 8.9.1.23 8.9.2.26 8.9.4.25 8.9.5.30 8.9.6.50 8.9.7.29 9.0.0.312 9.1.0.70
11 12: 9.1.1.17 9.2.0.82 9.2.1.18 9.3.0.75 9.4.0.58 9.5.0.50 9.5.1.17 9.6.0.74 9.7.0.66 9.7.1.26 9.8.0.87
11 12: 9.9.0.52 9.10.0.56 9.10.1.4 9.10.2.21
12: 9.11.0.98 9.11.1.4
12 13: 9.12.0.46 9.13.0.50 9.13.1.26 9.14.0.64 9.15.0.57
13: 9.15.0.58
12 13: 9.15.1.9 9.16.0.29 9.17.0.29 9.17.1.4 9.18.0.77 9.18.1.3 9.19.0.56 9.19.1.2 9.20.0.48 9.21.0.82
12 13: 9.21.1.3 9.22.0.52 9.23.0.39 9.23.1.3 9.23.2.1 9.24.0.43 9.24.1.1 9.25.0.15 9.25.1.1 9.26.0.51
12 13: 9.26.1.1 9.27.0.42 9.28.0.42
"""

#: Sources of the rows below.
_MATRIX_8 = "cuDNN support matrices 8.0.3 to 8.9.6"
_MATRIX_9 = "cuDNN support matrices 9.0.0 to 9.17.0"


class Support(NamedTuple):
    """What a cuDNN asks for with one CUDA major.

    ``cuda_tested`` is the last CUDA minor that NVIDIA names for it ("": no end): later ones of the major work
    by minor-version compatibility. ``driver`` is the oldest one, for capabilities up to 9.0.
    """

    first: str
    cuda_first: str
    cuda_tested: str
    driver: str
    capability_first: str
    capability_last: str
    source: str


#: From cuDNN ``first`` on; newest first. For 8.8 the first capability was not looked up (8.7's stands).
_SUPPORT = (
    Support("9.12", "13.0", "", "580.65.06", "7.5", "12.1", _MATRIX_9),
    Support("9.11", "12.0", "", "525.60.13", "7.5", "12.1", _MATRIX_9),
    Support("9.7", "12.0", "12.9", "525.60.13", "5.0", "12.1", _MATRIX_9),
    Support("9.7", "11.8", "11.8", "450.80.02", "5.0", "9.0", _MATRIX_9),
    Support("9.0", "12.0", "12.6", "525.60.13", "5.0", "9.0", _MATRIX_9),
    Support("9.0", "11.0", "11.8", "450.80.02", "5.0", "9.0", _MATRIX_9),
    Support("8.9", "12.0", "", "525.60.13", "5.0", "9.0", _MATRIX_8),
    Support("8.9", "11.0", "11.8", "450.80.02", "5.0", "9.0", _MATRIX_8),
    Support("8.8", "12.0", "12.0", "525.60.13", "5.0", "9.0", _MATRIX_8),
    Support("8.6", "11.0", "11.8", "450.80.02", "3.5", "9.0", _MATRIX_8),
    Support("8.3", "11.0", "11.7", "450.80.02", "3.5", "8.6", _MATRIX_8),
    Support("8.2", "11.0", "11.4", "450.80.02", "3.5", "8.6", _MATRIX_8),
    Support("8.1", "11.0", "11.2", "450.80.02", "3.5", "8.6", _MATRIX_8),
    Support("8.0.4", "11.0", "11.1", "450.80.02", "3.5", "8.6", _MATRIX_8),
    Support("8.0", "11.0", "11.0", "450.80.02", "3.5", "8.0", _MATRIX_8),
)
#: From here on there is none for CUDA 11. Source: its archives and PyPI packages end with 9.10.2.
_FIRST_WITHOUT_11 = "9.11"
#: Blackwell (10.0 and later) with CUDA 12. Source: support matrix 9.10.2, first row.
_BLACKWELL, _BLACKWELL_CUDA, _BLACKWELL_DRIVER = "10.0", "12.8", "570.26"

SUPPORTED = "supported"
ENDED = "ended"
NOT_YET = "not yet"

#: Libraries by major, first the one that programs load. Source: archives and wheels of 8.9.7, 9.5.1, 9.25.1.
_LIBRARIES = {
    "8": ("", "_ops_infer", "_ops_train", "_cnn_infer", "_cnn_train", "_adv_infer", "_adv_train"),
    "9": (
        "",
        "_graph",
        "_ops",
        "_cnn",
        "_adv",
        "_engines_precompiled",
        "_engines_runtime_compiled",
        "_heuristic",
    ),
}
#: 9.20 lacks them, 9.22 has them. A wheel of the former next to a system cuDNN of the latter loads a mixture.
_LATER_LIBRARIES = (("9.22", ("_engines_tensor_ir", "_ext")),)

_HEADERS = {
    "8": ("", "_version", "_backend")
    + ("_ops_infer", "_ops_train", "_cnn_infer", "_cnn_train", "_adv_infer", "_adv_train"),
    "9": ("", "_version", "_backend", "_graph", "_ops", "_cnn", "_adv"),
}

#: Packages: 8 has the CUDA in its version (8.9.7.29-1+cuda12.2), 9 in its name (libcudnn9-cuda-12).
#: Source: the nvidia/cuda images; package lists of Ubuntu, Debian and Amazon Linux hosts with 9.19 to 9.26.
_NAME = re.compile(
    r"libcudnn(?P<major>\d+)(?:-(?P<part>dev|headers|static|jit-dev|jit|samples))?(?:-cuda-(?P<cuda>\d+))?\Z"
)
_META = re.compile(r"cudnn(?P<major>\d+)?(?:-jit)?(?:-cuda-(?P<cuda>\d+)(?:-\d+)?)?\Z")
_PACKAGE_VERSION = re.compile(r"(?P<version>\d+(?:\.\d+){2,3})-\S*?(?:\+cuda(?P<cuda>\d+\.\d+))?\Z")

#: Debian's and Ubuntu's own package: it downloads a cuDNN while it is installed.
DISTRIBUTION_PACKAGE = "nvidia-cudnn"


class PackageName(NamedTuple):
    """A package: ``part`` is "runtime", "dev", "headers", "static", "jit", "jit-dev", "samples" or "meta"."""

    major: Optional[str]
    part: str
    cuda: Optional[str]


def versions(cuda: Optional[str] = None) -> Tuple[str, ...]:
    """The known versions (four numbers each), for one CUDA or for any, oldest first."""
    wanted = major(cuda) if cuda else None
    lines = (line.partition(": ") for line in _VERSIONS.strip().split("\n"))
    return tuple(
        version
        for majors, _colon, listed in lines
        if wanted is None or wanted in majors.split()
        for version in listed.split()
    )


def newest_version(wanted: str, cuda: Optional[str] = None) -> Optional[str]:
    """The newest known version that fulfils a wish: ("9.5", "12") gives "9.5.1.17". None if there is none."""
    return newest(version for version in versions(cuda) if within(version, wanted))


def support(version: str, cuda: str) -> Optional[Support]:
    """What a cuDNN asks for with a CUDA major or minor; None if it does not work with it.

    Of an incomplete version ("9") the newest known one for that CUDA major counts.
    """
    version = newest_version(version, cuda) or version
    if major(cuda) == "11" and at_least(version, _FIRST_WITHOUT_11):
        return None
    for row in _SUPPORT:
        same = major(row.cuda_first) == major(cuda) and major(row.first) == major(version)
        if same and at_least(version, row.first):
            fits = len(numbers(cuda)) == 1 or at_least(cuda, row.cuda_first)
            return row if fits else None
    return None


def capability_fit(version: str, cuda: str, capability: str) -> Optional[str]:
    """Does a cuDNN run on GPUs of a compute capability with a CUDA minor: SUPPORTED, ENDED or NOT_YET?

    None if it does not work with that CUDA at all.
    """
    row = support(version, cuda)
    if row is None:
        return None
    if not at_least(capability, row.capability_first):
        return ENDED
    if not at_least(row.capability_last, capability):
        return NOT_YET
    needed = _BLACKWELL_CUDA if at_least(capability, _BLACKWELL) else row.cuda_first
    return SUPPORTED if len(numbers(cuda)) == 1 or at_least(cuda, needed) else NOT_YET


def minimum_driver(version: str, cuda: str, capability: Optional[str] = None) -> Optional[str]:
    """The oldest driver for a cuDNN with a CUDA on GPUs of a capability; None if it does not work with it."""
    row = support(version, cuda)
    if row is None:
        return None
    blackwell = capability is not None and at_least(capability, _BLACKWELL)
    return newest((row.driver, _BLACKWELL_DRIVER)) if blackwell else row.driver


def packages(of_major: str, cuda: str) -> Tuple[str, ...]:
    """Runtime and development package. Raises KeyError for a major other than "8" and "9"."""
    names = {"8": ("libcudnn8", "libcudnn8-dev"), "9": ("libcudnn9-cuda-{c}", "libcudnn9-dev-cuda-{c}")}
    return tuple(name.format(c=major(cuda)) for name in names[of_major])


def companions(of_major: str, cuda: str) -> Tuple[str, ...]:
    """Packages that must have exactly the runtime's version where they are installed or depended on."""
    names = ("libcudnn9-headers-cuda-{c}", "libcudnn9-static-cuda-{c}") if of_major == "9" else ()
    return tuple(name.format(c=major(cuda)) for name in names)


def parse_name(name: str) -> Optional[PackageName]:
    """What a package is of cuDNN: "libcudnn9-dev-cuda-12" gives ("9", "dev", "12"); None for any other."""
    match = _NAME.match(name)
    if match:
        return PackageName(match.group("major"), match.group("part") or "runtime", match.group("cuda"))
    match = _META.match(name)
    return PackageName(match.group("major"), "meta", match.group("cuda")) if match else None


def parse_package_version(package_version: str) -> Optional[Tuple[str, Optional[str]]]:
    """Version and CUDA minor in a package version: "8.9.7.29-1+cuda12.2" gives ("8.9.7.29", "12.2").

    The CUDA is None where the version does not name it, as with cuDNN 9. None for no version of that form.
    """
    match = _PACKAGE_VERSION.match(package_version)
    return (match.group("version"), match.group("cuda")) if match else None


def libraries(version: str) -> Tuple[str, ...]:
    """The shared libraries of a version, without their endings: "libcudnn", "libcudnn_ops", ..."""
    later = [stems for first, stems in _LATER_LIBRARIES if at_least(version, first)]
    return tuple("libcudnn" + stem for stem in sum(later, _LIBRARIES[major(version)]))


def sonames(version: str) -> Tuple[str, ...]:
    """Their sonames: "libcudnn.so.9", ..."""
    return tuple("%s.so.%s" % (library, major(version)) for library in libraries(version))


def links(library: str, version: str) -> Tuple[Tuple[str, str], ...]:
    """The links, as name and target, beside the file "libcudnn.so.9.5.1" of a version ("9.5.1.17")."""
    name = library + ".so"
    soname = "%s.%s" % (name, major(version))
    return (soname, "%s.%s" % (name, ".".join(version.split(".")[:3]))), (name, soname)


def headers(of_major: str) -> Tuple[str, ...]:
    """The header files of a major; beside each, packages and archives have it as "cudnn_ops_v9.h" too."""
    return tuple("cudnn%s.h" % stem for stem in _HEADERS[of_major])


def version_of_number(number: int) -> str:
    """What cudnnGetVersion() and CUDNN_VERSION mean: 8907 gives "8.9.7", 91002 gives "9.10.2"."""
    scale = 10000 if number >= 90000 else 1000
    return "%d.%d.%d" % (number // scale, number % scale // 100, number % 100)
