# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which cuDNN is where, and its packages.

Sources, in short form:
  transcript  apt output of cudnn 9.3.0-1 on Ubuntu 22.04: names, split, versions, order, one alternative
  containers  Dockerfiles of NVIDIA's CUDA images: 8.9.7.29-1+cuda12.2, 9.5.1.17-1, 9.26.0.51-1
  commands    apt command lines: 8.6.0.163-1+cuda11.8; 9.10.2.21-1 with headers; the exact equality
  ami         package list of a machine image: cudnn9-cuda-12-9 and cudnn9-cuda-13-4 9.26.0.51-1
  matrix      support matrix: 9.10.2 is the last for CUDA 11; CUDA 13 from 9.12 on
Which directory carries which is inferred: 8 ended before Ubuntu 24.04 and Debian 12, and the directories that
came with CUDA 13 have what came after.
"""

from __future__ import annotations

from dataclasses import dataclass

from labvendor.expand import package
from labvendor.model import Package, Row

_EARLY = ("ubuntu2204", "ubuntu2404", "debian12")
_ALL = (*_EARLY, "ubuntu2604", "debian13")


@dataclass(frozen=True)
class Cudnn:
    """One release of cuDNN for one CUDA."""

    version: str
    cuda: str  # toolkit that it was built with, "12.9"
    directories: tuple[str, ...]
    source: str

    @property
    def major(self) -> str:
        """8 or 9."""
        return self.version.split(".")[0]

    @property
    def number(self) -> int:
        """What cudnnGetVersion() answers: 8907, 91002."""
        major, minor, patch = (int(part) for part in self.version.split(".")[:3])
        return major * (1000 if major < 9 else 10000) + minor * 100 + patch

    @property
    def separate_headers(self) -> bool:
        """Whether the headers are in a package of their own."""
        return self.number >= 91000

    def variables(self) -> dict[str, str]:
        """What the placeholders of a row stand for."""
        cuda_major, _dot, cuda_minor = self.cuda.partition(".")
        others = [item for item in ("11", "12", "13") if item != cuda_major]
        return {
            "v": self.version,
            "short": self.version.rpartition(".")[0],
            "n": self.major,
            "number": str(self.number),
            "c": cuda_major,
            "cuda": self.cuda,
            "built": self.cuda.replace(".", "-"),
            "built_with": str(int(cuda_major) * 1000 + int(cuda_minor) * 10),
            **dict(zip(("other", "another"), others, strict=True)),
        }


# fmt: off
RELEASES = (
    Cudnn("8.6.0.163", "11.8", ("ubuntu2204",), "commands"),
    Cudnn("8.9.2.26", "12.1", ("ubuntu2204",), "version on PyPI; its revision after the others, inferred"),
    Cudnn("8.9.7.29", "11.8", ("ubuntu2204",), "containers"),
    Cudnn("8.9.7.29", "12.2", ("ubuntu2204",), "containers"),
    Cudnn("9.5.1.17", "11.8", _EARLY, "as for CUDA 12"),
    Cudnn("9.5.1.17", "12.6", _EARLY, "containers; built with 12.6 as 9.3.0"),
    Cudnn("9.10.2.21", "11.8", _EARLY, "matrix"),
    Cudnn("9.10.2.21", "12.9", _EARLY, "commands; built with 12.9 inferred"),
    Cudnn("9.26.0.51", "12.9", _ALL, "containers; ami"),
    Cudnn("9.26.0.51", "13.4", _ALL, "ami"),
)

_SECTION = "multiverse/devel"
_EIGHT = "{v}-1+cuda{cuda}"
ROWS_8 = (
    Row("libcudnn8", "containers", "cuDNN runtime libraries", version=_EIGHT, section=_SECTION,
        payload="cudnn"),
    Row("libcudnn8-dev", "containers; dependency inferred from the coupling of 9",
        "cuDNN development libraries and headers", version=_EIGHT, section=_SECTION,
        depends="libcudnn8 (= {v}-1+cuda{cuda})", payload="cudnn_dev", left_out="the static libraries"),
    Row("libcudnn8-samples", "commands", "cuDNN samples", version=_EIGHT, section=_SECTION,
        left_out="the samples"),
)


def _nine(name: str, summary: str, depends: str = "", payload: str = "", left_out: str = "",
          breaks: str = "", provides: str = "") -> Row:  # fmt: skip
    """A package for one CUDA. Those for another have files of the same names, and both can be installed, as
    the support matrix notes; that dpkg is told so by Replaces is inferred."""
    others = f"{name}-cuda-{{other}}, {name}-cuda-{{another}}" if payload else ""
    return Row(name + "-cuda-{c}", "transcript; containers", summary, version="{v}-1", section=_SECTION,
               depends=depends, replaces=", ".join(filter(None, (others, breaks))), breaks=breaks,
               provides=provides, payload=payload, left_out=left_out)


def _rows_9(headers: bool) -> tuple[Row, ...]:
    """headers: in a package of their own, from 9.10 on (first seen with 9.10.1)."""
    runtime, dev = "libcudnn9-cuda-{c} (= {v}-1)", "libcudnn9-dev-cuda-{c} (= {v}-1)"
    also = ", libcudnn9-headers-cuda-{c} (= {v}-1)"
    return (
        _nine("libcudnn9", "cuDNN runtime libraries for CUDA {cuda}", payload="cudnn"),
        _nine("libcudnn9-dev", "cuDNN development headers and symlinks for CUDA {cuda}",
              runtime + also * headers, payload="cudnn_links" if headers else "cudnn_dev"),
        *((_nine("libcudnn9-headers", "cuDNN header files for CUDA {cuda}", payload="cudnn_headers",
                 breaks="libcudnn9-dev-cuda-{c} (<< 9.10)"),) if headers else ()),
        _nine("libcudnn9-static", "cuDNN static libraries for CUDA {cuda}", dev, left_out="the libraries"),
        Row("cudnn9-cuda-{built}", "transcript", "NVIDIA cuDNN for CUDA {cuda}", version="{v}-1",
            section=_SECTION, depends=f"{runtime}, {dev}, libcudnn9-static-cuda-{{c}} (= {{v}}-1)"),
        _nine("cudnn9", "NVIDIA cuDNN for CUDA {c}", "cudnn9-cuda-{built} (>= {v})",
              provides="cudnn-cuda-{c}"),
    )


#: Once for a release, whatever the CUDA; the metapackage brings the newest CUDA's (inferred).
_ONCE_9 = (
    Row("libcudnn9-samples", "transcript: Architecture all", "cuDNN samples", architecture="all",
        version="{v}-1", section=_SECTION, left_out="the samples"),
    Row("cudnn9", "transcript: 9.3.0-1", "NVIDIA CUDA Deep Neural Network library (cuDNN)",
        version="{short}-1", section=_SECTION,
        depends="cudnn9-cuda-{c} (>= {v}), libcudnn9-samples (>= {v})"),
    Row("cudnn", "transcript: 9.3.0-1", "NVIDIA CUDA Deep Neural Network library (cuDNN)",
        version="{short}-1", section=_SECTION, depends="cudnn9 (>= {short})"),
)
# fmt: on


def packages(directory: str) -> list[Package]:
    """Every package of cuDNN in a directory of NVIDIA's."""
    found = []
    for release in (item for item in RELEASES if directory in item.directories):
        rows = ROWS_8 if release.major == "8" else _rows_9(release.separate_headers)
        newest = [item for item in RELEASES if item.version == release.version][-1]
        if release.major != "8" and release == newest:
            rows = (*rows, *_ONCE_9)
        found += [package(row, release.variables()) for row in rows]
    return found
