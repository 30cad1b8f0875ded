# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no other code may rely on it.

"""Which packages belong to a driver set, by their names."""

from __future__ import annotations

import re

#: The driver's packages by the first words of their names. A list of what is meant, not of what is not:
#: other software of the vendor (DGX OS, DCGM, CUDA, the container toolkit) is called nvidia-* as well.
#: unattended-upgrades is given the same expressions: it matches names from their start, ":i386" at their end.
DRIVER_NAMES = (
    r"nvidia-(?!driver-local-repo|kernel-defaults(?::|$))(?:\d{3}|alternative|compute-utils|cuda-mps|current|dkms|"
    r"driver(?!-assistant)|egl|fabricmanager|firmware|headless|imex|kernel|legacy|libopencl|libopencl1|libs|modprobe|nonglvnd|"
    r"open|opencl-common|opencl-icd|persistenced|powerd|prime|settings|smi|suspend-common|tesla|utils|vdpau|"
    r"vulkan|xconfig)(?:[-:]|$)",
    r"libnvidia-(?!container|egl-|ml-dev(?::|$))",
    r"cuda-drivers(?:[-:]|$)",
    r"lib(?:cuda1|cudadebugger1|nvcuvid1|nvoptix1)(?::|$)",
    r"(?:libegl1?|libgl1|libgles[12]?|libglx|xserver-xorg-video)-nvidia",
    r"firmware-nvidia-(?!graphics(?::|$))",
    r"linux-(?:modules|objects|signatures)-nvidia-(?!fs-)",
    r"glx-alternative-nvidia(?::|$)",
)
_DRIVER_NAME = re.compile("|".join(DRIVER_NAMES))


def is_driver_package(name: str) -> bool:
    """Does this package belong to a driver set (and not to the container toolkit, CUDA, cuDNN, DCGM)?"""
    return _DRIVER_NAME.match(name) is not None
