#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: slurm_gres
short_description: Tell Slurm which GPUs and MIG devices a node has
version_added: 0.1.0
description:
  - Holds what C(gres.conf) says of this node's GPUs, one line for each GPU that is not divided and for each
    MIG device, with its device files; and the GPUs in the node's C(NodeName) line, where O(slurm_conf) names
    the file that has it. RV(after.node_line) is that line for whoever keeps the file elsewhere.
  - Only lines between marks of its own are written. What the file says of other nodes and of other kinds of
    resources stays. Lines of others about this node's GPUs are refused until O(take_over).
  - Nothing changes but on a drained node. Whether it is, C(scontrol) and C(squeue) tell, which must reach
    slurmctld from this node if Slurm runs there. A refusal says the commands that drain the node; nothing
    here drains or resumes one, since that waits for jobs.
  - After a change C(slurmd) restarts, and C(slurmctld) where it runs on this node and the C(NodeName) line
    changed, as visible steps. Where it runs elsewhere it is asked to reconfigure; a warning says so where
    that did not do, as with Slurm before 23.11. A C(slurmd) that does not run is left so unless it failed.
  - With O(autodetect=off) C(slurmd -G) must then list the devices that were written, where slurmctld counts
    them, or the task fails. A C(slurmd) that fetches its files from slurmctld (C(--conf-server)) reads no
    file of the node and is refused; the C(gres.conf) of the controller is the place then.
  - C(slurmd) ends where a device file is missing. C(nvidia-modprobe) makes those that are, as a visible step,
    and where there are MIG devices a drop-in of C(slurmd.service) has it do so before each start, as after a
    boot. The drop-in goes with the MIG devices, and with O(state=absent).
  - It holds what is there, and divides nothing. A play drains the node, has
    M(labfleet.gpu.mig_layout) divide the GPUs, calls this module, and resumes the node.
author:
  - The labfleet.gpu authors (@labfleet)
options:
  state:
    description:
      - V(absent) takes the lines out again, and the GPUs out of the C(NodeName) line.
    type: str
    choices: [present, absent]
    default: present
  path:
    description:
      - The file of GRES. Slurm looks for it beside C(slurm.conf).
      - Several nodes may share it, as on NFS; each writes between marks with its name. They may do so at the
        same time. An empty file C(.gres.conf.labfleet-gpu-lock) stays beside it, whose lock keeps them
        apart; with NFS 3 that takes C(rpc.statd), and no C(nolock).
      - Owner and mode of the file are kept, ACLs are not.
    type: path
    default: /etc/slurm/gres.conf
  node_name:
    description: The node in C(slurm.conf). Without it, the host name up to its first dot, as C(slurmd) does.
    type: str
  autodetect:
    description:
      - V(off) lists each device with its files, which any Slurm from 21.08 on understands, and from 20.11 on
        without MIG devices. An older one is refused before anything is written.
      - V(nvml) has C(slurmd) ask NVML when it starts, which gives jobs the UUIDs of MIG devices and knows the
        nearest processors. It takes Slurm's plugin C(gpu_nvml.so), which Debian and Ubuntu have as
        C(slurm-wlm-nvml-plugin) in contrib and multiverse. Up to 23.11 at least it works only where there is
        a C(libnvidia-ml.so) without a number.
      - With V(off) jobs are told numbers. Have C(ConstrainDevices=yes) in C(cgroup.conf), so that a job sees
        no GPU and no MIG device but its own.
    type: str
    choices: ['off', nvml]
    default: 'off'
  types:
    description:
      - How the kinds are called, as in C(--gres=gpu:1g.5gb:1).
      - V(profile) is the MIG profile, V(1g.5gb), and of an undivided GPU its name without its maker,
        V(a100-sxm4-40gb). Jobs must say how many, since Slurm takes what begins with a digit for a number and
        refuses C(--gres=gpu:1g.5gb).
      - V(autodetect) is what C(slurmd) would call them by NVML, V(nvidia_a100_1g.5gb) and
        V(nvidia_a100-sxm4-40gb), which tells a V(1g.10gb) of an A100 from one of an H100.
    type: str
    choices: [profile, autodetect]
    default: profile
  slurm_conf:
    description:
      - The file with this node's C(NodeName) line, C(slurm.conf) itself or one that it includes. The line
        must be there, and for this node alone; its C(Gres=) is held, entries of other kinds stay. Nodes may
        share it, with a lock as O(path) has.
      - Slurm wants the same file on all nodes. Where it is not shared or configless, leave this out and put
        RV(after.node_line) where the file is kept.
    type: path
  take_over:
    description: Whether lines of others about this node's GPUs are removed from O(path).
    type: bool
    default: false
  backup:
    description: Whether a file that changes is kept beside it as it was, with C(~) at the end of its name.
    type: bool
    default: false
extends_documentation_fragment:
  - labfleet.gpu.attributes
seealso:
  - module: labfleet.gpu.mig_layout
  - plugin: labfleet.gpu.mig_kubernetes
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Each GPU and MIG device of this node, and the line of slurm.conf to print
  labfleet.gpu.slurm_gres:
  register: gres

- name: The line for slurm.conf
  ansible.builtin.debug:
    var: gres.after.node_line

- name: Slurm on one host, so that both files are here
  labfleet.gpu.slurm_gres:
    slurm_conf: /etc/slurm/slurm.conf
    backup: true

- name: A Slurm that was built with NVML
  labfleet.gpu.slurm_gres:
    autodetect: nvml
    types: autodetect

- name: Drain a node and wait for its jobs
  ansible.builtin.shell: |
    scontrol update NodeName={{ ansible_hostname }} State=DRAIN Reason=GPUs
    while [ -n "$(squeue -h -w {{ ansible_hostname }} -t R,CG,S)" ]; do sleep 10; done

- name: Divide its GPUs
  labfleet.gpu.mig_layout:
    instances: {3g.20gb: 1, 1g.5gb: 3}

- name: Tell Slurm
  labfleet.gpu.slurm_gres:
    slurm_conf: /etc/slurm/slurm.conf

- name: Let jobs come again
  ansible.builtin.command: scontrol update NodeName={{ ansible_hostname }} State=RESUME
"""

RETURN = r"""
before:
  description: What Slurm was told.
  returned: always
  type: dict
  contains: &summary
    driver_version:
      description: The loaded driver, null with O(state=absent).
      type: str
      sample: 580.95.05
    pynvml:
      description: Whether the node has an nvidia-ml-py that knows MIG.
      type: bool
      sample: true
    node_name:
      description: The node's name in Slurm.
      type: str
      sample: gpu1
    path:
      description: The file of GRES.
      type: str
      sample: /etc/slurm/gres.conf
    lines:
      description: What is between the marks in that file.
      type: list
      elements: str
      sample:
        - "NodeName=gpu1 AutoDetect=off Name=gpu Type=1g.5gb
          MultipleFiles=/dev/nvidia0,/dev/nvidia-caps/nvidia-cap66,/dev/nvidia-caps/nvidia-cap67"
    node_line:
      description: The start of the node's line in C(slurm.conf), for the GPUs that are there.
      type: str
      sample: NodeName=gpu1 Gres=gpu:1g.5gb:7
    slurm_conf_gres:
      description: The GPUs of the C(NodeName) line in O(slurm_conf), null without it.
      type: list
      elements: str
      sample: ["gpu:1g.5gb:7"]
    gres:
      description:
        - The GPUs and MIG devices that are there, with their C(type), C(profile) (null for a GPU that is not
          divided), C(files) and C(uuid). With O(autodetect=off) in the order in which C(slurmd) numbers them,
          which is the C(IDX) of C(scontrol show job -d) and C(SLURM_JOB_GPUS).
      type: list
      elements: dict
      sample:
        - type: 1g.5gb
          profile: 1g.5gb
          files: [/dev/nvidia0, /dev/nvidia-caps/nvidia-cap66, /dev/nvidia-caps/nvidia-cap67]
          uuid: MIG-0f8e7c2d-3b1a-5c4d-8e9f-6a5b4c3d2e1f
after:
  description: What Slurm is told afterwards. In check mode, as the plan promises it.
  returned: success
  type: dict
  contains: *summary
steps:
  description: What was done, or in check mode what would be done, in order.
  returned: always
  type: list
  elements: dict
  sample:
    - phase: files
      action: write-slurm-file
      what: write /etc/slurm/gres.conf
      why: it is to say which GPUs gpu1 has
    - phase: daemons
      action: restart-slurmd
      what: restart slurmd
      why: Slurm reads it when it starts
blockers:
  description: Why nothing was done.
  returned: when the wish was refused
  type: list
  elements: dict
  sample:
    - what: The GPUs of a node change only while it is drained
      which: gpu1 is MIXED; jobs 4711 (alice, train)
      next: >-
        'scontrol update NodeName=gpu1 State=DRAIN Reason=GPUs', wait until 'scontrol show node gpu1' says
        IDLE+DRAIN, and run again; then State=RESUME
reboot_required:
  description: Always V(false), since Slurm needs none.
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

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.labfleet.gpu.plugins.module_utils._compiled_once import compile_once


def main() -> None:
    compile_once()
    from ansible_collections.labfleet.gpu.plugins.module_utils._converge import Part, converge
    from ansible_collections.labfleet.gpu.plugins.module_utils._scalar import BadWish
    from ansible_collections.labfleet.gpu.plugins.module_utils._slurm.component import slurm
    from ansible_collections.labfleet.gpu.plugins.module_utils._slurm.wish import ARGUMENTS, wish_from

    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        wish = wish_from(module.params)
    except BadWish as exc:
        module.fail_json(msg=str(exc))
    converge(module, [Part(slurm(wish), wish)])


if __name__ == "__main__":
    main()
