# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which CUDA toolkits are simulated, with the version of each component, and where they are to be had.

Sources, in short form:
  transcript  apt output of cuda-toolkit-12-8 12.8.1-1 on Ubuntu 24.04, every package with its version
  containers  Dockerfiles and audit lists of NVIDIA's CUDA images (11.8.0, 12.4.1)
  json        /usr/local/cuda/version.json of an installed 11.8.0
  ami         package lists of Amazon's machine images with NVIDIA's repository (13.0, 13.3)
  station     apt listing of an installed 13.0.2 on Ubuntu 24.04
  manifest    redistrib_13.3.0.json
  wheels      versions of the PyPI wheels of the same components, by release date
  runfiles    table of installers with MD5 and size
Numbers without a source of their own follow the neighbouring components of the release and are inferred.
"""

from __future__ import annotations

from dataclasses import dataclass

#: First toolkit of each directory: 2204 11.7, 2404 12.5, debian12 12.3, debian13 13.1, 2604 13.2 or 13.3
#: (support tables of the installation guides; 2604 at medium confidence).
_OLDEST = ("ubuntu2204",)
_OLD = ("ubuntu2204", "debian12")
_MIDDLE = ("ubuntu2204", "ubuntu2404", "debian12")
_ALL = (*_MIDDLE, "ubuntu2604", "debian13")


@dataclass(frozen=True)
class Toolkit:
    """One patch release of CUDA."""

    version: str
    driver: str  # the driver that its installer brought along, and that cuda-runtime wants at least
    directories: tuple[str, ...]  # NVIDIA's directories that carry its packages
    compiler: str  # version of nvcc and what is built with it
    base: str  # version of the small components
    parts: tuple[tuple[str, str], ...]  # component and version, where it has one of its own
    built: str  # what nvcc says of its build
    build: str
    source: str
    metapackage: str = "cuda-drivers"  # the driver metapackage that cuda-runtime wants
    runfile: str = ""  # the name of its installer, where it is simulated

    @property
    def major(self) -> str:
        """12 of 12.8.1."""
        return self.version.split(".")[0]

    @property
    def minor(self) -> str:
        """12.8 of 12.8.1."""
        return self.version.rpartition(".")[0]

    @property
    def dashed(self) -> str:
        """12-8 of 12.8.1, as in package names."""
        return self.minor.replace(".", "-")

    @property
    def home(self) -> str:
        """Where it is installed."""
        return f"/usr/local/cuda-{self.minor}"

    def variables(self) -> dict[str, str]:
        """What the placeholders of a row stand for."""
        return {
            "v": self.version,
            "m": self.minor,
            "d": self.dashed,
            "M": self.major,
            "driver": self.driver,
            "metapackage": self.metapackage,
            "compiler": self.compiler,
            "base": self.base,
            "cudart": self.base,
            "nvrtc": self.compiler,
            **dict(self.parts),
        }


def _parts(text: str) -> tuple[tuple[str, str], ...]:
    words = text.split()
    return tuple(zip(words[::2], words[1::2], strict=True))


# fmt: off
TOOLKITS = (
    Toolkit("11.6.2", "510.47.03", (), "11.6.124", "11.6.124",
            _parts("cudart 11.6.55 libcublas 11.9.2.110 libcufft 10.7.2.124 libcurand 10.2.9.124 "
                   "libcusolver 11.3.4.124 libcusparse 11.7.2.124 libnpp 11.6.3.124 libnvjpeg 11.6.2.124"),
            "Tue_Mar__8_18:18:20_PST_2022", "31057947_0", "nvcc --version; runfiles; libraries inferred",
            runfile="cuda_11.6.2_510.47.03_linux.run"),
    Toolkit("11.8.0", "520.61.05", _OLDEST, "11.8.89", "11.8.86",
            _parts("cudart 11.8.89 libcublas 11.11.3.6 libcufft 10.9.0.58 libcufile 1.4.0.31 "
                   "libcurand 10.3.0.86 libcusolver 11.4.1.48 libcusparse 11.7.5.86 libnpp 11.8.0.86 "
                   "libnvjpeg 11.9.0.86 nsight_compute 2022.3.0.22 nsight_systems 2022.4.2.1"),
            "Wed_Sep_21_10:33:58_PDT_2022", "31833905_0", "json; containers"),
    Toolkit("12.4.1", "550.54.15", _OLD, "12.4.131", "12.4.127",
            _parts("nvrtc 12.4.127 libcublas 12.4.5.8 libcufft 11.2.1.3 libcufile 1.9.1.3 "
                   "libcurand 10.3.5.147 libcusolver 11.6.1.9 libcusparse 12.3.1.170 libnpp 12.2.5.30 "
                   "libnvfatbin 12.4.127 libnvjitlink 12.4.127 libnvjpeg 12.3.1.117 "
                   "nsight_compute 2024.1.1.4 nsight_systems 2023.4.4.54"),
            "Thu_Mar_28_02:18:24_PDT_2024", "34097967_0", "containers; npp, nvjpeg and Nsight inferred",
            runfile="cuda_12.4.1_550.54.15_linux.run"),
    Toolkit("12.8.0", "570.86.10", _MIDDLE, "12.8.61", "12.8.55",
            _parts("cudart 12.8.57 libcublas 12.8.3.14 libcufft 11.3.3.41 libcufile 1.13.0.11 "
                   "libcurand 10.3.9.55 libcusolver 11.7.2.55 libcusparse 12.5.7.53 libnpp 12.3.3.65 "
                   "libnvfatbin 12.8.55 libnvjitlink 12.8.61 libnvjpeg 12.3.5.57 "
                   "nsight_compute 2025.1.0.14 nsight_systems 2024.6.2.225"),
            "Wed_Jan_15_19:20:09_PST_2025", "35404655_0", "dpkg-query of a worker image; wheels"),
    Toolkit("12.8.1", "570.124.06", _MIDDLE, "12.8.93", "12.8.90",
            _parts("libcublas 12.8.4.1 libcufft 11.3.3.83 libcufile 1.13.1.3 libcurand 10.3.9.90 "
                   "libcusolver 11.7.3.90 libcusparse 12.5.8.93 libnpp 12.3.3.100 libnvfatbin 12.8.90 "
                   "libnvjitlink 12.8.93 libnvjpeg 12.3.5.92 nsight_compute 2025.1.1.2 "
                   "nsight_systems 2024.6.2.225"),
            "Fri_Feb_21_20:23:50_PST_2025", "35583870_0", "transcript"),
    Toolkit("13.0.2", "580.95.05", _MIDDLE, "13.0.88", "13.0.85",
            _parts("cudart 13.0.96 libcublas 13.1.0.3 libcufft 12.0.0.61 libcufile 1.15.1.6 "
                   "libcurand 10.4.0.35 libcusolver 12.0.4.66 libcusparse 12.6.3.3 libnpp 13.0.1.2 "
                   "libnvfatbin 13.0.85 libnvjitlink 13.0.88 libnvjpeg 13.0.1.86 "
                   "nsight_compute 2025.3.1.4 nsight_systems 2025.3.2.474"),
            "Wed_Aug_20_01:58:59_PM_PDT_2025", "36424714_0", "station; ami; wheels; cuBLAS inferred"),
    Toolkit("13.3.0", "610.43.02", _ALL, "13.3.33", "13.3.29",
            _parts("libcublas 13.5.1.27 libcufft 12.3.0.29 libcufile 1.18.0.66 libcurand 10.4.3.29 "
                   "libcusolver 12.2.2.18 libcusparse 12.8.1.7 libnpp 13.1.2.48 libnvfatbin 13.3.29 "
                   "libnvjitlink 13.3.33 libnvjpeg 13.2.0.21 nsight_compute 2026.2.0.7 "
                   "nsight_systems 2026.1.1.1"),
            "Fri_Apr_24_07:26:09_PM_PDT_2026", "37862127_0", "manifest; ami; Nsight Systems, build time and "
            "metapackage inferred: releases after 610 have no cuda-drivers", metapackage="nvidia-open"),
    Toolkit("13.4.1", "615.71.09", (), "13.4.59", "13.4.49", (),
            "Mon_Aug_03_13:24:11_PDT_2026", "38657139_0", "nvcc --version; wheels; runfiles",
            runfile="cuda_13.4.1_linux.run"),
)
# fmt: on


def of(directory: str) -> list[Toolkit]:
    """The toolkits that a directory of NVIDIA's carries."""
    return [item for item in TOOLKITS if directory in item.directories]
