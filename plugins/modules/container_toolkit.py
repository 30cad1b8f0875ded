#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: container_toolkit
short_description: Hold NVIDIA's container toolkit, and have Docker, containerd and Podman use the GPUs
version_added: 0.1.0
description:
  - Installs, updates or removes the packages of NVIDIA's container toolkit, all four at exactly one version.
  - Tells Docker of the runtime C(nvidia) in C(/etc/docker/daemon.json), where every other key stays, and
    reloads it, which ends no container. A file that cannot be read is refused.
  - Tells containerd in a file of its own, C(/etc/containerd/conf.d/99-nvidia.toml), and adds one entry to
    C(imports) of C(/etc/containerd/config.toml). containerd restarts then; its containers run on. Where it
    does not load CRI with them, its former files come back, it restarts once more and the task fails.
  - Holds the CDI specification, compares it with what NVML tells of driver, GPUs and MIG devices, and has it
    written anew where they differ. Podman needs nothing else.
  - Holds the links in C(/dev/char) without which containers lose their GPUs when systemd reloads.
  - What it puts into files of engines is on record in C(/var/lib/labfleet-gpu/container.json), and
    O(state=absent) takes exactly that out again.
  - A node whose toolkit is held by NVIDIA's GPU operator is refused.
  - NVML is asked through nvidia-ml-py. Where a node has none, the controller's own is put into
    C(/opt/labfleet-gpu), as a step that is shown. Without a loaded driver everything but the specification is
    held, and a warning says so.
author:
  - The labfleet.gpu authors (@labfleet)
extends_documentation_fragment:
  - labfleet.gpu.container
  - labfleet.gpu.attributes
seealso:
  - module: labfleet.gpu.nvidia_driver
  - module: labfleet.gpu.mig_layout
"""

EXAMPLES = r"""
- name: The engines that are there can use the GPUs
  labfleet.gpu.container_toolkit:

- name: One release, held, for Docker alone, which uses it by default
  labfleet.gpu.container_toolkit:
    version: "1.17"
    hold: true
    engines: [docker]
    default_runtime: true

- name: A container must see every GPU
  labfleet.gpu.container_toolkit:
    check_image: registry.example.org/tools/debian:12

- name: As it was
  labfleet.gpu.container_toolkit:
    state: absent
"""

RETURN = r"""
before:
  description: The toolkit, the engines and the specification as they were found.
  returned: always
  type: dict
  contains: &summary
    version:
      description: The release, null where packages are missing or of different versions.
      type: str
      sample: 1.20.1
    packages:
      description: The installed packages of the toolkit.
      type: list
      elements: str
      sample: [libnvidia-container1=1.20.1-1, nvidia-container-toolkit=1.20.1-1]
    held:
      description: Those that are on hold.
      type: list
      elements: str
      sample: []
    lost:
      description: Packages with files that were removed by hand, a line for each.
      type: list
      elements: str
      sample: []
    engines:
      description:
        - Each engine that is installed, with its version and whether its service runs. C(runtime) is the
          program behind the runtime C(nvidia), null where the engine's files have none.
      type: dict
      sample:
        docker: {version: 28.3.2, active: true, runtime: nvidia-container-runtime, default_runtime: null}
        podman: {version: 5.4.2}
    cdi:
      description:
        - The files of the specification, the driver that they are for, the UUIDs of the GPUs and MIG devices
          that they have, null while NVML cannot be asked, and in C(stale) why they do not fit the node.
      type: dict
      sample:
        files: [/run/cdi/nvidia.yaml]
        driver_version: 580.95.05
        devices: [GPU-6f5d3e2a-8a0b-4c1e-9d57-2f1d0a3b4c5d]
        stale: null
    check:
      description:
        - The container of O(check_image). Its C(result) is C(passed), C(due) or C(skipped), the last with
          C(why).
      type: dict
      sample: {image: "registry.example.org/tools/debian:12", result: skipped, why: no GPU can be seen here}
    unlinked:
      description: Device files without a link in C(/dev/char).
      type: list
      elements: str
      sample: []
    driver_version:
      description: The loaded driver, or the installed one while NVML cannot be asked.
      type: str
      sample: 580.95.05
    pynvml:
      description: Whether the node has an nvidia-ml-py that will do, null where nothing here needs one.
      type: bool
      sample: true
after:
  description: The same afterwards. In check mode, as the plan promises it.
  returned: success
  type: dict
  contains: *summary
steps:
  description: What was done, or in check mode what would be done, in order.
  returned: always
  type: list
  elements: dict
  sample:
    - phase: engines
      action: write-engine-file
      what: tell Docker of the runtime nvidia in /etc/docker/daemon.json
      why: it has no runtime nvidia
blockers:
  description: Why nothing was done.
  returned: when the wish was refused
  type: list
  elements: dict
  sample:
    - what: A file of an engine cannot be read
      which: "/etc/docker/daemon.json is no valid JSON: Expecting value: line 1 column 2 (char 1)"
      next: mend the file
reboot_required:
  description: The container toolkit never needs a reboot.
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
    from ansible_collections.labfleet.gpu.plugins.module_utils._container.component import container
    from ansible_collections.labfleet.gpu.plugins.module_utils._container.wish import ARGUMENTS, wish_from
    from ansible_collections.labfleet.gpu.plugins.module_utils._converge import Part, converge
    from ansible_collections.labfleet.gpu.plugins.module_utils._discreet import DiscreetModule
    from ansible_collections.labfleet.gpu.plugins.module_utils._scalar import BadWish

    module = DiscreetModule(argument_spec=ARGUMENTS)
    try:
        wish = wish_from(module.params)
    except BadWish as exc:
        module.fail_json(msg=str(exc))
    converge(module, [Part(container(wish, alone=True), wish)])


if __name__ == "__main__":
    main()
