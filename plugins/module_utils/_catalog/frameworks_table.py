# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""PyTorch, TensorFlow and JAX: the releases, and for which CUDA, cuDNN, Python and GPUs they are built.

What to take of it is decided in frameworks.py.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Dict, List, NamedTuple, Tuple

from .finding_cuda import by_path

PYTORCH, TENSORFLOW, JAX = "pytorch", "tensorflow", "jax"
X86_64, AARCH64 = "x86_64", "aarch64"

#: How a build brings CUDA's libraries: in its wheels, or not at all, so that conda packages must.
WHEELS, CONDA = "wheels", "conda"


class Build(NamedTuple):
    """A release for one CUDA on one machine. ``label``: PyTorch's folder of wheels or the pip extra, or "".

    ``cudnn`` is the one it was built with, "" where that was not looked up. It has code for GPUs from
    ``first`` up to the generation of ``last``; with ``ptx`` newer ones compile it when a program starts.
    """

    cuda: str
    label: str
    cudnn: str
    first: str
    last: str
    ptx: bool
    brings: str


class Release(NamedTuple):
    """A minor with its versions, oldest first. ``python_last`` is "" where none is known.

    ``builds`` are for x86_64, ``on_arm`` for aarch64 as far as known: first the one that its makers take by
    default. ``numpy_below`` is "" where any numpy will do.
    """

    framework: str
    minor: str
    versions: Tuple[str, ...]
    python_first: str
    python_last: str
    numpy_below: str
    builds: Tuple[Build, ...]
    on_arm: Tuple[Build, ...] = ()

    def on(self, machine: str) -> Tuple[Build, ...]:
        """The builds for a machine, as C(uname -m) has it."""
        return {X86_64: self.builds, AARCH64: self.on_arm}.get(machine, ())


#: minor: patches | Python | CUDA/cuDNN, the default of PyPI first | those of them for aarch64.
#: Source: release matrix in RELEASE.md of pytorch/pytorch for CUDA and cuDNN; files of torch on PyPI
#: (2026-11-21) for versions and Python. 1.12 was also built for CUDA 10.2, which is older than our tables.
#: Of 2.15 other indexes than these were not seen.
#: For aarch64: CUDA_AARCH64_ARCHES in tools/scripts/generate_binary_build_matrix.py of pytorch/test-infra at
#: each release (2.6: commit 749d2064, 2.7: 971ac9dc, 2.8: 21480431, 2.9 and 2.10: 16c07661, 2.11: 8964775a,
#: 2.12 and 2.13: 626d4e70, 2.14: 00fa5780); that of 2.15 was not seen. Wheels of 2.4 and 2.5 for it do not
#: tell their CUDA in the version, and are left out.
_PYTORCH = """
1.12: 0 1 | 3.7 3.10 | cu113/8.3.2.44 cu116/8.3.2.44 |
1.13: 0 1 | 3.7 3.11 | cu117/8.5.0.96 cu116/8.3.2.44 |
2.0: 0 1 | 3.8 3.11 | cu117/8.5.0.96 cu118/8.7.0.84 |
2.1: 0 1 2 | 3.8 3.11 | cu121/8.9.2.26 cu118/8.7.0.84 |
2.2: 0 1 2 | 3.8 3.12 | cu121/8.9.2.26 cu118/8.7.0.84 |
2.3: 0 1 | 3.8 3.12 | cu121/8.9.2.26 cu118/8.7.0.84 |
2.4: 0 1 | 3.8 3.12 | cu121/9.1.0.70 cu124/9.1.0.70 cu118/9.1.0.70 |
2.5: 0 1 | 3.9 3.13 | cu124/9.1.0.70 cu121/9.1.0.70 cu118/9.1.0.70 |
2.6: 0 | 3.9 3.13 | cu124/9.1.0.70 cu126/9.5.1.17 cu118/9.1.0.70 | cu126
2.7: 0 1 | 3.9 3.13 | cu126/9.5.1.17 cu128/9.7.1.26 cu118/9.1.0.70 | cu128
2.8: 0 | 3.9 3.13 | cu128/9.10.2.21 cu129/9.10.2.21 cu126/9.10.2.21 | cu129
2.9: 0 1 | 3.10 3.14 | cu128/ cu130/ cu126/ | cu128 cu130 cu126
2.10: 0 | 3.10 3.14 | cu128/ cu130/ cu126/ | cu128 cu130 cu126
2.11: 0 | 3.10 3.14 | cu130/ cu128/ cu126/ | cu130 cu128 cu126
2.12: 0 1 | 3.10 3.14 | cu130/ cu132/ cu126/ | cu130 cu132 cu126
2.13: 0 | 3.10 3.14 | cu130/ cu132/ cu126/ | cu130 cu132 cu126
2.14: 0 1 | 3.10 3.14 | cu130/9.24.0.43 cu132/9.24.0.43 cu126/9.10.2.21 | cu130 cu132 cu126
2.15: 0 | 3.11 3.15 | cu132/9.26.0.51 cu134/9.26.0.51 |
"""

#: index: first and last capability. Source: TORCH_CUDA_ARCH_LIST of the build scripts and the CUDA support
#: matrix in RELEASE.md of pytorch/pytorch (pull request 164471). For Volta with cu128 and cu129 the sources
#: differ from release to release: it is left to cu126, which has it throughout.
_PYTORCH_GPUS = {
    "cu113": ("3.7", "8.6"),
    "cu116": ("3.7", "8.6"),
    "cu117": ("3.7", "8.6"),
    "cu118": ("3.7", "9.0"),
    "cu121": ("5.0", "9.0"),
    "cu124": ("5.0", "9.0"),
    "cu126": ("5.0", "9.0"),
    "cu128": ("7.5", "12.0"),
    "cu129": ("7.5", "12.0"),
    "cu130": ("7.5", "12.0"),
    "cu132": ("7.5", "12.0"),
    "cu134": ("7.5", "12.0"),
}
#: The same for aarch64. Source: TORCH_CUDA_ARCH_LIST in .ci/aarch64_linux/aarch64_ci_build.sh, and the second
#: table of the matrix in RELEASE.md, of pytorch/pytorch.
_PYTORCH_ARM_GPUS = {
    "cu126": ("8.0", "9.0"),
    "cu128": ("8.0", "12.0"),
    "cu129": ("8.0", "12.0"),
    "cu130": ("8.0", "12.0"),
    "cu132": ("8.0", "12.0"),
}
#: The first releases for it were built for Hopper and later alone. Source: the same script of that time.
_PYTORCH_ARM_FIRST = {"2.6": "9.0", "2.7": "9.0"}
#: Older ones crash with numpy 2. Source: pytorch/pytorch issue 107302 (2.3.0 was tried with 2.0).
_PYTORCH_NUMPY_2 = "2.3"

#: minor: patches | Python | CUDA | cuDNN. Source: table of tested builds in tensorflow/docs@7c365021
#: install/source.md; files of tensorflow on PyPI (2026-11-21) for versions and Python. 2.14 has files for
#: Python 3.11, but its extra needs tensorrt 8.5.3.1, which has none (PyPI, 2026-11-23). All files for aarch64
#: are for the CPU alone (list of packages on the pip page of tensorflow/docs).
_TENSORFLOW = """
2.4: 0 1 2 3 4 | 3.6 3.8 | 11.0 | 8.0
2.5: 0 1 2 3 | 3.6 3.9 | 11.2 | 8.1
2.6: 0 1 2 3 4 5 | 3.6 3.9 | 11.2 | 8.1
2.7: 0 1 2 3 4 | 3.7 3.9 | 11.2 | 8.1
2.8: 0 1 2 3 4 | 3.7 3.10 | 11.2 | 8.1
2.9: 0 1 2 3 | 3.7 3.10 | 11.2 | 8.1
2.10: 0 1 | 3.7 3.10 | 11.2 | 8.1
2.11: 0 1 | 3.7 3.10 | 11.2 | 8.1
2.12: 0 1 | 3.8 3.11 | 11.8 | 8.6
2.13: 0 1 | 3.8 3.11 | 11.8 | 8.6
2.14: 0 1 | 3.9 3.10 | 11.8 | 8.7
2.15: 0 1 | 3.9 3.11 | 12.2 | 8.9
2.16: 1 2 | 3.9 3.12 | 12.3 | 8.9
2.17: 0 1 | 3.9 3.12 | 12.3 | 8.9
2.18: 0 1 | 3.9 3.12 | 12.5 | 9.3
2.19: 0 1 | 3.9 3.12 | 12.5 | 9.3
2.20: 0 | 3.9 3.13 | 12.5 | 9.3
2.21: 0 | 3.10 3.13 | 12.5 | 9.3
"""
#: What to ask conda-forge for where it has no cuDNN of that minor. TensorFlow takes a later minor of the same
#: major (cuda_dnn.cc in stream_executor of tensorflow/tensorflow). Source: recipes of
#: conda-forge/cudnn-feedstock: 8.4.1.50 is followed by 8.8.0.121, which is built for every CUDA 11 as is 8.9.
_CONDA_CUDNN = {"8.6": " >=8.6,<9"}
#: From here on: first and last capability. Source: the list of architectures on the pip page of
#: tensorflow/docs; CUDA 12 compiles for none below 5.0; release announcement of 2.17 (6.0 to 9.0).
_TENSORFLOW_GPUS = (("2.4", "3.5", "8.0"), ("2.15", "5.0", "8.0"), ("2.17", "6.0", "9.0"))
#: Source: release announcement of 2.17.
_TENSORFLOW_NUMPY_2 = "2.18"

#: Python and the versions that have a CUDA plugin on PyPI; those with a star for x86_64 alone. Source: files
#: of jax, jax-cuda12-plugin and jax-cuda13-plugin there (2026-11-23). Older ones came from another index.
_JAX = (
    ("3.10", "0.4.31 0.4.33 0.4.34 0.4.35 0.4.36 0.4.38* 0.5.0 0.5.1 0.5.3 0.6.0 0.6.1 0.6.2"),
    ("3.11", "0.7.0 0.7.1 0.7.2 0.8.0 0.8.1 0.8.2 0.8.3 0.9.0 0.9.1 0.9.2 0.10.0 0.10.1 0.10.2"),
    ("3.12", "0.11.0 0.11.1 0.11.2 0.12.0"),
)
#: CUDA, pip extra, first capability, since. Source: docs/installation.md of jax-ml/jax@cec06d116c. Its
#: compiler comes with the wheels, so no last capability is known.
_JAX_BUILDS = (("12.1", "cuda12", "5.2", "0.4.31"), ("13.0", "cuda13", "7.5", "0.7.2"))
_JAX_LAST = "12.1"

#: Single versions that need a later Python than their minor. Source: files of tensorflow on PyPI.
_LATER_PYTHON = {"2.5.3": "3.7", "2.6.3": "3.7", "2.6.4": "3.7", "2.6.5": "3.7", "2.11.1": "3.8"}

#: What is wrong with single versions. Source: notes of tensorflow 2.16.2; reports against 2.16.1.
FLAWS = {
    (TENSORFLOW, "2.16.1"): "its wheels do not find the CUDA that they bring: take 2.16.2",
}

#: What cannot be installed with CUDA: why, and what to take instead. Source: metadata of tensorflow, files of
#: tensorrt-libs on PyPI (2026-11-23).
LACKING = {
    (TENSORFLOW, "2.15.0"): ("needs tensorrt-libs 8.6.1, which PyPI does not have", "2.15.1"),
}


@lru_cache(maxsize=None)
def releases(framework: str) -> Tuple[Release, ...]:
    """All releases of a framework, oldest first; () for an unknown one."""
    makers = {PYTORCH: _pytorch, TENSORFLOW: _tensorflow, JAX: _jax}
    return tuple(makers[framework]()) if framework in makers else ()


def oldest_python(release: Release, version: str) -> str:
    """The oldest Python that a version of a release has a build for."""
    later = _LATER_PYTHON.get(version) if release.framework == TENSORFLOW else None
    return later or release.python_first


def conda_cudnn(build: Build) -> str:
    """The match spec that gets a build its cuDNN from conda-forge."""
    return "cudnn" + _CONDA_CUDNN.get(build.cudnn, "=" + build.cudnn)


def before(minor: str, other: str) -> bool:
    """Is this minor older than the other?"""
    return _numbers(minor) < _numbers(other)


def _numbers(version: str) -> List[int]:
    return [int(part) for part in version.split(".")]


def _lines(table: str) -> List[Tuple[str, List[List[str]]]]:
    """Of each row the minor and its fields, each a list of words."""
    pairs = (line.partition(": ") for line in table.strip().split("\n"))
    return [(minor, [field.split() for field in rest.split("|")]) for minor, _colon, rest in pairs]


def _pytorch() -> List[Release]:
    found = []
    for minor, (patches, (first, last), cudas, on_arm) in _lines(_PYTORCH):
        builds = []
        for entry in cudas:
            index, _slash, cudnn = entry.partition("/")
            cuda = "%s.%s" % (index[2:4], index[4:])
            builds.append(Build(cuda, index, cudnn, *_PYTORCH_GPUS[index], False, WHEELS))
        by_index = {build.label: build for build in builds}
        arm = [_for_arm(by_index[index], _PYTORCH_ARM_FIRST.get(minor, "")) for index in on_arm]
        numpy = "2" if before(minor, _PYTORCH_NUMPY_2) else ""
        versions = _full(minor, patches)
        found.append(Release(PYTORCH, minor, versions, first, last, numpy, tuple(builds), tuple(arm)))
    return found


def _for_arm(build: Build, first: str) -> Build:
    oldest, newest = _PYTORCH_ARM_GPUS[build.label]
    return build._replace(first=first or oldest, last=newest)


def _tensorflow() -> List[Release]:
    found = []
    for minor, (patches, (first, last), (cuda,), (cudnn,)) in _lines(_TENSORFLOW):
        oldest, newest = [row[1:] for row in _TENSORFLOW_GPUS if not before(minor, row[0])][-1]
        # The pip extra brings CUDA. Source: pip page of tensorflow/docs.
        extra, brings = ("", CONDA) if by_path("tensorflow==" + minor) else ("and-cuda", WHEELS)
        build = Build(cuda, extra, cudnn, oldest, newest, True, brings)
        numpy = "2" if before(minor, _TENSORFLOW_NUMPY_2) else ""
        found.append(Release(TENSORFLOW, minor, _full(minor, patches), first, last, numpy, (build,)))
    return found


def _jax() -> List[Release]:
    by_minor: Dict[Tuple[str, str, bool, bool], List[str]] = {}
    for python, versions in _JAX:
        for entry in versions.split():
            version = entry.rstrip("*")
            minor = version.rpartition(".")[0]
            both = not before(version, _JAX_BUILDS[1][3])
            by_minor.setdefault((minor, python, both, entry == version), []).append(version)
    found = []
    for (minor, python, both, arm), fitting in by_minor.items():
        builds = tuple(
            Build(cuda, extra, "", first, _JAX_LAST, True, WHEELS)
            for cuda, extra, first, _since in _JAX_BUILDS[: 1 + both]
        )
        on_arm = builds if arm else ()
        found.append(Release(JAX, minor, tuple(fitting), python, "", "", builds, on_arm))
    return found


def _full(minor: str, patches: "List[str]") -> Tuple[str, ...]:
    return tuple("%s.%s" % (minor, patch) for patch in patches)
