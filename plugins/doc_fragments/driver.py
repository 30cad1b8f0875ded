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
      - V(absent) removes the driver's packages, and this collection's own pin, source and key. The
        container toolkit, CUDA, cuDNN and DCGM stay.
    type: str
    choices: [present, absent]
    default: present
  branch:
    description:
      - The driver branch, for example V(580). Any installed version of the branch satisfies it.
      - Either this or O(version) must be set for O(state=present).
    type: raw
  version:
    description:
      - The exact driver version, quoted, for example V("580.95.05"). An unquoted number is refused.
      - The whole set is pinned to it.
    type: raw
  source:
    description:
      - V(nvidia) is NVIDIA's own repository, V(debian) the non-free part of Debian's archive.
      - With V(auto) an installed driver keeps its source. On a host without a driver, Ubuntu gets V(nvidia)
        and Debian gets V(debian).
    type: str
    choices: [auto, nvidia, debian]
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
      - V(true) pins and holds the driver packages, so that only this module moves them.
      - V(false) lifts the hold. Without it, holds stay as they are.
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
    type: bool
    default: false
"""
