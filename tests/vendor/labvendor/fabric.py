# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every directory of NVIDIA's has beside the driver: fabric packages and pinning packages.

The branch left the fabric names with 580; the suffixed names stayed as virtual ones
("nvidia-fabricmanager-595 is a virtual package" on an HGX host with 595.71.05-1ubuntu1).
"""

from __future__ import annotations

from labvendor.model import BARE, DEBIAN, NEW, UP_TO_570, Row

_IMEX = "the daemon: no multi-node NVLink"
_UNSUFFIXED = NEW + BARE + DEBIAN

# fmt: off
ROWS = (
    Row("nvidia-fabricmanager-{b}", "550; 570.133", "Fabric Manager for NVSwitch based systems",
        layouts=UP_TO_570, version="{fab}", depends="libc6 (>= 2.34)", payload="fabricmanager",
        exclusive="nvidia-fabricmanager"),
    Row("cuda-drivers-fabricmanager-{b}", "550; package survey of ubuntu2404: 550 to 575",
        "Meta-package for FM and Driver", layouts=UP_TO_570, version="{fab}", section="multiverse/devel",
        depends="nvidia-fabricmanager-{b} (= {fab})"),
    Row("nvidia-fabricmanager", "nvidia-fabricmanager_580.65.06-1_amd64.deb and later file names; provides",
        "Fabric Manager for NVSwitch based systems", layouts=_UNSUFFIXED, version="{fab}",
        depends="libc6 (>= 2.34)", provides="nvidia-fabricmanager-{b} (= {fab})", payload="fabricmanager"),
    Row("libnvidia-nscq-{b}", "550; 570.133", "NVSwitch Configuration and Query Library", layouts=UP_TO_570,
        version="{fab}", exclusive="libnvidia-nscq"),
    Row("libnvidia-nscq", "libnvidia-nscq_580.105.08-1_amd64.deb", "NVSwitch Configuration and Query Library",
        layouts=_UNSUFFIXED, version="{fab}", provides="libnvidia-nscq-{b} (= {fab})"),
    Row("libnvsdm", "package survey of ubuntu2404: bare from 580 on", "NVSwitch device monitoring library",
        layouts=_UNSUFFIXED, version="{fab}"),
    Row("nvidia-imex-{b}", "nvidia-imex-570 570.195.03-1 and 570.211.01-1", layouts=UP_TO_570,
        version="{fab}", summary="NVIDIA IMEX daemon", left_out=_IMEX, exclusive="nvidia-imex"),
    Row("nvidia-imex", "nvidia-imex_580.126.20-1_amd64.deb, suffixed name as Provides", layouts=_UNSUFFIXED,
        version="{fab}", summary="NVIDIA IMEX daemon", provides="nvidia-imex-{b} (= {fab})", left_out=_IMEX),
    # Its version is a date, the same for every driver
    Row("nvlsm", "package survey of ubuntu2404 (dependencies); nvlsm_2025.06.10-1 and _2025.10.12-1 by name",
        "SM", scope="calendar", version="{date}-1", depends="libc6 (>= 2.34)", payload="nvlsm",
        section="net", left_out="build-essential and libibumad3: no InfiniBand is simulated below it"),
    # Pinning: they share one file, so only one can be installed
    Row("nvidia-driver-pinning-{b}", "guide; 580-1 and 580-5 seen; package survey of ubuntu2404",
        scope="branch", architecture="all", summary="APT driver pinning file for driver branch {b}",
        version="{pin}", payload="pin_branch", section="NVIDIA", exclusive="nvidia-driver-pinning"),
    Row("nvidia-driver-pinning-{v}", "guide; 590.48.01-0ubuntu1 seen", scope="pinned", architecture="all",
        summary="APT driver pinning file for driver version {v}", payload="pin_version", section="NVIDIA",
        exclusive="nvidia-driver-pinning"),
)
# fmt: on

#: Releases of nvlsm: a download page of ubuntu2404 and the dependency of nvlink5-580.
NVLSM = ("2025.06.10", "2025.10.12")
