#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: conda_gpu_env
short_description: Hold a conda environment for GPU work
version_added: 0.1.0
description:
  - Makes, changes, copies, takes back and removes conda environments. They are ordinary ones, which conda,
    mamba and micromamba go on with.
  - Framework, CUDA, Python, driver and GPUs are checked before anything is solved, and what cannot work is
    refused with what would.
  - A change is made to a copy that nobody sees, which takes the place of the former environment in one move.
    A run that is cut off leaves one of the two, whole.
  - Where the environment is as wished, nothing is solved and nothing is fetched. Of one that something else
    made, that is noted in it once, which is a step.
  - No conda is needed on the node. What solves and installs is the library py-rattler, in
    C(/opt/labfleet-gpu), or a conda, mamba or micromamba that is there.
author:
  - The labfleet.gpu authors (@labfleet)
extends_documentation_fragment:
  - labfleet.gpu.conda
  - labfleet.gpu.conda.wish
  - labfleet.gpu.attributes
seealso:
  - module: labfleet.gpu.conda_gpu_env_export
"""

EXAMPLES = r"""
- name: PyTorch, with the CUDA that the driver can do
  labfleet.gpu.conda_gpu_env:
    name: torch
    python: "3.11"
    framework: {name: pytorch, version: "2.1.2"}

- name: From packages
  labfleet.gpu.conda_gpu_env:
    prefix: /srv/envs/naivis
    packages: [python=3.9, cudatoolkit=11.2, cudnn=8.1]
    pip: [tensorflow==2.10.0]

- name: Apex, built with the toolkit of PyTorch's CUDA
  labfleet.gpu.conda_gpu_env:
    name: apex
    python: "3.11"
    framework: {name: pytorch, version: "2.1.2", cuda: "12.1"}
    pip:
      - ninja
      - packaging
      - requirement: apex @ git+https://github.com/NVIDIA/apex@24.04.01
        no_build_isolation: true
        config_settings: {"--build-option": [--cpp_ext, --cuda_ext]}
        environment: {MAX_JOBS: "8"}

- name: From a mirror of PyTorch's wheels and one for everything else
  labfleet.gpu.conda_gpu_env:
    name: mirrored
    framework: {name: pytorch, index_url: "https://mirror.example.org/pytorch"}
    pip_index_url: https://mirror.example.org/simple

- name: The packages of a lock, exactly
  labfleet.gpu.conda_gpu_env:
    name: train
    file: /srv/locks/train.lock

- name: A copy to try things in
  labfleet.gpu.conda_gpu_env:
    name: torch-copy
    clone: torch

- name: As it was at its third change
  labfleet.gpu.conda_gpu_env:
    name: torch
    revision: 3

- name: With the conda that is there, and its channels
  labfleet.gpu.conda_gpu_env:
    name: plain
    engine: conda
    packages: [python=3.11, numpy]

- name: No longer needed
  labfleet.gpu.conda_gpu_env:
    name: torch-copy
    state: absent
"""

RETURN = r"""
before:
  description: The environment as it was found.
  returned: always
  type: dict
  contains: &summary
    prefix:
      description: Where it is.
      type: str
      sample: /opt/conda/envs/torch
    exists:
      description: Whether it is there, whole.
      type: bool
      sample: true
    packages:
      description: Its conda packages, name, version and build.
      type: list
      elements: str
      sample: [numpy=1.26.4=py311h64a7726_0, python=3.11.9=hb806964_0_cpython]
    pip:
      description: What pip installed.
      type: list
      elements: str
      sample: [torch==2.1.2+cu121]
    owner:
      description: User and group of its directory.
      type: str
      sample: root:root
    mode:
      description: Mode of its directory.
      type: str
      sample: "0755"
after:
  description: The environment as it is afterwards. In check mode, as the plan promises it.
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
      action: transact
      what: "install 1 package: scipy 1.11.4 (py311h64a7726_0)"
      why: something else was wished for when it was made
blockers:
  description: Why nothing was done.
  returned: when the wish was refused
  type: list
  elements: dict
  sample:
    - what: pytorch 2.15.0 for CUDA 13.2 needs driver 580
      which: driver 550.54.15
      next: use driver 580, or pytorch 2.14.1 with CUDA 12.6
reboot_required:
  description: An environment never needs a reboot.
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
    from ansible_collections.labfleet.gpu.plugins.module_utils._conda.component import environment
    from ansible_collections.labfleet.gpu.plugins.module_utils._conda.wish import ARGUMENTS, wish_from
    from ansible_collections.labfleet.gpu.plugins.module_utils._converge import Part, converge
    from ansible_collections.labfleet.gpu.plugins.module_utils._discreet import DiscreetModule
    from ansible_collections.labfleet.gpu.plugins.module_utils._wishes import BadWish

    # Addresses of channels may have tokens: neither the node's log nor the result shows them.
    module = DiscreetModule(argument_spec=ARGUMENTS)
    try:
        wish = wish_from(module.params)
    except BadWish as exc:
        module.fail_json(msg=str(exc))
    converge(module, [Part(environment(wish), wish)])


if __name__ == "__main__":
    main()
