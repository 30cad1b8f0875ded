# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA's packages for Ubuntu from branch 590 on: one name for every branch, told apart by version.

Sources, in short form, beside those of labvendor.table:
  renames   NVIDIA Driver Installation Guide, "Ubuntu 590 package renames"
  590.48    apt command line that brings a desktop to 590.48.01-0ubuntu1, every package named
  595.71    package list of a compute host with 595.71.05-1ubuntu1 from ubuntu2204
  overlap   dpkg transcript on Ubuntu 26.04: NVIDIA's nvidia-firmware and libnvidia-cfg1 and the archive's
            nvidia-firmware-610-610.43.02 and libnvidia-cfg1-610 own the same files and do not conflict

Where the suffixed packages have the name as a virtual one (nvidia-kernel-common, libnvidia-gl and so on),
they conflict by that; the other rows name NVIDIA's own former packages (inferred).
"""

from __future__ import annotations

from labvendor.model import BARE, Row
from labvendor.nvidia_suffixed import CUDA, NO_GL

_FORMER = ("535", "550", "570", "580")


def _replaced(name: str) -> str:
    """The same package of every branch up to 580."""
    return ", ".join(name.replace("*", branch) for branch in _FORMER)


_I386 = ", ".join(
    f"libnvidia-{part}:i386 (= {{full}})" for part in ("compute", "decode", "encode", "fbc1", "gl")
)

# fmt: off
ROWS = (
    # Kernel side
    Row("nvidia-kernel-source{x}", "590.48 (-open); renames", "NVIDIA kernel source package", layouts=BARE,
        flavours=True, multi_arch="foreign", depends="libc6", payload="kernel_source",
        exclusive="nvidia-kernel-source"),
    Row("nvidia-dkms{x}", "595.71 (-open); renames; relations as 580's", "NVIDIA DKMS package", layouts=BARE,
        flavours=True, multi_arch="foreign",
        depends="dkms, nvidia-kernel-source{x} (= {full}), nvidia-kernel-common (= {full})",
        exclusive="nvidia-dkms-kernel", payload="dkms"),
    Row("nvidia-kernel-common", "595.71; relations as 580's, inferred", layouts=BARE,
        summary="Shared files used with the kernel module",
        depends="nvidia-firmware (= {full}), nvidia-modprobe (>= {full})",
        provides="nvidia-kernel-common-{v}", payload="kernel_common",
        left_out="an initramfs hook and ub-device-create: gpu-simulator makes the nodes"),
    Row("nvidia-firmware", "595.71; overlap", "Firmware files used by the kernel module", layouts=BARE,
        conflicts=_replaced("nvidia-firmware-*"), replaces=_replaced("nvidia-firmware-*"), payload="firmware",
        left_out="the firmware itself: there is no GSP"),
    Row("nvidia-modprobe", "595.71", "Load the NVIDIA kernel driver and create device files", layouts=BARE,
        payload="modprobe", left_out="its setuid bit: it is a script here"),
    # Libraries
    Row("libnvidia-compute", "595.71; nvidia-smi inferred: that host has it, and no nvidia-utils",
        "NVIDIA libcompute package", layouts=BARE, multi_arch="same",
        depends="libnvidia-gpucomp (= {full}), libnvidia-decode (>= {v}), nvidia-persistenced (>= {full}), "
                "nvidia-kernel-common-{v}, libc6 (>= 2.34)",
        exclusive="nvidia-opencl-icd, " + CUDA + ", libcuda-12.9-1, libcuda-13.0-1, libcuda-13.1-1, "
                  "nvidia-utils, nvidia-smi",
        provides="opencl-icd, libnvidia-ml1 (= {full}), libcuda1 (= {full})", payload="compute_with_tools",
        left_out="libcuda, OpenCL and PTX compiler: only NVML is simulated"),
    Row("libnvidia-gpucomp", "595.71; overlap", "NVIDIA binary GPU compiler library", layouts=BARE,
        multi_arch="same", conflicts="libnvidia-gpucomp-580", replaces="libnvidia-gpucomp-580"),
    Row("libnvidia-cfg1", "595.71; overlap", "NVIDIA binary OpenGL/GLX configuration library", layouts=BARE,
        multi_arch="same", conflicts=_replaced("libnvidia-cfg1-*"), replaces=_replaced("libnvidia-cfg1-*"),
        payload="cfg", left_out="the library: nothing calls it"),
    Row("libnvidia-common", "590.48", "Shared files used by the NVIDIA libraries", layouts=BARE,
        architecture="all", multi_arch="foreign", conflicts=_replaced("libnvidia-common-*"),
        replaces=_replaced("libnvidia-common-*")),
    Row("libnvidia-decode", "595.71", "NVIDIA Video Decoding runtime libraries", layouts=BARE,
        multi_arch="same", depends="libnvidia-compute (= {full})", exclusive=""),
    Row("libnvidia-encode", "590.48", "NVENC Video Encoding runtime library", layouts=BARE,
        multi_arch="same"),
    Row("libnvidia-extra", "590.48", "Extra libraries for the NVIDIA driver", layouts=BARE,
        multi_arch="same"),
    Row("libnvidia-fbc1", "590.48", "NVIDIA OpenGL-based Framebuffer Capture runtime library", layouts=BARE,
        multi_arch="same"),
    Row("libnvidia-gl", "590.48; dependencies as 580's", layouts=BARE, multi_arch="same",
        summary="NVIDIA OpenGL/GLX/EGL/GLES GLVND libraries and Vulkan ICD",
        depends="libnvidia-gpucomp (= {full}), libnvidia-compute (= {full}), libnvidia-common (= {full})",
        provides="libglx-vendor, libegl-vendor", left_out=NO_GL),
    # Tools
    Row("nvidia-persistenced", "595.71", layouts=BARE,
        summary="daemon to maintain persistent software state in the NVIDIA driver",
        depends="adduser, libc6 (>= 2.34)", payload="persistenced"),
    Row("nvidia-settings", "590.48; 595.71", "Tool for configuring the NVIDIA graphics driver", layouts=BARE,
        left_out="the GTK program and its libraries: nothing to show it on"),
    Row("xserver-xorg-video-nvidia", "590.48; dependencies as 580's", "NVIDIA binary Xorg driver",
        section="non-free/x11", layouts=BARE, depends="libnvidia-cfg1 (= {full}), libnvidia-gl (= {full})",
        exclusive="xorg-driver-binary, nvidia-driver-binary", provides="xorg-driver-video",
        left_out="xserver-xorg-core and xorg-video-abi-*; " + NO_GL),
    # Metapackages
    Row("nvidia-driver{x}", "590.48 (-open); dependencies as 580's, inferred", "NVIDIA driver metapackage",
        layouts=BARE, flavours=True,
        depends="libnvidia-gl (= {full}), nvidia-dkms{x} (= {full}), nvidia-kernel-common (= {full}), "
                "nvidia-kernel-source{x} (= {full}), libnvidia-compute (= {full}), "
                "libnvidia-extra (= {full}), libnvidia-decode (= {full}), libnvidia-encode (= {full}), "
                "xserver-xorg-video-nvidia (= {full}), libnvidia-cfg1 (= {full}), libnvidia-fbc1 (= {full})",
        recommends="nvidia-settings, nvidia-prime (>= 0.8), " + _I386),
    Row("cuda-drivers", "cuda-drivers_595.71.05-1ubuntu1 by name; dependency by analogy, inferred",
        "NVIDIA Driver meta-package, Proprietary GPU kernel modules", section="multiverse/devel",
        layouts=BARE, proprietary=True, depends="nvidia-driver (>= {v}), nvidia-settings, nvidia-modprobe"),
    Row("nvidia-open", "guide: nvidia-driver-open (>= X); package survey of ubuntu2404 (conflicts)",
        "NVIDIA Driver meta-package, Open GPU kernel modules", section="multiverse/devel", layouts=BARE,
        depends="nvidia-driver-open (>= {v})", conflicts="cuda-drivers, nvidia-driver"),
)
# fmt: on
