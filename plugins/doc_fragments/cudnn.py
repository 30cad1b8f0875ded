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
      - The cuDNN that is to be there, one to four numbers, quoted. V("9") is satisfied by any 9, V("9.5.1")
        by any build of it.
      - Needed unless O(state=absent), where it says which one is to go. Without it, all go.
    type: raw
  cuda:
    description:
      - The CUDA that it is to be for, V("12") or V("12.4"). It must be that of a toolkit where there are any.
      - Without it, that of the toolkit which it goes into, or which C(/usr/local/cuda) leads to, or of the
        only one.
    type: raw
  state:
    description:
      - V(present) holds this version.
      - V(absent) removes packages, and from toolkits exactly the files that an archive brought. Files that
        somebody changed since, and a cuDNN that somebody copied by hand, stay and are told.
    type: str
    choices: [present, absent]
    default: present
  source:
    description:
      - V(nvidia) is NVIDIA's package repository, V(archive) an archive that goes into a toolkit.
      - With V(auto), any cuDNN that programs find by default will do, and what lacks comes from V(nvidia),
        or from an archive where O(archive) or O(toolkit) is given.
    type: str
    choices: [auto, nvidia, archive]
    default: auto
  components:
    description:
      - V(runtime) is what programs need, V(dev) has the headers as well, V(static) the static libraries too.
      - All that is installed of a cuDNN is of one version. Components that are there are not removed.
    type: str
    choices: [runtime, dev, static]
    default: dev
  archive:
    description:
      - The archive, an absolute path on the node or an http, https or file URL. Without it, NVIDIA's own for
        this version, CUDA and architecture, where it is known.
      - What is fetched is removed once it is unpacked.
    type: str
  checksum:
    description:
      - The SHA-256 of the archive, C(sha256:) and 64 hexadecimal digits. Needed where none is known for its
        name.
    type: str
  toolkit:
    description:
      - The toolkits that an archive goes into, a version such as V("12.4"), the path of one, or V(all),
        which are those of this O(cuda). Without it, the one that C(/usr/local/cuda) leads to, or the only
        one.
      - Toolkits are found in C(/usr/local), C(/opt) and C(/opt/nvidia), under names that begin with C(cuda).
    type: raw
  exclusive:
    description:
      - Remove every other cuDNN that packages or archives brought. Without it, cuDNN 8 stays beside 9 for the
        programs that were linked with it, and the headers are those of O(version).
    type: bool
    default: false
  update:
    description:
      - Go to the newest cuDNN within O(version) that supports the GPUs, even if an older one is installed.
    type: bool
    default: false
  gpus:
    description:
      - GPUs to plan for instead of those on the PCI bus, for images and build nodes. Each is an architecture,
        such as V(hopper), or a PCI device id, such as V("2330").
    type: list
    elements: raw
  driver_version:
    description:
      - The driver to plan for instead of that of the host, quoted, for images and build nodes.
    type: raw
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
  take_over:
    description:
      - Consent to replace a cuDNN that somebody copied by hand to where this one goes, and files of an
        archive that somebody changed since. They are not kept.
      - Consent to put another's source file for NVIDIA's repository aside where its key does not fit.
    type: bool
    default: false
"""
