# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the simulated vendor repositories carry: releases and packages, each row with its source.

Sources, in short form:
  template  NVIDIA/ubuntu-packaging-nvidia-driver@df92087 debian/templates/control.in and *.install.in
  550       package listing of NVIDIA's 550.54.15 local repository for Ubuntu
  570.133   apt command lines with exact versions against NVIDIA's ubuntu2204/ubuntu2404 repositories
  570.172   dependency tree of nvidia-open 570.172.08-0ubuntu1 in NVIDIA's repository
  580.65    file list with sizes and SHA-256 of developer.download.nvidia.com ubuntu2204/x86_64, 580.65.06
  580.95    `dpkg -l` after installing nvidia-driver-580-open from NVIDIA's repository, 580.95.05
  580.159   apt command line that downgrades the headless set to 580.159.03-1ubuntu1
  580.178   dependency records of 580.173.02 and 580.178.04 in NVIDIA's repository
  guide     NVIDIA Driver Installation Guide, Ubuntu chapter
"inferred" after a source marks what follows from the neighbouring releases and was not seen itself.
"""

from __future__ import annotations

from labvendor.model import Release, Row

OLD = ("versioned-firmware",)
PLAIN = ("plain-firmware",)
NEW = ("persistenced",)
UP_TO_570 = OLD + PLAIN
FROM_570_172 = PLAIN + NEW

DISTRIBUTIONS = ("ubuntu2204", "ubuntu2404")

# fmt: off
RELEASES = (
    Release(570, "570.86.15", "0ubuntu1", "1", "versioned-firmware",
            "nvidia-driver-570_570.86.15-0ubuntu1_amd64.deb in NVIDIA's ubuntu2404 repository"),
    Release(570, "570.133.20", "0ubuntu1", "1", "versioned-firmware",
            "570.133: nvidia-driver-570-open=570.133.20-0ubuntu1, nvidia-fabricmanager-570=570.133.20-1"),
    Release(570, "570.172.08", "0ubuntu1", "1", "plain-firmware", "570.172; fabric revision inferred"),
    Release(570, "570.211.01", "0ubuntu1", "1", "plain-firmware",
            "nvidia-fabricmanager-570=570.211.01-1 beside libraries at 570.211.01-0ubuntu1",
            pinning="apt-cache search nvidia-driver-pinning (NVIDIA's repository)"),
    Release(580, "580.65.06", "0ubuntu1", "1", "persistenced",
            "580.65; nvidia-fabricmanager_580.65.06-1_amd64.deb"),
    Release(580, "580.95.05", "0ubuntu1", "1", "persistenced",
            "580.95; nvidia-fabricmanager_580.95.05-1_amd64.deb"),
    Release(580, "580.105.08", "0ubuntu1", "1", "persistenced",
            "nvidia-fabricmanager_580.105.08-1_amd64.deb; driver revision inferred",
            pinning="apt-cache search nvidia-driver-pinning (NVIDIA's repository)"),
    Release(580, "580.159.04", "1ubuntu1", "1ubuntu1", "persistenced",
            "nvidia-driver-580-open=580.159.04-1ubuntu1; fabric revision as 580.173.10's, inferred",
            pinning="inferred: every release since 580.105.08 has one"),
)

#: Version of nvidia-driver-pinning-<branch>: it counts on its own (580-1, 580-5 seen; 570's inferred).
PINNING_VERSIONS = {570: "570-1", 580: "580-5"}

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
_NO_GL = "the GLVND, X11 and X server libraries: a display stack of some 200 MB that nothing simulated uses"


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
        summary="Firmware files used by the kernel module", left_out="GSP firmware: there is no GSP"),
    Row("nvidia-firmware-{b}", "570.172; 580.65", layouts=FROM_570_172,
        summary="Firmware files used by the kernel module", left_out="GSP firmware: there is no GSP"),
    Row("nvidia-modprobe", "550; 580.65", "Load the NVIDIA kernel driver and create device files",
        left_out="the setuid program: gpu-simulator makes the device files"),
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
        exclusive="libnvidia-cfg1-any"),
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
        left_out=_NO_GL),
    Row("libnvidia-gl-{b}", "580.178; provides as template, inferred", layouts=NEW, multi_arch="same",
        summary="NVIDIA OpenGL/GLX/EGL/GLES GLVND libraries and Vulkan ICD",
        depends="libnvidia-gpucomp-{b} (= {full}), libnvidia-compute-{b} (= {full}), "
                "libnvidia-common-{b} (= {full})",
        exclusive="libnvidia-gl", provides="libglx-vendor, libegl-vendor",
        left_out="libnvidia-egl-wayland1 (>= 1.1.10), in no Debian release before 13; " + _NO_GL),
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
        left_out="xserver-xorg-core and xorg-video-abi-*; " + _NO_GL),
    Row("xserver-xorg-video-nvidia-{b}", "580.178; provides as template, inferred",
        "NVIDIA binary Xorg driver",
        section="non-free/x11", layouts=NEW,
        depends="libnvidia-cfg1-{b} (= {full}), libnvidia-gl-{b} (= {full})",
        exclusive="xorg-driver-binary, nvidia-driver-binary", provides="xorg-driver-video",
        left_out="xserver-xorg-core and xorg-video-abi-*; " + _NO_GL),
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
    Row("cuda-drivers-{b}", "550; 570.86.15 to 570.172.08 and 580.159.04 seen by name",
        section="multiverse/devel",
        summary="CUDA Driver meta-package, branch-specific",
        depends="nvidia-driver-{b} (>= {v}), nvidia-settings, nvidia-modprobe"),
    Row("cuda-drivers", "550", "CUDA Driver meta-package", section="multiverse/devel",
        depends="cuda-drivers-{b} (= {full})"),
    Row("nvidia-open-{b}", "guide: nvidia-driver-570-open (>= ...)", section="multiverse/devel",
        summary="NVIDIA Driver meta-package, Open GPU kernel modules, branch-specific",
        depends="nvidia-driver-{b}-open (>= {v})"),
    Row("nvidia-open", "570.133; dependency by analogy with cuda-drivers, inferred",
        section="multiverse/devel",
        summary="NVIDIA Driver meta-package, Open GPU kernel modules", depends="nvidia-open-{b} (= {full})"),
    # Fabric: the branch left the names with 580 and stayed as a virtual name
    Row("nvidia-fabricmanager-{b}", "570.133", "Fabric Manager for NVSwitch based systems", layouts=UP_TO_570,
        version="{fab}", depends="libc6 (>= 2.34)", payload="fabricmanager",
        exclusive="nvidia-fabricmanager"),
    Row("nvidia-fabricmanager", "nvidia-fabricmanager_580.65.06-1_amd64.deb and later file names; provides",
        "Fabric Manager for NVSwitch based systems", layouts=NEW, version="{fab}", depends="libc6 (>= 2.34)",
        provides="nvidia-fabricmanager-{b} (= {fab})", payload="fabricmanager"),
    Row("libnvidia-nscq-{b}", "570.133", "NVSwitch Configuration and Query Library", layouts=UP_TO_570,
        version="{fab}", exclusive="libnvidia-nscq"),
    Row("libnvidia-nscq", "libnvidia-nscq_580.105.08-1_amd64.deb", "NVSwitch Configuration and Query Library",
        layouts=NEW, version="{fab}", provides="libnvidia-nscq-{b} (= {fab})"),
    Row("nvidia-imex-{b}", "nvidia-imex-570 570.195.03-1 and 570.211.01-1", layouts=UP_TO_570,
        version="{fab}",
        summary="NVIDIA IMEX daemon", left_out="the daemon: no multi-node NVLink",
        exclusive="nvidia-imex"),
    Row("nvidia-imex", "nvidia-imex_580.126.20-1_amd64.deb, suffixed name as Provides", layouts=NEW,
        version="{fab}", summary="NVIDIA IMEX daemon", provides="nvidia-imex-{b} (= {fab})",
        left_out="the daemon: no multi-node NVLink"),
    # Pinning: they share one file, so only one can be installed
    Row("nvidia-driver-pinning-{b}", "guide; 580-1 and 580-5 seen", scope="branch", architecture="all",
        summary="APT driver pinning file for driver branch {b}", version="{pin}", payload="pin_branch",
        section="admin", exclusive="nvidia-driver-pinning"),
    Row("nvidia-driver-pinning-{v}", "guide; 590.48.01-0ubuntu1 seen", scope="pinned", architecture="all",
        summary="APT driver pinning file for driver version {v}", payload="pin_version", section="admin",
        exclusive="nvidia-driver-pinning"),
)

#: Repository key and sources; its content differs per distribution though the file name does not.
KEYRING = Row("cuda-keyring", "cuda-keyring_1.1-1_all.deb of every NVIDIA distribution directory",
              "GPG keyring for the CUDA repository", scope="archive", version="1.1-1", architecture="all",
              section="admin")

#: The distribution's own archive, for the kernels of the lab's host.
KERNEL_ROWS = (
    Row("linux-headers-{k}", "Ubuntu archive", "Linux kernel headers for {k}", scope="kernel", version="{kv}",
        section="devel", payload="linux_headers", left_out="the headers: the simulated modules include none"),
    Row("linux-image-{k}", "Ubuntu archive", "Linux kernel image {k}", scope="kernel", version="{kv}",
        section="kernel", depends="kmod", payload="linux_image",
        left_out="kernel and modules: the host's run"),
    Row("linux-headers-generic", "Ubuntu archive", "Generic Linux kernel headers", scope="newest",
        version="{kv}",
        section="kernel", depends="linux-headers-{k}"),
    Row("linux-image-generic", "Ubuntu archive", "Generic Linux kernel image", scope="newest", version="{kv}",
        section="kernel", depends="linux-image-{k}"),
    Row("linux-generic", "Ubuntu archive", "Complete Generic Linux kernel and headers", scope="newest",
        version="{kv}", section="kernel",
        depends="linux-image-generic (= {kv}), linux-headers-generic (= {kv})"),
)
# fmt: on
