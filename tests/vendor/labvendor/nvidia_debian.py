# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA's packages for Debian 12 and 13: no branch in the names, ever; laid out as Debian's own.

Sources, in short form:
  guide     NVIDIA Driver Installation Guide, Debian chapter: nvidia-open, cuda-drivers, nvidia-driver-cuda,
            nvidia-kernel-dkms, nvidia-kernel-open-dkms
  hold      `apt-mark hold` line with every package of a Debian 12 host on NVIDIA's repository, 560
  595.45    `dpkg -l` on Debian with nvidia-open 595.45.04-1 from NVIDIA's repository
  forum     NVIDIA developer forum 353805: Depends of cuda-drivers-580 580.105.08-1, all of them ">="
  mirror    script that mirrors nvidia-open and nvidia-driver of debian13, 595 and 610, with their conflicts
  archive   Debian's package of the same name; NVIDIA's packages began as these
Dependencies without a source of their own follow Debian's package of the same name and are inferred; GLX and
EGL alternatives of Debian are left out throughout.
"""

from __future__ import annotations

from labvendor.model import DEBIAN, Row
from labvendor.nvidia_suffixed import NO_GL

_LIBC = "libc6 (>= 2.34)"


def _library(
    name: str,
    summary: str,
    depends: str = _LIBC,
    recommends: str = "",
    provides: str = "",
    payload: str = "",
    left_out: str = "",
) -> Row:
    return Row(
        name,
        "hold",
        summary,
        layouts=DEBIAN,
        multi_arch="same",
        section="non-free/libs",
        depends=depends,
        recommends=recommends,
        provides=provides,
        payload=payload,
        left_out=left_out,
    )


# fmt: off
ROWS = (
    # Kernel side
    Row("nvidia-kernel-dkms", "guide; archive", "NVIDIA binary kernel module DKMS source", layouts=DEBIAN,
        proprietary=True, section="non-free/kernel", flavour="",
        depends="firmware-nvidia-gsp (= {full}), nvidia-kernel-support (= {full}), dkms",
        conflicts="nvidia-kernel-open-dkms, nvidia-open-kernel-dkms", replaces="nvidia-kernel-open-dkms",
        provides="nvidia-kernel-{v}, nvidia-kernel-dkms-any (= {full})", payload="whole_dkms"),
    Row("nvidia-kernel-open-dkms", "guide; 595.45; archive's nvidia-open-kernel-dkms", layouts=DEBIAN,
        summary="NVIDIA binary kernel module DKMS source open flavor", section="non-free/kernel",
        flavour="-open",
        depends="firmware-nvidia-gsp (= {full}), nvidia-kernel-support (= {full}), dkms",
        conflicts="nvidia-kernel-dkms, nvidia-open-kernel-dkms", replaces="nvidia-kernel-dkms",
        provides="nvidia-open-kernel-{v}, nvidia-open-kernel-dkms-any (= {full})", payload="whole_dkms"),
    Row("nvidia-kernel-support", "mirror (conflicts); hold; archive",
        "NVIDIA binary kernel module support files", layouts=DEBIAN, section="non-free/kernel",
        depends="nvidia-modprobe (>= {v})",
        conflicts="nvidia-kernel-common", replaces="nvidia-kernel-common",
        provides="nvidia-kernel-support-any", payload="kernel_support"),
    Row("firmware-nvidia-gsp", "hold; archive", "NVIDIA GSP firmware", layouts=DEBIAN,
        section="non-free-firmware/kernel", provides="firmware-nvidia-gsp-{v}", payload="firmware",
        left_out="the firmware itself: there is no GSP"),
    Row("nvidia-modprobe", "hold", "utility to load NVIDIA kernel modules and create device nodes",
        layouts=DEBIAN, payload="modprobe", left_out="its setuid bit: it is a script here"),
    # Compute
    Row("nvidia-driver-cuda", "guide; 595.45; that nvidia-smi is in here: install script of debian13",
        "NVIDIA driver CUDA integration components", layouts=DEBIAN, section="non-free/libs",
        depends="libcuda1 (= {full}), libnvidia-ml1 (= {full}), libnvidia-cfg1 (= {full}), "
                "libnvidia-ptxjitcompiler1 (= {full}), nvidia-persistenced (>= {full}), " + _LIBC,
        recommends="nvidia-opencl-icd (= {full}), nvidia-cuda-mps (= {full})",
        conflicts="nvidia-smi (<< 560)", replaces="nvidia-smi (<< 560)", payload="utils"),
    Row("nvidia-smi", "hold; a dummy since nvidia-driver-cuda has the program: policy script of debian13",
        "NVIDIA System Management Interface (transitional package)", layouts=DEBIAN, section="oldlibs",
        depends="nvidia-driver-cuda (= {full})"),
    _library("libcuda1", "NVIDIA CUDA Driver Library",
             depends="libnvidia-ptxjitcompiler1 (= {full}), libnvidia-gpucomp (= {full}), " + _LIBC,
             recommends="nvidia-kernel-dkms (= {full}) | nvidia-kernel-open-dkms (= {full})",
             provides="libcuda.so.1 (= {v}), libcuda1-any", left_out="libcuda: only NVML is simulated"),
    _library("libnvidia-ml1", "NVIDIA Management Library (NVML) runtime library",
             provides="libnvidia-ml.so.1 (= {v})", payload="libnvidia_ml"),
    _library("libnvidia-cfg1", "NVIDIA binary OpenGL/GLX configuration library",
             provides="libnvidia-cfg.so.1", payload="cfg", left_out="the library: nothing calls it"),
    _library("libnvidia-ptxjitcompiler1", "NVIDIA PTX JIT Compiler library",
             depends="libnvidia-nvvm4 (= {full}), " + _LIBC),
    _library("libnvidia-nvvm4", "NVIDIA NVVM Compiler library"),
    _library("libnvidia-gpucomp", "NVIDIA binary GPU compiler library"),
    _library("nvidia-opencl-icd", "NVIDIA OpenCL installable client driver (ICD)", provides="opencl-icd",
             depends="libcuda1 (= {full}), " + _LIBC),
    Row("nvidia-cuda-mps", "hold", "NVIDIA CUDA Multi Process Service (MPS)", layouts=DEBIAN,
        section="non-free/utils", depends="libcuda1 (= {full}), " + _LIBC,
        left_out="MPS: no CUDA is simulated"),
    Row("nvidia-persistenced", "hold; archive",
        "daemon to maintain persistent software state in the NVIDIA driver", layouts=DEBIAN,
        section="non-free/utils", depends="adduser, libnvidia-cfg1 (= {full}), " + _LIBC,
        payload="persistenced"),
    # Desktop
    Row("nvidia-driver", "guide; 595.45; mirror (conflicts)", "NVIDIA metapackage", layouts=DEBIAN,
        section="non-free/x11",
        depends="nvidia-driver-libs (= {full}), xserver-xorg-video-nvidia (= {full}), "
                "nvidia-vdpau-driver (= {full}), nvidia-kernel-support (= {full}), "
                "nvidia-kernel-dkms (= {full}) | nvidia-kernel-open-dkms (= {full})",
        open_depends="nvidia-driver-libs (= {full}), xserver-xorg-video-nvidia (= {full}), "
                     "nvidia-vdpau-driver (= {full}), nvidia-kernel-support (= {full}), "
                     "nvidia-kernel-open-dkms (= {full})",
        recommends="nvidia-settings (>= {v}), libnvidia-cfg1 (= {full}), nvidia-persistenced (>= {v})",
        conflicts="nvidia-suspend-common", replaces="nvidia-suspend-common",
        provides="nvidia-driver-any, nvidia-glx-any"),
    _library("nvidia-driver-libs", "NVIDIA metapackage (OpenGL/GLX/EGL/GLES libraries)",
             depends="libgl1-nvidia-glvnd-glx (= {full}), nvidia-egl-icd (= {full})",
             recommends="libnvidia-encode1 (= {full}), libnvidia-fbc1 (= {full}), "
                        "nvidia-vulkan-icd (= {full})"),
    _library("libgl1-nvidia-glvnd-glx", "NVIDIA binary OpenGL/GLX library (GLVND variant)",
             depends="libnvidia-glcore (= {full})", left_out=NO_GL),
    _library("libnvidia-glcore", "NVIDIA binary OpenGL/GLX core libraries", left_out=NO_GL),
    _library("libnvidia-eglcore", "NVIDIA binary EGL core libraries", left_out=NO_GL),
    _library("nvidia-egl-icd", "NVIDIA EGL installable client driver (ICD)",
             depends="libnvidia-eglcore (= {full})", left_out=NO_GL),
    _library("nvidia-vulkan-icd", "NVIDIA Vulkan installable client driver (ICD)",
             depends="libnvidia-glcore (= {full})", left_out=NO_GL),
    _library("nvidia-vdpau-driver", "Video Decode and Presentation API for Unix - NVIDIA driver"),
    _library("libnvidia-encode1", "NVENC Video Encoding runtime library",
             depends="libcuda1 (= {full}), " + _LIBC),
    _library("libnvidia-fbc1", "NVIDIA OpenGL-based Framebuffer Capture runtime library"),
    Row("xserver-xorg-video-nvidia", "hold; archive", "NVIDIA binary Xorg driver", section="non-free/x11",
        layouts=DEBIAN, depends="libnvidia-glcore (= {full}), nvidia-kernel-support (>= {v})",
        provides="xorg-driver-video", left_out="xserver-xorg-core and xorg-video-abi-*; " + NO_GL),
    Row("nvidia-settings", "hold", "tool for configuring the NVIDIA graphics driver", layouts=DEBIAN,
        left_out="the GTK program and its libraries: nothing to show it on"),
    Row("nvidia-xconfig", "hold; forum", "deprecated X configuration tool for NVIDIA drivers", layouts=DEBIAN,
        left_out="the program: there is no X server"),
    # Metapackages
    Row("cuda-drivers-{b}", "forum; up to 580", "NVIDIA Driver meta-package, branch-specific",
        section="multiverse/devel", layouts=DEBIAN, branches=(570, 580), proprietary=True,
        depends="nvidia-driver (>= {v}), nvidia-driver-cuda (>= {v}), nvidia-kernel-dkms (>= {v}), "
                "nvidia-settings (>= {v}), nvidia-xconfig (>= {v})"),
    Row("cuda-drivers", "guide; dependencies as cuda-drivers-580's, inferred",
        "NVIDIA Driver meta-package, Proprietary GPU kernel modules, latest version",
        section="multiverse/devel", layouts=DEBIAN, proprietary=True,
        depends="nvidia-driver (>= {v}), nvidia-driver-cuda (>= {v}), nvidia-kernel-dkms (>= {v}), "
                "nvidia-settings (>= {v}), nvidia-xconfig (>= {v})"),
    Row("nvidia-open", "595.45; guide (conflict); dependencies by analogy, inferred",
        "NVIDIA Driver meta-package, Open GPU kernel modules, latest version", section="multiverse/devel",
        layouts=DEBIAN, conflicts="nvidia-kernel-dkms",
        depends="nvidia-driver (>= {v}), nvidia-driver-cuda (>= {v}), nvidia-kernel-open-dkms (>= {v}), "
                "nvidia-settings (>= {v}), nvidia-xconfig (>= {v})"),
)
# fmt: on
