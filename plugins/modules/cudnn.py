#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: cudnn
short_description: Hold cuDNN, from packages or from an archive in a toolkit
version_added: 0.1.0
description:
  - Installs, updates or removes cuDNN from NVIDIA's apt packages, all parts at exactly one version, or from
    an archive that goes into one toolkit or all of a CUDA.
  - Every file that an archive brought is in a list in C(/var/lib/labfleet-gpu/cudnn). A change or
    O(state=absent) removes exactly these.
  - A cuDNN that somebody copied into a toolkit is recognised and reported, and never written to without
    O(take_over). The distribution's package C(nvidia-cudnn) is recognised and left alone.
  - A change ends with the library loaded in a process of its own and asked for its version. It, the header
    and the wish must agree.
  - A version that does not work with this CUDA, the toolkits, the GPUs or the driver is refused before any
    step, saying what would do. Where several versions satisfy the wish, the newest that supports the GPUs is
    taken.
  - Observation needs no network. Nothing is fetched when nothing must change.
author:
  - The labfleet.gpu authors (@labfleet)
extends_documentation_fragment:
  - labfleet.gpu.cudnn
  - labfleet.gpu.attributes
seealso:
  - module: labfleet.gpu.cuda_toolkit
"""

EXAMPLES = r"""
- name: The newest cuDNN 9 for CUDA 12, from packages
  labfleet.gpu.cudnn:
    version: "9"
    cuda: "12"

- name: From 8 to 9, with nothing left of 8
  labfleet.gpu.cudnn:
    version: "9.5.1"
    cuda: "12"
    exclusive: true

- name: An archive into one toolkit
  labfleet.gpu.cudnn:
    version: "8.9.7"
    cuda: "12"
    source: archive
    archive: /srv/nvidia/cudnn-linux-x86_64-8.9.7.29_cuda12-archive.tar.xz
    toolkit: "12.4"

- name: That toolkit as it was
  labfleet.gpu.cudnn:
    state: absent
    toolkit: "12.4"
"""

RETURN = r"""
before:
  description: The cuDNNs as they were found.
  returned: always
  type: dict
  contains: &summary
    cudnn:
      description:
        - Each cuDNN by the library that programs load. Its C(version) has four numbers where a package or an
          archive tells them, and is else that of the file's name.
        - Its C(origin) is C(package), C(archive), C(distribution) for that package, or C(hand).
        - Its C(cuda) is the major that it is for, where that is known, its C(header) the version in
          C(cudnn_version.h).
      type: dict
      sample:
        /usr/lib/x86_64-linux-gnu/libcudnn.so.9:
          {version: 9.5.1.17, origin: package, cuda: "12", header: 9.5.1}
    headers:
      description: What the packages' C(cudnn.h) is, through their alternative.
      type: str
      sample: /usr/include/x86_64-linux-gnu/cudnn_v9.h
    packages:
      description: The installed packages of cuDNN.
      type: list
      elements: str
      sample: [libcudnn9-cuda-12=9.5.1.17-1]
    lost:
      description:
        - What is gone behind the back of dpkg, a line for each package. Installed packages with the first of
          their files that somebody removed, and packages that somebody removed by force.
        - Those of the wished cuDNN are brought back, at the version that was there.
      type: list
      elements: str
      sample: ["libcudnn9-cuda-12: /usr/lib/x86_64-linux-gnu/libcudnn.so.9 and 1 more"]
    driver_version:
      description: The installed driver, by its library, else the loaded one.
      type: str
      sample: 580.95.05
after:
  description: The cuDNNs as they are afterwards. In check mode, as the plan promises them.
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
      what: "install cuDNN 9.5.1.17: 2 packages"
      why: cuDNN 9 for CUDA 12 is not installed
blockers:
  description: Why nothing was done.
  returned: when the wish was refused
  type: list
  elements: dict
  sample:
    - what: cuDNN 9.26.0 with CUDA 12 no longer supports this GPU
      which: "0000:07:00.0 [10de:1db1] Volta, compute capability 7.0"
      next: use cuDNN 9.10.2
reboot_required:
  description: cuDNN never needs a reboot.
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
    from ansible_collections.labfleet.gpu.plugins.module_utils._cudnn.component import CUDNN
    from ansible_collections.labfleet.gpu.plugins.module_utils._cudnn.wish import ARGUMENTS, wish_from
    from ansible_collections.labfleet.gpu.plugins.module_utils._discreet import DiscreetModule
    from ansible_collections.labfleet.gpu.plugins.module_utils._wishes import BadWish

    module = DiscreetModule(argument_spec=ARGUMENTS)
    try:
        wish = wish_from(module.params)
    except BadWish as exc:
        module.fail_json(msg=str(exc))
    converge(module, [Part(CUDNN, wish)])


if __name__ == "__main__":
    main()
