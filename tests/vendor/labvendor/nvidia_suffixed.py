# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA's packages for Ubuntu up to branch 580: the branch is in the names.

Sources in short form: see labvendor.table.
"""

from __future__ import annotations

from labvendor.model import FIRST, FROM_570, FROM_570_172, NEW, OLD, UP_TO_570, Row

# fmt: off
#: Virtual CUDA names; template lists them to 10.2, Ubuntu's later packages go on with each CUDA release.
CUDA = ", ".join(
    f"libcuda-{version}-1"
    for version in ("5.0", "5.5", "6.0", "6.5", "7.0", "7.5", "8.0", "9.0", "9.1", "9.2", "10.0", "10.1",
                    "10.2", "11.0", "11.1", "11.2", "11.3", "11.4", "11.5", "11.6", "11.7", "11.8", "12.0",
                    "12.1", "12.2", "12.3", "12.4", "12.5", "12.6", "12.8")
)
I386 = ", ".join(
    f"libnvidia-{part}-{{b}}:i386 (= {{full}})" for part in ("compute", "decode", "encode", "fbc1", "gl")
)

_MIDDLE = (
    "nvidia-kernel-source-{b}{x} (= {full}), libnvidia-compute-{b} (= {full}), "
    "libnvidia-extra-{b} (= {full}), "
    "nvidia-compute-utils-{b} (= {full}), libnvidia-decode-{b} (= {full}), libnvidia-encode-{b} (= {full}), "
    "nvidia-utils-{b} (= {full}), xserver-xorg-video-nvidia-{b} (= {full}), libnvidia-cfg1-{b} (= {full}), "
    "libnvidia-fbc1-{b} (= {full})"
)
NO_GL = "the GLVND, X11 and X server libraries: a display stack of some 200 MB that nothing simulated uses"


# A table: one package after the other, not one argument per line.
ROWS = (
    # Kernel side
    Row("nvidia-kernel-source-{b}{x}", "template; 550 (-open)", "NVIDIA kernel source package", flavours=True,
        multi_arch="foreign", depends="libc6", payload="kernel_source", exclusive="nvidia-kernel-source"),
    Row("nvidia-dkms-{b}{x}", "template; 550 (-open)", "NVIDIA DKMS package", flavours=True,
        multi_arch="foreign",
        depends="dkms, nvidia-kernel-source-{b}{x}, nvidia-kernel-common-{b} (= {full})",
        payload="dkms", exclusive="nvidia-dkms-kernel"),
    Row("nvidia-kernel-common-{b}", "template; firmware dependency inferred", layouts=OLD,
        summary="Shared files used with the kernel module", depends="nvidia-firmware-{b}-{v} (= {full})",
        payload="kernel_common",
        left_out="an initramfs hook and ub-device-create: gpu-simulator makes the nodes",
        exclusive="nvidia-kernel-common"),
    Row("nvidia-kernel-common-{b}", "template; 570.172; 580.178 (versioned virtual name)",
        layouts=FROM_570_172, summary="Shared files used with the kernel module",
        depends="nvidia-firmware-{b} (= {full}), nvidia-modprobe (>= {full})",
        provides="nvidia-kernel-common-{b}-{v}", exclusive="nvidia-kernel-common", payload="kernel_common",
        left_out="an initramfs hook and ub-device-create: gpu-simulator makes the nodes"),
    Row("nvidia-firmware-{b}-{v}", "550; nvidia-firmware-570-570.133.20 in an apt transcript", layouts=OLD,
        summary="Firmware files used by the kernel module", payload="firmware",
        left_out="the firmware itself: there is no GSP"),
    Row("nvidia-firmware-{b}", "570.172; 580.65", layouts=FROM_570_172,
        summary="Firmware files used by the kernel module", payload="firmware",
        left_out="the firmware itself: there is no GSP"),
    Row("nvidia-modprobe", "550; 580.65", "Load the NVIDIA kernel driver and create device files",
        payload="modprobe", left_out="its setuid bit: it is a script here"),
    # Libraries
    Row("libnvidia-compute-{b}", "template; CUDA names after 10.2 inferred", "NVIDIA libcompute package",
        layouts=UP_TO_570, multi_arch="same", depends="libc6 (>= 2.34)",
        exclusive="nvidia-opencl-icd, " + CUDA,
        provides="opencl-icd, libnvidia-ml1 (= {full}), libcuda1 (= {full})", payload="libnvidia_ml",
        left_out="libcuda, OpenCL and PTX compiler: only NVML is simulated"),
    Row("libnvidia-compute-{b}", "580.178; 580.65; provides as template, inferred", layouts=NEW,
        summary="NVIDIA libcompute package", multi_arch="same",
        depends="libnvidia-gpucomp-{b} (= {full}), libnvidia-decode-{b} (>= {v}), "
                "nvidia-persistenced (>= {full}), nvidia-kernel-common-{b}-{v}, libc6 (>= 2.34)",
        exclusive="nvidia-opencl-icd, " + CUDA + ", libcuda-12.9-1, libcuda-13.0-1",
        provides="opencl-icd, libnvidia-ml1 (= {full}), libcuda1 (= {full})", payload="libnvidia_ml",
        left_out="libcuda, OpenCL and PTX compiler: only NVML is simulated"),
    Row("libnvidia-gpucomp-{b}", "580.65; 580.95", "NVIDIA binary GPU compiler library", layouts=NEW,
        multi_arch="same"),
    Row("libnvidia-cfg1-{b}", "template", "NVIDIA binary OpenGL/GLX configuration library", multi_arch="same",
        exclusive="libnvidia-cfg1-any", payload="cfg", left_out="the library: nothing calls it"),
    Row("libnvidia-common-{b}", "template", "Shared files used by the NVIDIA libraries", architecture="all",
        multi_arch="foreign", provides="libnvidia-common", replaces="libnvidia-common"),
    Row("libnvidia-decode-{b}", "template", "NVIDIA Video Decoding runtime libraries", multi_arch="same",
        depends="libnvidia-compute-{b} (= {full})", exclusive="libnvidia-decode"),
    Row("libnvidia-encode-{b}", "template", "NVENC Video Encoding runtime library", multi_arch="same",
        exclusive="libnvidia-encode"),
    Row("libnvidia-extra-{b}", "template", "Extra libraries for the NVIDIA driver", multi_arch="same",
        exclusive="libnvidia-extra"),
    Row("libnvidia-fbc1-{b}", "template", "NVIDIA OpenGL-based Framebuffer Capture runtime library",
        multi_arch="same", exclusive="libnvidia-fbc1"),
    Row("libnvidia-gl-{b}", "template", "NVIDIA OpenGL/GLX/EGL/GLES GLVND libraries and Vulkan ICD",
        layouts=UP_TO_570, multi_arch="same", depends="libnvidia-common-{b} (= {full})",
        exclusive="libnvidia-gl", provides="libglx-vendor, libegl-vendor",
        left_out=NO_GL),
    Row("libnvidia-gl-{b}", "580.178; provides as template, inferred", layouts=NEW, multi_arch="same",
        summary="NVIDIA OpenGL/GLX/EGL/GLES GLVND libraries and Vulkan ICD",
        depends="libnvidia-gpucomp-{b} (= {full}), libnvidia-compute-{b} (= {full}), "
                "libnvidia-common-{b} (= {full})",
        exclusive="libnvidia-gl", provides="libglx-vendor, libegl-vendor",
        left_out="libnvidia-egl-wayland1 (>= 1.1.10), in no Debian release before 13; " + NO_GL),
    # Tools
    Row("nvidia-utils-{b}", "template", "NVIDIA driver support binaries", depends="libc6 (>= 2.34)",
        suggests="nvidia-driver-{b}", exclusive="nvidia-utils, nvidia-smi", payload="utils",
        left_out="nvidia-debugdump, nvidia-bug-report.sh, nvidia-xconfig"),
    Row("nvidia-compute-utils-{b}", "template", "NVIDIA compute utilities", layouts=UP_TO_570,
        depends="libnvidia-compute-{b}, adduser, libc6 (>= 2.34)", payload="persistenced",
        left_out="MPS: no CUDA is simulated", exclusive="nvidia-persistenced"),
    Row("nvidia-compute-utils-{b}", "580.65; without the persistence daemon, inferred",
        "NVIDIA compute utilities",
        layouts=NEW, depends="libnvidia-compute-{b}", left_out="MPS: no CUDA is simulated"),
    Row("nvidia-persistenced", "580.65; 580.95",
        "daemon to maintain persistent software state in the NVIDIA driver",
        layouts=NEW, depends="adduser, libc6 (>= 2.34)", payload="persistenced"),
    Row("nvidia-settings", "550; 580.65", "Tool for configuring the NVIDIA graphics driver",
        left_out="the GTK program and its libraries: nothing to show it on"),
    Row("xserver-xorg-video-nvidia-{b}", "template", "NVIDIA binary Xorg driver", section="non-free/x11",
        layouts=UP_TO_570, depends="libnvidia-cfg1-{b} (= {full})",
        exclusive="xorg-driver-binary, nvidia-driver-binary", provides="xorg-driver-video",
        left_out="xserver-xorg-core and xorg-video-abi-*; " + NO_GL),
    Row("xserver-xorg-video-nvidia-{b}", "580.178; provides as template, inferred",
        "NVIDIA binary Xorg driver",
        section="non-free/x11", layouts=NEW,
        depends="libnvidia-cfg1-{b} (= {full}), libnvidia-gl-{b} (= {full})",
        exclusive="xorg-driver-binary, nvidia-driver-binary", provides="xorg-driver-video",
        left_out="xserver-xorg-core and xorg-video-abi-*; " + NO_GL),
    # Metapackages
    Row("nvidia-headless-no-dkms-{b}{x}", "template; 570.133 (-open)",
        "NVIDIA headless metapackage - no DKMS",
        layouts=UP_TO_570, flavours=True,
        depends="nvidia-kernel-source-{b}{x} (= {full}), libnvidia-compute-{b} (= {full}), "
                "nvidia-compute-utils-{b} (= {full}), libnvidia-cfg1-{b} (= {full})"),
    Row("nvidia-headless-no-dkms-{b}{x}", "580.159, which names no compute-utils: inferred",
        "NVIDIA headless metapackage - no DKMS", layouts=NEW, flavours=True,
        depends="nvidia-kernel-source-{b}{x} (= {full}), libnvidia-compute-{b} (= {full}), "
                "libnvidia-cfg1-{b} (= {full})"),
    Row("nvidia-headless-{b}{x}", "template; 580.159", "NVIDIA headless metapackage", flavours=True,
        depends="nvidia-headless-no-dkms-{b}{x}, nvidia-dkms-{b}{x}"),
    Row("nvidia-driver-{b}{x}", "550 with template", "NVIDIA driver metapackage", layouts=OLD, flavours=True,
        depends="libnvidia-gl-{b} (= {full}), nvidia-dkms-{b}{x} (<= {v}-1), nvidia-dkms-{b}{x} (>= {v}), "
                "nvidia-kernel-common-{b} (<= {v}-1), nvidia-kernel-common-{b} (>= {v}), " + _MIDDLE,
        recommends="nvidia-settings, nvidia-prime (>= 0.8), " + I386),
    Row("nvidia-driver-{b}{x}", "570.172; 580 inferred", "NVIDIA driver metapackage", layouts=FROM_570_172,
        flavours=True, depends="libnvidia-gl-{b} (= {full}), nvidia-dkms-{b}{x} (= {full}), "
                               "nvidia-kernel-common-{b} (= {full}), " + _MIDDLE,
        recommends="nvidia-settings, nvidia-prime (>= 0.8), " + I386),
    Row("cuda-drivers-{b}", "550", "CUDA Driver meta-package, branch-specific", layouts=FIRST,
        section="multiverse/devel", version="{fab}",
        depends="nvidia-driver-{b} (>= {v}), nvidia-settings, nvidia-modprobe"),
    Row("cuda-drivers", "550", "CUDA Driver meta-package", section="multiverse/devel", layouts=FIRST,
        version="{fab}", depends="cuda-drivers-{b} (= {fab})"),
    Row("cuda-drivers-{b}", "550; 570.86.15 to 570.172.08 and 580.159.04 seen by name", layouts=FROM_570,
        section="multiverse/devel",
        summary="CUDA Driver meta-package, branch-specific",
        depends="nvidia-driver-{b} (>= {v}), nvidia-settings, nvidia-modprobe"),
    Row("cuda-drivers", "550", "CUDA Driver meta-package", section="multiverse/devel", layouts=FROM_570,
        depends="cuda-drivers-{b} (= {full})"),
    Row("nvidia-open-{b}", "guide: nvidia-driver-570-open (>= ...); survey: from 560 on", layouts=FROM_570,
        section="multiverse/devel",
        summary="NVIDIA Driver meta-package, Open GPU kernel modules, branch-specific",
        depends="nvidia-driver-{b}-open (>= {v})"),
    Row("nvidia-open", "570.133; dependency by analogy with cuda-drivers, inferred", layouts=FROM_570,
        section="multiverse/devel",
        summary="NVIDIA Driver meta-package, Open GPU kernel modules", depends="nvidia-open-{b} (= {full})"),
)
# fmt: on
