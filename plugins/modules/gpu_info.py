#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_info
short_description: Tell everything about the GPUs of a node and their software
version_added: 0.1.0
description:
  - Returns what the other modules of this collection observe, in one call. It changes nothing, runs nothing
    of the node's users, and needs no network.
  - What is not there is null or empty, and nothing fails for it. RV(reasons) says why something could not be
    known, RV(errors) what could not be looked at; the rest is returned all the same.
  - NVML is asked through the nvidia-ml-py that the node has. Where it has none, the controller's is used,
    from the directory of the task, and nothing of it stays.
  - Without root, work of other users is not seen.
author:
  - The labfleet.gpu authors (@labfleet)
options:
  gather:
    description:
      - What to look at. Without it, everything.
      - V(driver), V(cuda), V(cudnn) and V(environments) do not wake a GPU.
    type: list
    elements: str
    choices:
      - gpus
      - driver
      - cuda
      - cudnn
      - container
      - environments
      - settings
      - mig
      - kubernetes
      - processes
      - health
  environment_roots:
    description:
      - Directories of conda environments.
    type: list
    elements: path
    default: [/opt/conda/envs]
  environments_of_users:
    description:
      - Whether to tell also of the environments that each user's C(~/.conda/environments.txt) lists.
      - This looks into every home directory, which may mount it.
    type: bool
    default: false
  kubernetes_strategy:
    description:
      - The MIG strategy that NVIDIA's device plugin has. Without it, the simplest that gives all of the node
        to pods.
    type: str
    choices: [none, single, mixed]
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
      - It never changes anything.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check mode).
    support: N/A
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second run changes nothing.
    support: full
  facts:
    description: Action returns an C(ansible_facts) dictionary that will update existing host facts.
    support: none
    details:
      - As every module whose name ends in C(_info). The second example makes facts of it.
  platform:
    description: Target OS the module supports.
    platforms: Ubuntu, Debian
    support: full
seealso:
  - module: labfleet.gpu.gpu_check
  - module: labfleet.gpu.nvidia_driver
  - module: labfleet.gpu.cuda_toolkit
  - module: labfleet.gpu.cudnn
  - module: labfleet.gpu.container_toolkit
  - module: labfleet.gpu.gpu_settings
  - module: labfleet.gpu.mig_layout
  - plugin: labfleet.gpu.mig_kubernetes
    plugin_type: filter
"""

EXAMPLES = r"""
- name: All about the node
  labfleet.gpu.gpu_info:
  register: node

- name: As facts, for later plays
  ansible.builtin.set_fact:
    labfleet_gpu: "{{ node }}"

- name: What the GPUs are, and which driver is there
  labfleet.gpu.gpu_info:
    gather: [gpus, driver]
  register: node

- name: Nodes with H100, for the next play
  ansible.builtin.group_by:
    key: gpu_h100
  when: node.gpus | selectattr('architecture', 'eq', 'hopper') | length > 0

- name: Environments anywhere on the node
  labfleet.gpu.gpu_info:
    gather: [environments]
    environment_roots: [/opt/conda/envs, /opt/miniforge3/envs]
    environments_of_users: true
"""

RETURN = r"""
host:
  description:
    - The node's C(distribution) and C(release), as in os-release, its C(machine) and running C(kernel), and
      the PCI addresses of its C(nvswitches).
  returned: always
  type: dict
  sample: {distribution: ubuntu, release: "24.04", machine: x86_64, kernel: 6.8.0-85-generic, nvswitches: []}
gpus:
  description:
    - The GPUs that PCI shows, in NVML's order; then those that NVML does not show.
    - O(gather) says what is returned. This holds for all keys below.
  returned: when gathered
  type: list
  elements: dict
  contains:
    index:
      description: NVML's number, or null. RV(reasons) says why NVML does not tell.
      type: int
      sample: 0
    uuid:
      description: Its UUID, or null.
      type: str
      sample: GPU-6f5d3e2a-8a0b-4c1e-9d57-2f1d0a3b4c5d
    name:
      description: Its name by NVML, or null.
      type: str
      sample: NVIDIA A100-SXM4-40GB
    address:
      description: Its PCI address.
      type: str
      sample: "0000:07:00.0"
    device_id:
      description: Its PCI device id, four hex digits.
      type: str
      sample: 20b0
    architecture:
      description: Its architecture, or null for an id that is not known.
      type: str
      sample: ampere
    compute_capability:
      description: By NVML, else by the PCI device id, or null where that is not known.
      type: str
      sample: "8.0"
    memory_mib:
      description: All of its memory in MiB, or null.
      type: int
      sample: 40960
    minor:
      description: The number of its device file, as in C(/dev/nvidia0), or null.
      type: int
      sample: 0
    kernel_driver:
      description: The kernel driver that holds it, or null for none.
      type: str
      sample: nvidia
    answers:
      description: Whether NVML shows it and it answers. Null where NVML cannot be asked.
      type: bool
      sample: true
driver:
  description:
    - The keys of RV(labfleet.gpu.nvidia_driver#module:before), and those below. None of a thing is null.
    - C(other_owner) says who else has brought a driver, such as the driver container of the GPU operator.
    - C(build_errors) has the last error of DKMS by module and kernel.
    - C(load_trouble) says why the installed driver did not come up at boot, so that a reboot would not help.
    - C(reboot_required) and C(reboot_reasons) tell whether another driver is loaded than is installed.
  returned: when gathered
  type: dict
  sample:
    branch: 580
    version: 580.95.05
    kernel_module: open
    source: nvidia
    loaded_version: 570.133.20
    loaded_kernel_module: open
    library_version: 580.95.05
    module_on_disk: 580.95.05
    dkms: {6.8.0-85-generic: 580.95.05}
    dkms_state: {"nvidia/580.95.05, 6.8.0-85-generic": installed}
    lost: []
    held: []
    other_owner:
    build_errors: {}
    load_trouble:
    reboot_required: true
    reboot_reasons: ["Driver 570.133.20 is loaded, 580.95.05 is installed."]
cuda:
  description: The keys of RV(labfleet.gpu.cuda_toolkit#module:before).
  returned: when gathered
  type: dict
  sample:
    toolkits: {/usr/local/cuda-12.4: {version: 12.4.1, origin: package}}
    default: "12.4"
    default_path: /usr/local/cuda-12.4
    default_kind: alternative
    packages: [cuda-toolkit-12-4=12.4.1-1]
    lost: []
    environment: true
    module_files: []
    driver_version: 580.95.05
cudnn:
  description: The keys of RV(labfleet.gpu.cudnn#module:before).
  returned: when gathered
  type: dict
  sample:
    cudnn:
      /usr/lib/x86_64-linux-gnu/libcudnn.so.9: {version: 9.5.1.17, origin: package, cuda: "12", header: 9.5.1}
    headers: /usr/include/x86_64-linux-gnu/cudnn_v9.h
    packages: [libcudnn9-cuda-12=9.5.1.17-1]
    lost: []
    driver_version: 580.95.05
container:
  description:
    - The keys of RV(labfleet.gpu.container_toolkit#module:before), but for C(check). The C(devices) in C(cdi)
      are null where NVML cannot be asked. Its C(pynvml) is RV(pynvml).
  returned: when gathered
  type: dict
  sample:
    version: 1.20.1
    packages: [libnvidia-container1=1.20.1-1, nvidia-container-toolkit=1.20.1-1]
    lost: []
    held: []
    engines: {podman: {version: 5.4.2}}
    cdi: {files: [/run/cdi/nvidia.yaml], driver_version: 580.95.05, devices: [], stale: null}
    unlinked: []
    driver_version: 580.95.05
    pynvml: true
environments:
  description: The conda environments, those of O(environment_roots) first.
  returned: when gathered
  type: list
  elements: dict
  contains:
    name:
      description: The name of its directory.
      type: str
      sample: train
    prefix:
      description: Its directory.
      type: str
      sample: /opt/conda/envs/train
    owner:
      description: Whose that is.
      type: str
      sample: root
    managed:
      description: Whether M(labfleet.gpu.conda_gpu_env) has made it, or has taken it over.
      type: bool
      sample: true
    complete:
      description: Whether it is not left over from a run that was cut off.
      type: bool
      sample: true
    python:
      description: Version of its Python, or null where it has none.
      type: str
      sample: 3.11.9
    frameworks:
      description: Versions of V(pytorch), V(tensorflow) and V(jax), those that are there, by conda or by pip.
      type: dict
      sample: {pytorch: 2.5.1}
settings:
  description:
    - The keys of RV(labfleet.gpu.gpu_settings#module:before). Null where NVML cannot be asked.
      Its C(pynvml) is RV(pynvml).
  returned: when gathered
  type: dict
  sample: {driver_version: 580.95.05, pynvml: true, persistenced: {}, gpus: {}, boot: {unit: false, gpus: {}}}
mig:
  description:
    - The keys of RV(labfleet.gpu.mig_layout#module:before). Null where NVML cannot be asked.
      Its C(pynvml) is RV(pynvml).
  returned: when gathered
  type: dict
  sample: {driver_version: 580.95.05, pynvml: true, gpus: {}, devices: {}, boot: {unit: false, gpus: {}}}
kubernetes:
  description:
    - The C(strategy) of NVIDIA's device plugin, the C(reason) why it would have nothing to give (empty if it
      has), the C(labels) of the node and the C(resources) that pods may ask for. This is what the filter
      P(labfleet.gpu.mig_kubernetes#filter) tells. Null where NVML cannot be asked.
  returned: when gathered
  type: dict
  sample: {strategy: none, reason: "", labels: {nvidia.com/gpu.count: "1"}, resources: {nvidia.com/gpu: 1}}
processes:
  description:
    - Each process on a GPU, with the keys of RV(labfleet.gpu.gpu_check#module:processes). Its C(age) is in
      seconds, its C(memory_mib) in MiB by index of the GPU. Null where NVML cannot be asked.
  returned: when gathered
  type: list
  elements: dict
  sample:
    - pid: 4711
      user: alice
      command: python3
      age: 10842
      memory_mib: {"0": 2048}
      job: "slurm:1234"
      leftover: false
      reason: its job lives
health:
  description:
    - The C(rows) of M(labfleet.gpu.gpu_check) that run no program of the node and need no expectation, and
      how many have which result, as C(summary). Their advice names options of that module. Null where there
      is no GPU.
  returned: when gathered
  type: dict
  sample:
    rows: [{name: nvml, subject: node, result: ok, reason: driver 580.95.05 answers, next: ""}]
    summary: {ok: 1, warned: 0, failed: 0, skipped: 0}
reasons:
  description: By key, why something of it could not be known, as NVML could not be asked.
  returned: always
  type: dict
  sample: {mig: "NVML cannot be asked: NVML says: Driver Not Loaded."}
pynvml:
  description:
    - Whether the node itself has an nvidia-ml-py that will do, also where the controller's is used. Null
      where nothing was asked of NVML, or nobody is there to answer.
  returned: always
  type: bool
  sample: true
errors:
  description: By key, what could not be looked at, so that it is null. A warning says so too.
  returned: always
  type: dict
  sample: {}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.labfleet.gpu.plugins.module_utils._compiled_once import compile_once


def main() -> None:
    compile_once()
    from ansible_collections.labfleet.gpu.plugins.module_utils._command import Once
    from ansible_collections.labfleet.gpu.plugins.module_utils._host import Files
    from ansible_collections.labfleet.gpu.plugins.module_utils._info.gather import gathered
    from ansible_collections.labfleet.gpu.plugins.module_utils._info.wish import ARGUMENTS, wish_from
    from ansible_collections.labfleet.gpu.plugins.module_utils._scalar import BadWish

    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        wish = wish_from(module.params)
    except BadWish as exc:
        module.fail_json(msg=str(exc))
    found = gathered(Once(module), Files(), wish)
    for name, trouble in found["errors"].items():
        module.warn("%s: %s" % (name, trouble))
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
