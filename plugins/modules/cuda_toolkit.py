#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: cuda_toolkit
short_description: Hold CUDA toolkits side by side, with one default
version_added: 0.1.0
description:
  - Installs, updates or removes CUDA toolkits from apt packages or NVIDIA's runfiles, and holds the default
    that C(/usr/local/cuda) leads to and the environment around it.
  - No way through this module installs, upgrades or removes a driver. Where apt would, it is refused.
  - Observation needs no network. Nothing is fetched when nothing must change.
  - Toolkits that somebody else installed with a runfile and trees unpacked by hand are recognised. They
    satisfy a wish and can be the default. A tree unpacked by hand is never written to or removed.
  - A runfile is fetched into a cache, resumed after a cut, and verified before it is run. A tree on which its
    installer was cut off is not taken for a toolkit, and the next run does it anew.
  - C(/usr/local/cuda) stays what its owner made it, an alternative or a plain link.
  - A driver that is too old (counting minor-version compatibility and C(cuda-compat)), a GPU that the CUDA
    does not support, and a version that the repository does not have are refused before any step. A host
    without driver or GPU can have toolkits.
author:
  - The labfleet.gpu authors (@labfleet)
extends_documentation_fragment:
  - labfleet.gpu.cuda
  - labfleet.gpu.attributes
seealso:
  - module: labfleet.gpu.nvidia_driver
"""

EXAMPLES = r"""
- name: Two toolkits, the older one as default
  labfleet.gpu.cuda_toolkit:
    versions: ["12.4", "13.0"]
    default: "12.4"

- name: The runtime libraries alone
  labfleet.gpu.cuda_toolkit:
    versions: ["12.8"]
    components: runtime

- name: The newest release of 12.8, and no other toolkit
  labfleet.gpu.cuda_toolkit:
    versions: ["12.8"]
    update: true
    exclusive: true

- name: An older toolkit for which the repository has no packages
  labfleet.gpu.cuda_toolkit:
    versions: ["11.6.2"]
    source: runfile

- name: The same from a file that is on the node
  labfleet.gpu.cuda_toolkit:
    versions: ["11.6.2"]
    source: runfile
    runfile: /srv/nvidia/cuda_11.6.2_510.47.03_linux.run

- name: One toolkit less
  labfleet.gpu.cuda_toolkit:
    versions: ["12.4"]
    state: absent
"""

RETURN = r"""
before:
  description: The toolkits as they were found.
  returned: always
  type: dict
  contains: &summary
    toolkits:
      description:
        - Each toolkit by its path. Its C(version) is a release, or the minor where nothing tells more.
        - Its C(origin) is C(package) for NVIDIA's packages, C(distribution) for those of the distribution,
          C(runfile), or C(hand).
      type: dict
      sample: {/usr/local/cuda-12.4: {version: 12.4.1, origin: package}}
    default:
      description: The minor of the toolkit that C(/usr/local/cuda) leads to.
      type: str
      sample: "12.4"
    default_path:
      description: The directory that C(/usr/local/cuda) leads to.
      type: str
      sample: /usr/local/cuda-12.4
    default_kind:
      description: What C(/usr/local/cuda) is, C(alternative), C(link), or C(other) for a directory.
      type: str
      sample: alternative
    packages:
      description: The installed toolkit packages.
      type: list
      elements: str
      sample: [cuda-toolkit-12-4=12.4.1-1]
    lost:
      description:
        - What is gone behind the back of dpkg, a line for each package. Installed packages with the first of
          their files that somebody removed, and packages that somebody removed by force.
        - Those of the wished toolkits are brought back, at the versions that were there.
      type: list
      elements: str
      sample: ["cuda-nvcc-12-4: /usr/local/cuda-12.4/bin/nvcc and 2 more"]
    environment:
      description: Whether this collection's file for login shells is there.
      type: bool
      sample: true
    module_files:
      description: This collection's module files.
      type: list
      elements: str
      sample: [/etc/lmod/modules/cuda/12.4]
    driver_version:
      description: The installed driver, by its library, else the loaded one.
      type: str
      sample: 580.95.05
after:
  description: The toolkits as they are afterwards. In check mode, as the plan promises them.
  returned: success
  type: dict
  contains: *summary
steps:
  description: What was done, or in check mode what would be done, in order.
  returned: always
  type: list
  elements: dict
  sample:
    - phase: packages
      action: install
      what: "install CUDA 12.4.1: 62 packages"
      why: CUDA 12.4 is not installed
blockers:
  description: Why nothing was done.
  returned: when the wish was refused
  type: list
  elements: dict
  sample:
    - what: CUDA 13.0 no longer supports this GPU
      which: "0000:07:00.0 [10de:1db1] Volta, compute capability 7.0"
      next: use CUDA 12.9 or older
reboot_required:
  description: Toolkits never need a reboot.
  returned: success
  type: bool
  sample: false
reboot_reasons:
  description: Always empty.
  returned: success
  type: list
  elements: str
  sample: []
"""

from ansible_collections.labfleet.gpu.plugins.module_utils._compiled_once import compile_once


def main() -> None:
    compile_once()
    from ansible_collections.labfleet.gpu.plugins.module_utils._converge import Part, converge
    from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.component import CUDA
    from ansible_collections.labfleet.gpu.plugins.module_utils._cuda.wish import ARGUMENTS, wish_from
    from ansible_collections.labfleet.gpu.plugins.module_utils._discreet import DiscreetModule
    from ansible_collections.labfleet.gpu.plugins.module_utils._wishes import BadWish

    module = DiscreetModule(argument_spec=ARGUMENTS)
    try:
        wish = wish_from(module.params)
    except BadWish as exc:
        module.fail_json(msg=str(exc))
    converge(module, [Part(CUDA, wish)])


if __name__ == "__main__":
    main()
