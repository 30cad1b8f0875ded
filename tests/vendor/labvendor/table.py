# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the simulated vendor repositories carry: which release is where, each row with its source.

The packages of a release have rows of their own: nvidia_suffixed, nvidia_bare, nvidia_debian, fabric.

Sources, in short form:
  template  NVIDIA/ubuntu-packaging-nvidia-driver@df92087 debian/templates/control.in and *.install.in
  550       package listing of NVIDIA's 550.54.15 local repository for Ubuntu
  570.133   apt command lines with exact versions against NVIDIA's ubuntu2204/ubuntu2404 repositories
  570.172   dependency tree of nvidia-open 570.172.08-0ubuntu1 in NVIDIA's repository
  580.65    file list with sizes and SHA-256 of developer.download.nvidia.com ubuntu2204/x86_64, 580.65.06
  580.95    `dpkg -l` after installing nvidia-driver-580-open from NVIDIA's repository, 580.95.05
  580.159   apt command line that downgrades the headless set to 580.159.03-1ubuntu1
  580.178   dependency records of 580.173.02 and 580.178.04 in NVIDIA's repository
  survey    apt-cache survey of NVIDIA's ubuntu2404 repository, May and July 2026
  guide     NVIDIA Driver Installation Guide, Ubuntu chapter
"inferred" after a source marks what follows from the neighbouring releases and was not seen itself.
"""

from __future__ import annotations

from labvendor import fabric, nvidia_bare, nvidia_debian, nvidia_suffixed
from labvendor.model import Family, Release, Row

# fmt: off
SUFFIXED_RELEASES = (
    Release(535, "535.54.03", "0ubuntu1", "1", "split-revision", only=("ubuntu2204",),
            source="libnvidia-gl-535 535.54.03-0ubuntu1 in NVIDIA/open-gpu-kernel-modules#537"),
    Release(535, "535.104.05", "0ubuntu1", "1", "split-revision", only=("ubuntu2204",),
            source="driver of CUDA 12.2.1 and 12.2.2; revision as 535.54.03"),
    Release(550, "550.54.15", "0ubuntu1", "1", "split-revision", only=("ubuntu2204",), source="550"),
    Release(550, "550.163.01", "0ubuntu1", "1", "split-revision",
            "last release of the branch; survey: ubuntu2404 has fabric packages of 550; revisions inferred"),
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


BARE_RELEASES = (
    Release(590, "590.44.01", "0ubuntu1", "1", "bare", "survey; revision as 590.48.01, inferred",
            pinning="survey: every release has one", only=("ubuntu2204", "ubuntu2404")),
    Release(590, "590.48.01", "0ubuntu1", "1", "bare",
            "nvidia-open=590.48.01-0ubuntu1 and every other package named so; fabric revision inferred",
            pinning="nvidia-driver-pinning-590.48.01=590.48.01-0ubuntu1", only=("ubuntu2204", "ubuntu2404")),
    Release(595, "595.71.05", "1ubuntu1", "1ubuntu1", "bare",
            "package list of a host on ubuntu2204; nvidia-fabricmanager=595.71.05-1ubuntu1; 2604 inferred",
            pinning="survey"),
    Release(595, "595.91.07", "1ubuntu1", "1ubuntu1", "bare",
            "nvidia-open 595.91.07-1ubuntu1 in apt-cache madison; guide", pinning="guide"),
    Release(615, "615.71.09", "2ubuntu1", "2ubuntu1", "bare", "guide: nvidia-open 615.71.09-2ubuntu1; "
            "fabric revision inferred", pinning="inferred: every release has one", open_only=True),
)

DEBIAN_RELEASES = (
    Release(570, "570.133.20", "1", "1", "debian", "inferred: debian12 had 560 and 580", only=("debian12",)),
    Release(570, "570.211.01", "1", "1", "debian", "its pinning package is in debian13; the rest inferred",
            pinning="apt-cache search nvidia-driver-pinning on Debian 13"),
    Release(580, "580.105.08", "1", "1", "debian", "NVIDIA developer forum 353805",
            pinning="apt-cache search nvidia-driver-pinning on Debian 13"),
    Release(580, "580.178.04", "1", "1", "debian", "guide: nvidia-driver-cuda 580.178.04-1",
            pinning="inferred: every release since 580.105.08 has one"),
    Release(590, "590.48.01", "1", "1", "debian", "release as on Ubuntu, revision as 580, inferred",
            pinning="inferred"),
    Release(595, "595.71.05", "1", "1", "debian", "install notes of a Debian 13 host: all at 595.71.05-1",
            pinning="nvidia-driver-pinning-595.71.05 on that host"),
    Release(595, "595.91.07", "1", "1", "debian", "release as on Ubuntu, inferred", pinning="inferred"),
    Release(615, "615.71.09", "1", "1", "debian", "forum notes: 615.71.09 selects the open module on Debian; "
            "revision inferred", pinning="inferred", open_only=True),
)

#: Version of nvidia-driver-pinning-<branch>: it counts on its own (580-1, 580-5 seen; the others inferred).
PINNING_VERSIONS = {570: "570-1", 580: "580-5", 590: "590-1", 595: "595-1", 615: "615-1"}

_UBUNTU = (
    Family("suffixed", (*nvidia_suffixed.ROWS, *fabric.ROWS), SUFFIXED_RELEASES),
    Family("bare", (*nvidia_bare.ROWS, *fabric.ROWS), BARE_RELEASES),
)
_DEBIAN = (Family("debian", (*nvidia_debian.ROWS, *fabric.ROWS), DEBIAN_RELEASES),)

#: NVIDIA's directories. ubuntu2404 began with CUDA 12.5, ubuntu2604 after the rename.
DISTRIBUTIONS = {
    "ubuntu2204": _UBUNTU,
    "ubuntu2404": _UBUNTU,
    "ubuntu2604": _UBUNTU[1:],
    "debian12": _DEBIAN,
    "debian13": _DEBIAN,
}

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

#: What the driver metapackages of Ubuntu's archive recommend; their versions count on their own.
DESKTOP_ROWS = (
    Row("nvidia-settings", "510.47.03-0ubuntu1 on Ubuntu 22.04",
        "Tool for configuring the NVIDIA graphics driver",
        version="510.47.03-0ubuntu1", section="x11", left_out="the program: nothing to show it on"),
    Row("nvidia-prime", "0.8.17.1 on Ubuntu 22.04", "Tools to enable NVIDIA's Prime", version="0.8.17.1",
        architecture="all", section="x11", left_out="the tools: no laptop is simulated"),
)
# fmt: on
