# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  version:
    description:
      - The release of the container toolkit that is to be there, quoted. V("1.17") is satisfied by any 1.17,
        V("1.17.8") by that one. It is pinned, so that no upgrade leaves it.
      - Without it any installed release will do, and the newest comes where there is none.
    type: raw
  state:
    description:
      - V(present) holds the four packages at one version, the engines' configuration and the CDI
        specification.
      - V(absent) removes the packages, this collection's source and pin for them, and what this module put
        into the files of engines. What somebody else put there stays.
    type: str
    choices: [present, absent]
    default: present
  update:
    description:
      - Go to the newest release within O(version), even if an older one is installed.
    type: bool
    default: false
  hold:
    description:
      - V(true) pins and holds the packages, so that only this module moves them. V(false) lifts the hold.
      - Without it, both stay as they are, but a set of which a part is on hold is held as a whole.
    type: bool
  engines:
    description:
      - The container engines to configure, some of V(docker), V(containerd) and V(podman).
      - V(auto) is those that are installed. A containerd that came with Docker is not among them unless
        kubelet is there too, and one without CRI is not either.
    type: list
    elements: str
    default: [auto]
  default_runtime:
    description:
      - V(true) makes C(nvidia) the default runtime of Docker and containerd, V(false) takes that back.
      - Without it, the default stays what it is.
    type: bool
  cdi:
    description:
      - Whether a CDI specification of the GPUs and MIG devices is held, which Podman needs.
      - From 1.18 on the toolkit has a service that writes it to C(/var/run/cdi/nvidia.yaml), which is started
        where it is due. Before, it is written to C(/etc/cdi/nvidia.yaml).
    type: bool
    default: true
  check_image:
    description:
      - The image of a container in which C(nvidia-smi -L) must show every GPU and MIG device, run with Podman
        or else Docker. The engine fetches it where it is not on the node. The toolkit brings C(nvidia-smi).
      - It is run after a change, and once for each image, driver and set of devices since boot.
    type: str
  repository_url:
    description:
      - A mirror of NVIDIA's repository of the container toolkit for this architecture.
    type: str
  repository_key_url:
    description:
      - Where the public key of the repository is. Without it, C(gpgkey) where NVIDIA has it, beside the tree
        that O(repository_url) is in, or in the repository itself.
    type: str
  repository_key_fingerprint:
    description:
      - The fingerprint that the key must have, 40 hexadecimal digits. Without it, that of NVIDIA's key.
    type: str
  take_over:
    description:
      - Consent to replace a runtime C(nvidia) that is not that of the packages, a file of somebody else where
        ours goes for containerd or as C(/etc/cdi/nvidia.yaml), and another's source file whose key does not
        fit. O(state=absent) writes such files of containerd and CDI back.
    type: bool
    default: false
  disrupt_running_work:
    description:
      - Consent to end Docker's containers, where containerd must restart and Docker's service is bound to it.
        Nothing else here ends a container.
    type: bool
    default: false
"""
