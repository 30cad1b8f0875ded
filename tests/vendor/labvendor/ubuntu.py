# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver packages of Ubuntu's own archive: the branch in every name, and a -server series beside.

Sources, in short form, beside those of labvendor.table:
  pages     packages.ubuntu.com: nvidia-driver-580-server(-open), libnvidia-extra-580-server,
            nvidia-headless-no-dkms-580, the virtual package nvidia-headless, source nvidia-graphics-drivers-*
  550.54    `dpkg-deb --info` of nvidia-driver-550 550.54.15 (Modaliases and Pmaliases)
  overlap   dpkg transcript on Ubuntu 26.04, see labvendor.nvidia_bare
{s} is "" or "-server", {srv} is "" or "srv".
"""

from __future__ import annotations

from labvendor.model import ARCHIVE, Row
from labvendor.nvidia_suffixed import CUDA, NO_GL

_ALIASES = (("Modaliases", "{modaliases}"), ("Pmaliases", "{pmaliases}"), ("Support", "{support}"))
_INITRAMFS = "an initramfs hook and ub-device-create: gpu-simulator makes the nodes"

# fmt: off
ROWS = (
    # Kernel side
    Row("nvidia-kernel-source-{b}{s}{x}", "template; pages", "NVIDIA kernel source package", layouts=ARCHIVE,
        flavours=True, section="restricted/libs", depends="libc6", exclusive="nvidia-kernel-source",
        payload="kernel_source"),
    Row("nvidia-dkms-{b}{s}{x}", "template; overlap (firmware)", "NVIDIA DKMS package", layouts=ARCHIVE,
        flavours=True, section="restricted/libs",
        depends="dkms, nvidia-kernel-source-{b}{s}{x} (= {full}), nvidia-kernel-common-{b}{s} (= {full}), "
                "nvidia-firmware-{b}{s}-{v}",
        exclusive="nvidia-dkms-kernel", payload="dkms"),
    Row("nvidia-kernel-common-{b}{s}", "template; overlap (firmware); pages (versioned virtual name)",
        "Shared files used with the kernel module", layouts=ARCHIVE, section="restricted/libs",
        depends="nvidia-firmware-{b}{s}-{v}", provides="nvidia-kernel-common-{b}{s}-{v}",
        exclusive="nvidia-kernel-common", payload="kernel_common", left_out=_INITRAMFS),
    Row("nvidia-firmware-{b}{s}-{v}", "overlap; nvidia-firmware-580-server-580.159.03 in an apt command line",
        "Firmware files used by the kernel module", layouts=ARCHIVE, section="restricted/libs",
        payload="firmware", left_out="the firmware itself: there is no GSP"),
    # Libraries
    Row("libnvidia-compute-{b}{s}", "template; pages", "NVIDIA libcompute package", layouts=ARCHIVE,
        section="restricted/libs", multi_arch="same",
        depends="nvidia-kernel-common-{b}{s}-{v}, libc6 (>= 2.34)",
        exclusive="nvidia-opencl-icd, " + CUDA + ", libcuda-12.9-1, libcuda-13.0-1",
        provides="opencl-icd, libnvidia-ml1 (= {full}), libcuda1 (= {full})", payload="libnvidia_ml",
        left_out="libcuda, OpenCL and PTX compiler: only NVML is simulated"),
    Row("libnvidia-cfg1-{b}{s}", "template", "NVIDIA binary OpenGL/GLX configuration library",
        layouts=ARCHIVE, section="restricted/libs", multi_arch="same", exclusive="libnvidia-cfg1-any",
        payload="cfg", left_out="the library: nothing calls it"),
    Row("libnvidia-common-{b}{s}", "template", "Shared files used by the NVIDIA libraries", layouts=ARCHIVE,
        section="restricted/libs", architecture="all", provides="libnvidia-common"),
    Row("libnvidia-decode-{b}{s}", "template", "NVIDIA Video Decoding runtime libraries", layouts=ARCHIVE,
        section="restricted/libs", multi_arch="same", depends="libnvidia-compute-{b}{s} (= {full})",
        exclusive="libnvidia-decode"),
    Row("libnvidia-encode-{b}{s}", "template", "NVENC Video Encoding runtime library", layouts=ARCHIVE,
        section="restricted/libs", multi_arch="same", exclusive="libnvidia-encode"),
    Row("libnvidia-extra-{b}{s}", "pages", "Extra libraries for the NVIDIA driver", layouts=ARCHIVE,
        section="restricted/libs", multi_arch="same",
        depends="libc6 (>= 2.34), nvidia-kernel-common-{b}{s}-{v}", exclusive="libnvidia-extra"),
    Row("libnvidia-fbc1-{b}{s}", "template", layouts=ARCHIVE, section="restricted/libs", multi_arch="same",
        summary="NVIDIA OpenGL-based Framebuffer Capture runtime library", exclusive="libnvidia-fbc1"),
    Row("libnvidia-gl-{b}{s}", "template", layouts=ARCHIVE, section="restricted/libs", multi_arch="same",
        summary="NVIDIA OpenGL/GLX/EGL/GLES GLVND libraries and Vulkan ICD",
        depends="libnvidia-common-{b}{s} (= {full})", exclusive="libnvidia-gl",
        provides="libglx-vendor, libegl-vendor", left_out=NO_GL),
    # Tools
    Row("nvidia-utils-{b}{s}", "template", "NVIDIA driver support binaries", layouts=ARCHIVE,
        section="restricted/libs", depends="libnvidia-compute-{b}{s} (= {full}), libc6 (>= 2.34)",
        suggests="nvidia-driver-{b}{s}", exclusive="nvidia-utils, nvidia-smi", payload="utils",
        left_out="nvidia-debugdump, nvidia-bug-report.sh, nvidia-xconfig"),
    Row("nvidia-compute-utils-{b}{s}", "template", "NVIDIA compute utilities", layouts=ARCHIVE,
        section="restricted/libs", depends="libnvidia-compute-{b}{s}, adduser, libc6 (>= 2.34)",
        exclusive="nvidia-persistenced", payload="persistenced", left_out="MPS: no CUDA is simulated"),
    Row("xserver-xorg-video-nvidia-{b}{s}", "template", "NVIDIA binary Xorg driver", layouts=ARCHIVE,
        section="restricted/x11", depends="libnvidia-cfg1-{b}{s} (= {full})",
        exclusive="xorg-driver-binary, nvidia-driver-binary", provides="xorg-driver-video",
        left_out="xserver-xorg-core and xorg-video-abi-*; " + NO_GL),
    # Metapackages
    Row("nvidia-headless-no-dkms-{b}{s}{x}", "template; pages", "NVIDIA headless metapackage - no DKMS",
        layouts=ARCHIVE, flavours=True, section="restricted/libs",
        depends="libnvidia-cfg1-{b}{s} (= {full}), libnvidia-compute-{b}{s} (= {full}), "
                "nvidia-compute-utils-{b}{s} (= {full}), nvidia-kernel-source-{b}{s}{x} (= {full})"),
    Row("nvidia-headless-{b}{s}{x}", "pages", "NVIDIA headless metapackage", layouts=ARCHIVE, flavours=True,
        section="restricted/libs", depends="nvidia-dkms-{b}{s}{x}, nvidia-headless-no-dkms-{b}{s}{x}",
        provides="nvidia-headless"),
    Row("nvidia-driver-{b}{s}{x}", "template; 550.54; pages", "NVIDIA driver metapackage", layouts=ARCHIVE,
        flavours=True, section="restricted/libs",
        depends="libnvidia-cfg1-{b}{s} (= {full}), libnvidia-compute-{b}{s} (= {full}), "
                "libnvidia-decode-{b}{s} (= {full}), libnvidia-encode-{b}{s} (= {full}), "
                "libnvidia-extra-{b}{s} (= {full}), libnvidia-fbc1-{b}{s} (= {full}), "
                "libnvidia-gl-{b}{s} (= {full}), nvidia-compute-utils-{b}{s} (= {full}), "
                "nvidia-dkms-{b}{s}{x} (<= {v}-1), nvidia-dkms-{b}{s}{x} (>= {v}), "
                "nvidia-kernel-common-{b}{s} (<= {v}-1), nvidia-kernel-common-{b}{s} (>= {v}), "
                "nvidia-kernel-source-{b}{s}{x} (= {full}), nvidia-utils-{b}{s} (= {full}), "
                "xserver-xorg-video-nvidia-{b}{s} (= {full})",
        recommends="nvidia-settings, nvidia-prime (>= 0.8)", extra=_ALIASES),
)

#: The same names once their branch is superseded: they carry nothing and bring the successor.
TRANSITIONAL_ROWS = tuple(
    Row(row.name, "pages", f"{row.summary} (transitional package)", layouts=ARCHIVE, flavours=row.flavours,
        architecture=row.architecture, section="oldlibs", multi_arch=row.multi_arch,
        depends=row.name.replace("{b}", "{to}"))
    for row in ROWS
    if "firmware" not in row.name
)

#: Fabric packages have no series in the name, though they are of the -server one.
FABRIC_ROWS = (
    Row("nvidia-fabricmanager-{b}", "facts: nvidia-fabricmanager-535 535.309.01; survey (depends)",
        "Fabric Manager for NVSwitch based systems", layouts=ARCHIVE, section="multiverse/libs",
        depends="nvidia-kernel-common-{b}-server, libc6 (>= 2.34)", exclusive="nvidia-fabricmanager",
        payload="fabricmanager"),
    Row("libnvidia-nscq-{b}", "survey; relations as NVIDIA's, inferred", layouts=ARCHIVE,
        summary="NVSwitch Configuration and Query Library", section="multiverse/libs",
        exclusive="libnvidia-nscq"),
)
# fmt: on
