# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  state:
    description:
      - V(present) holds a driver installed.
      - V(absent) removes the driver's packages and this collection's own files for it, such as pin, source,
        key and module options. The container toolkit, CUDA, cuDNN and DCGM stay.
    type: str
    choices: [present, absent]
    default: present
  branch:
    description:
      - The driver branch, for example V(580). Any installed version of the branch satisfies it.
      - V(recommended) chooses it on the host as ubuntu-drivers does, the newest long-lived branch whose
        packages name all GPUs of the host. It is sticky, an installed branch that drives the GPUs stays.
      - Either this or O(version) must be set for O(state=present).
    type: raw
  version:
    description:
      - The exact driver version, quoted, for example V("580.95.05"). An unquoted number is refused.
      - The whole set is pinned to it.
    type: raw
  source:
    description:
      - V(nvidia) is NVIDIA's own repository, V(ubuntu) Ubuntu's archive with the kernel modules that
        Canonical signs, V(debian) the non-free part of Debian's archive.
      - With V(auto) an installed driver keeps its source. On a host without a driver, Ubuntu gets V(nvidia)
        and Debian gets V(debian).
      - Where several of them are configured, the driver is pinned to this one.
    type: str
    choices: [auto, nvidia, ubuntu, debian]
    default: auto
  kernel_module:
    description:
      - The flavour of the kernel module. V(auto) takes one that drives all GPUs of the host, going by their
        PCI ids. An installed flavour that does stays.
    type: str
    choices: [auto, open, proprietary]
    default: auto
  components:
    description:
      - V(compute) is what a server needs, V(desktop) adds the graphics parts.
    type: str
    choices: [compute, desktop]
    default: compute
  hold:
    description:
      - V(true) pins and holds the driver packages and excludes them from unattended-upgrades, so that only
        this module moves them. It does so without lifting anything by hand, and holds the new ones.
      - V(false) lifts the hold and the exclusion. Without it, both stay as they are, but a set of which a
        part is on hold is held as a whole.
    type: bool
  update:
    description:
      - Go to the newest version that satisfies O(branch), even if an older one is installed.
    type: bool
    default: false
  repository_url:
    description:
      - A mirror of NVIDIA's repository for this distribution and architecture.
    type: str
  repository_key_url:
    description:
      - Where the public key of the repository is. Without it, the key file that lies in the repository.
    type: str
  repository_key_fingerprint:
    description:
      - The fingerprint that the key must have, 40 hexadecimal digits. Without it, that of NVIDIA's key.
    type: str
  gpus:
    description:
      - GPUs to plan for instead of those on the PCI bus, for images and build nodes. Each is an architecture,
        such as V(hopper), or a PCI device id, such as V("2330").
    type: list
    elements: raw
  disrupt_running_work:
    description:
      - Consent to change the driver while programs work on the GPUs. Without it that is refused, and the
        programs are named.
      - With it, the new driver is activated without a reboot where that can be. The services that hold the
        GPUs are stopped and started again; other programs are never ended, and then the reboot stays due.
      - GPUs in MIG mode are left to the reboot too, because their instances end with the kernel modules.
    type: bool
    default: false
  branch_offset:
    description:
      - How many branches O(branch=recommended) stays behind the newest, V(1) for the next-newest.
    type: int
    default: 0
  server_series:
    description:
      - V(true) takes the C(-server) packages of Ubuntu's archive, V(false) the others. Without it, an
        installed driver keeps its series.
    type: bool
  module_options:
    description:
      - Options of the kernel module C(nvidia), such as C(NVreg_EnableGpuFirmware), with their values. They
        are written to one file of modprobe, and the initramfs is renewed.
      - Where the loaded module has another value, as far as C(/proc/driver/nvidia/params) shows it, that is
        a reason for a reboot. A file of somebody else that sets it otherwise is named in a warning.
      - An empty mapping removes the file. Without it, the file stays as it is.
    type: dict
  take_over:
    description:
      - Consent to remove a driver that NVIDIA's C(.run) installer left, by its own C(nvidia-uninstall).
        Without it such a host is refused.
      - Consent, too, to put another's source file for NVIDIA's repository aside where its key does not fit or
        where two files name different keys. It is kept beside its place with the ending C(.save).
    type: bool
    default: false
  keep_former:
    description:
      - Keep the packages of the former driver on the host before they are replaced, so that there is a way
        back when no source has them any more.
    type: bool
    default: true
"""
