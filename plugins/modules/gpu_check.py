#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_check
short_description: Prove that a node computes on its GPUs, and say what is wrong where it does not
version_added: 0.1.0
description:
  - Looks at the driver, at each GPU, at toolkits, cuDNN and one environment, and returns one row for
    each thing looked at, with the reason and with what to do next.
  - A row is V(ok), V(warned), V(failed) or V(skipped). What could not be looked at is skipped, and never
    counts as ok. The task fails if a row failed.
  - "C(driver): rows C(nvml), C(driver_versions)."
  - "C(gpus): C(gpu_count), C(gpu_model), C(gpu_answers), C(recovery) (what the driver asks for), C(xids)
    since the node started."
  - "C(memory): C(ecc_errors), C(remapped_rows), C(retired_pages)."
  - "C(links): C(pcie_width), C(pcie_speed), C(nvlink), C(fabric). An idle GPU lets its PCIe link drop,
    so its speed is judged at work only."
  - "C(clocks): C(throttling)."
  - "C(mig): C(mig_devices)."
  - "C(toolkits): C(nvcc_compiles) and C(nvcc_runs), a sample for the GPUs of the node, with each toolkit."
  - "C(cudnn): C(cudnn_loads), for each library of the system and of the toolkits."
  - "C(environment): C(framework), C(framework_cuda), C(framework_cudnn), C(framework_gpus), and
    C(framework_product), a product of two matrices on each device, for PyTorch, TensorFlow and JAX."
  - "C(processes): C(leftovers), processes with GPU memory that nobody is responsible for any more."
  - Programs that are run (nvcc, the sample, Python) run as the owner of toolkit, library or environment,
    with a time limit, in a private directory that is removed. They take some memory of each GPU for
    seconds.
  - A process is left over if its Slurm job is over, or if its parent is gone and its user is not logged
    in. One in a pod of Kubernetes, in a container, in a living Slurm job or in a service of systemd never
    is.
  - NVML is asked through nvidia-ml-py. Where a node has none, the controller's own is put into
    C(/opt/labfleet-gpu), as a step that is shown.
author:
  - The labfleet.gpu authors (@labfleet)
options:
  environment:
    description:
      - The environment to look at, by name or path. Any that has C(bin/python) will do. Without it its
        rows are skipped.
    type: str
  environment_root:
    description:
      - The directory of environments that are given by name.
    type: path
    default: /opt/conda/envs
  expected_gpus:
    description:
      - How many GPUs the node should have. Without it, as many as PCI shows, and at least one.
    type: int
  expected_model:
    description:
      - The model of all its GPUs, the words of its name in their order, such as V(A100 40GB).
    type: str
  toolkits:
    description:
      - The toolkits to compile with, each a version such as V(12.4) or a path. Without it, all that have
        nvcc.
    type: list
    elements: raw
  only:
    description:
      - The rows to look at, by their names or by their groups. Without it, all.
    type: list
    elements: str
  skip:
    description:
      - Rows to leave out, by their names or by their groups.
    type: list
    elements: str
    default: []
  tolerate:
    description:
      - Rows whose failure is a warning, by their names or by their groups.
    type: list
    elements: str
    default: []
  accepted_xids:
    description:
      - Numbers of Xids, and of SXids of switches, that are known and dealt with.
    type: list
    elements: int
    default: []
  xid_hours:
    description:
      - Xids that are older are left out. Without it, all since the node started.
    type: float
  min_pcie_width:
    description:
      - Lanes that are enough for each GPU. Without it, as many as GPU and slot have.
    type: int
  end_leftovers:
    description:
      - Consent to end leftover processes. They are asked to end, and killed where they do not within 15
        seconds.
      - What somebody started with nohup before a logout is one of them, once it is older than
        O(leftover_minutes). Do not consent where people work that way.
    type: bool
    default: false
  leftover_minutes:
    description:
      - Younger processes are no leftovers.
    type: int
    default: 10
  time_limit:
    description:
      - Seconds that each program may take that is run.
    type: int
    default: 300
  fail:
    description:
      - Whether the task fails if a row failed.
    type: bool
    default: true
attributes:
  async:
    description: Supports being used with the C(async) keyword.
    support: partial
    details:
      - The controller's nvidia-ml-py is not brought to the node then.
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying the target.
    support: full
    details:
      - All rows are looked at in check mode too, programs are run. Only leftovers are not ended.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check mode).
    support: none
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second run changes nothing.
    support: full
    details:
      - Unless a process was left over in between.
  platform:
    description: Target OS the module supports.
    platforms: Ubuntu, Debian
    support: full
seealso:
  - module: labfleet.gpu.nvidia_driver
  - module: labfleet.gpu.gpu_settings
  - module: labfleet.gpu.mig_layout
"""

EXAMPLES = r"""
- name: The node has its eight GPUs, and PyTorch computes on them
  labfleet.gpu.gpu_check:
    environment: py311cu121
    expected_gpus: 8

- name: The hardware alone, as a report
  labfleet.gpu.gpu_check:
    only: [gpus, memory, links, clocks]
    expected_model: A100 40GB
    fail: false
  register: checked

- name: Nobody's processes hold GPU memory
  labfleet.gpu.gpu_check:
    only: [leftovers]
    end_leftovers: true

- name: A riser with eight lanes, and an Xid that is dealt with
  labfleet.gpu.gpu_check:
    min_pcie_width: 8
    accepted_xids: [94]
"""

RETURN = r"""
rows:
  description: What was looked at, in the order of the groups.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The name of the row.
      type: str
      sample: remapped_rows
    subject:
      description: What it is about, such as a GPU, a toolkit, a library, or C(node).
      type: str
      sample: "GPU 2 (NVIDIA A100-SXM4-40GB, 0000:47:00.0)"
    result:
      description: V(ok), V(warned), V(failed) or V(skipped).
      type: str
      sample: failed
    reason:
      description: Why.
      type: str
      sample: a bad row of memory is in use until a reset remaps it
    next:
      description: What to do, empty where there is nothing to do.
      type: str
      sample: reset the GPU (nvidia-smi --gpu-reset, or reboot the node)
failed_rows:
  description: Those of them that failed.
  returned: always
  type: list
  elements: dict
  sample: []
summary:
  description: How many rows have which result.
  returned: always
  type: dict
  sample: {ok: 41, warned: 1, failed: 0, skipped: 12}
processes:
  description: Each process on a GPU, where the row C(leftovers) is asked for.
  returned: always
  type: list
  elements: dict
  contains:
    pid:
      description: Its number.
      type: int
      sample: 4711
    user:
      description: Whose it is.
      type: str
      sample: alice
    command:
      description: Its command.
      type: str
      sample: python3
    age:
      description: Seconds since it started.
      type: int
      sample: 10842
    memory_mib:
      description: What it holds on each GPU, by index; null where NVML does not tell.
      type: dict
      sample: {"0": 2048}
    job:
      description: The Slurm job, pod, container, unit or session that it belongs to.
      type: str
      sample: "slurm:1234"
    leftover:
      description: Whether it is left over.
      type: bool
      sample: true
    reason:
      description: Why it is, or is not.
      type: str
      sample: its Slurm job 1234 is over
before:
  description: The driver, and whether the node had an nvidia-ml-py that knows all calls.
  returned: always
  type: dict
  contains: &summary
    driver_version:
      description: The loaded driver, or the installed one while NVML cannot be asked.
      type: str
      sample: 580.95.05
    pynvml:
      description: Whether the node has an nvidia-ml-py that knows all calls.
      type: bool
      sample: true
after:
  description: The same afterwards.
  returned: always
  type: dict
  contains: *summary
steps:
  description: What was done besides looking, or in check mode what would be done.
  returned: always
  type: list
  elements: dict
  sample:
    - phase: leftovers
      action: end-leftovers
      what: end 4711 (alice, python3)
      why: "4711: its Slurm job 1234 is over"
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.labfleet.gpu.plugins.module_utils._compiled_once import compile_once


def main() -> None:
    compile_once()
    from ansible_collections.labfleet.gpu.plugins.module_utils._check.run import check
    from ansible_collections.labfleet.gpu.plugins.module_utils._check.wish import ARGUMENTS, wish_from
    from ansible_collections.labfleet.gpu.plugins.module_utils._host import Files
    from ansible_collections.labfleet.gpu.plugins.module_utils._scalar import BadWish

    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        wish = wish_from(module.params)
    except BadWish as exc:
        module.fail_json(msg=str(exc))
    check(module, wish, module.params["fail"], Files())


if __name__ == "__main__":
    main()
