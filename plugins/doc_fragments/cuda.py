# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  versions:
    description:
      - The toolkits that are to be there, each quoted. A minor such as V("12.4") is satisfied by any
        installed release of it, an exact release such as V("12.4.1") by that one alone. An unquoted number is
        refused.
      - Other toolkits stay, unless O(exclusive=true).
      - With O(state=absent), those that are to go. Without it, all of them.
    type: list
    elements: raw
  state:
    description:
      - V(present) holds the O(versions) installed.
      - V(absent) removes their packages, or runs the uninstaller of a runfile, and with the last toolkit
        removes the files of the environment. Where the default goes, the newest that is left takes its place.
      - A tree that somebody unpacked by hand is never removed.
    type: str
    choices: [present, absent]
    default: present
  default:
    description:
      - The minor that C(/usr/local/cuda) is to lead to, quoted. It may be any toolkit that is there.
      - Without it, the default stays as it is while its toolkit is there, and is the newest otherwise.
    type: raw
  source:
    description:
      - V(nvidia) is NVIDIA's own repository, V(ubuntu) and V(debian) the C(nvidia-cuda-toolkit) of the
        distribution, which is one version, lies in C(/usr) and cannot be the default.
      - V(runfile) is NVIDIA's installer of one release, run for the toolkit alone, silently, with a directory
        of its own to unpack in. A minor stands for its newest known release. C(libxml2) is installed with apt
        where it is missing, since the installer needs it, and stays afterwards.
      - With V(auto), any toolkit that is there will do, and what lacks comes from V(nvidia).
    type: str
    choices: [auto, nvidia, runfile, ubuntu, debian]
    default: auto
  components:
    description:
      - V(toolkit) is all of it, V(runtime) the libraries that programs need, V(compiler) what compiles
        programs.
      - Or a list of component packages without their version, such as V(cuda-nvcc) or V(libcublas-dev).
    type: raw
    default: toolkit
  exclusive:
    description:
      - Remove all toolkits that are not in O(versions).
    type: bool
    default: false
  update:
    description:
      - Go to the newest release of each minor in O(versions), even if an older one is installed.
    type: bool
    default: false
  environment:
    description:
      - Hold a file in C(/etc/profile.d) that sets C(PATH), C(CUDA_HOME) and C(CUDADIR) to the default, and
        one in C(/etc/ld.so.conf.d) with its libraries.
      - Other files are never edited. What older guides left in them is told in a warning.
    type: bool
    default: true
  library_path:
    description:
      - Whether the file in C(/etc/profile.d) sets C(LD_LIBRARY_PATH) as well. It breaks the wheels of PyTorch
        and others, which find these libraries before their own. Without it, that stays as it is.
    type: bool
  module_files:
    description:
      - Hold a module file for each toolkit, where V(environment-modules) or V(lmod) finds it.
      - V(none) removes this collection's module files. With V(keep) they stay as they are, but those of
        toolkits that go are removed.
    type: str
    choices: [keep, none, environment-modules, lmod]
    default: keep
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
      - Consent to put another's source file for NVIDIA's repository aside where its key does not fit.
    type: bool
    default: false
  runfile:
    description:
      - Where the runfile is, with O(source=runfile) and one version. Either an absolute path on the node, or
        an C(http), C(https) or C(file) URL. Without it, the file comes from NVIDIA.
    type: str
  runfile_mirror:
    description:
      - A mirror of C(https://developer.download.nvidia.com/compute/cuda/), with the same paths below it.
    type: str
  checksum:
    description:
      - What the runfile must be, C(sha256:) or C(md5:) with the hexadecimal digits. It goes before the
        checksum that this collection knows.
      - NVIDIA publishes MD5 alone. For some releases no SHA-256 is known. Then a file from elsewhere than
        C(developer.download.nvidia.com) needs this.
    type: str
  keep_downloads:
    description:
      - Keep the runfile in C(/var/cache/labfleet-gpu/cuda) after the installation. Without it, it is removed.
    type: bool
    default: false
"""
