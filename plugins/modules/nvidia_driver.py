#!/usr/bin/python
# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: nvidia_driver
short_description: Hold an NVIDIA driver at a branch or version
version_added: 0.1.0
description:
  - Installs, changes or removes the NVIDIA driver from apt packages, and tells what is installed, what is
    loaded and whether a reboot is due.
  - Observation needs no network. Nothing is fetched when nothing must change.
  - A host with NVSwitches gets the fabric manager of exactly the driver's version; one with an NVLink5
    fabric also nvlsm, infiniband-diags and the kernel module ib_umad.
  - Where nothing keeps nouveau off the GPUs, it is blacklisted.
  - The module never reboots. The role P(labfleet.gpu.nvidia_driver#role) does, where it is allowed to.
author:
  - The labfleet.gpu authors (@labfleet)
extends_documentation_fragment:
  - labfleet.gpu.driver
  - labfleet.gpu.attributes
seealso:
  - module: labfleet.gpu.gpu_stack
"""

EXAMPLES = r"""
- name: The newest driver of branch 580
  labfleet.gpu.nvidia_driver:
    branch: 580

- name: Exactly this driver, and it stays
  labfleet.gpu.nvidia_driver:
    version: "580.95.05"
    hold: true

- name: The server series of Ubuntu's archive, with options of its kernel module
  labfleet.gpu.nvidia_driver:
    branch: 580
    source: ubuntu
    server_series: true
    module_options:
      NVreg_OpenRmEnableUnsupportedGpus: 0

- name: The branch before the newest that is recommended for these GPUs
  labfleet.gpu.nvidia_driver:
    branch: recommended
    branch_offset: 1

- name: Debian's own driver
  labfleet.gpu.nvidia_driver:
    branch: 535
    source: debian

- name: No driver
  labfleet.gpu.nvidia_driver:
    state: absent
"""

RETURN = r"""
before:
  description: The driver as it was found.
  returned: always
  type: dict
  contains: &summary
    branch:
      description: Branch of the installed driver.
      type: int
      sample: 580
    version:
      description: Version of the installed driver.
      type: str
      sample: 580.95.05
    kernel_module:
      description: Flavour of the installed kernel module.
      type: str
      sample: open
    source:
      description: Where the packages come from.
      type: str
      sample: nvidia
    loaded_version:
      description: Version of the kernel module that is loaded now.
      type: str
      sample: 570.133.20
    loaded_kernel_module:
      description: Flavour of the kernel module that is loaded now.
      type: str
      sample: open
    library_version:
      description: Version of the NVML library on disk.
      type: str
      sample: 580.95.05
    module_on_disk:
      description: Version of the kernel module that the running kernel would load.
      type: str
      sample: 580.95.05
    dkms:
      description:
        - Version of the module on disk for each kernel that has one, whether DKMS built it or it came built.
        - What DKMS itself says is in RV(before.dkms_state).
      type: dict
      sample: {6.8.0-85-generic: 580.95.05}
    dkms_state:
      description:
        - What DKMS has of the driver. C(installed), C(built) or C(failed) for a kernel, C(added) or C(broken)
          where it has been built for none.
      type: dict
      sample: {"nvidia/580.95.05, 6.8.0-85-generic": installed}
    module_signer:
      description: Who signed the module that the running kernel would load. Unset where nobody did.
      type: str
      sample: DKMS module signing key
    signatures_enforced:
      description: Why the kernel loads only signed modules. Unset where it loads any.
      type: str
      sample: Secure Boot is on, the kernel is locked down (integrity)
    boot_kernel:
      description: The kernel that the next boot takes. Unset where that cannot be told, as in a container.
      type: str
      sample: 6.8.0-90-generic
    nouveau_loaded:
      description: Whether the kernel's own driver nouveau is loaded now.
      type: bool
      sample: false
    unattended_upgrades:
      description: Whether unattended-upgrades is installed and switched on.
      type: bool
      sample: true
    packages:
      description: The installed driver packages.
      type: list
      elements: str
      sample: [nvidia-dkms-580-open=580.95.05-0ubuntu1]
    lost:
      description:
        - What is gone behind the back of dpkg, a line for each package. Installed packages with the first of
          their files that somebody removed, and packages that somebody removed by force.
        - What belongs to the installed driver is brought back, at the version that was there. That unloads
          nothing, and is no reason to reboot.
      type: list
      elements: str
      sample: ["nvidia-utils-580: /usr/bin/nvidia-smi"]
    held:
      description: The driver packages on hold.
      type: list
      elements: str
      sample: []
    gpus:
      description: The GPUs on the PCI bus.
      type: list
      elements: str
      sample: ["0000:07:00.0 [10de:20b0] Ampere"]
    kernel:
      description: The running kernel.
      type: str
      sample: 6.8.0-85-generic
after:
  description: The driver as it is afterwards. In check mode, as the plan promises it.
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
      what: "install driver 580.95.05 (open kernel module): 12 packages"
      why: no driver is installed
blockers:
  description: Why nothing was done.
  returned: when the wish was refused
  type: list
  elements: dict
  sample:
    - what: The open kernel module cannot drive this GPU
      which: "0000:07:00.0 [10de:1db1] Volta"
      next: "use kernel_module: proprietary or auto"
reboot_required:
  description: Whether the running kernel has another driver loaded than the one installed, or other options.
  returned: success
  type: bool
  sample: true
reboot_reasons:
  description: Why, one sentence each.
  returned: success
  type: list
  elements: str
  sample: ["Driver 580.95.05 is installed but its kernel module is not loaded."]
running_work:
  description:
    - Who has a GPU open now, as C(pid (user, command)). Empty where nobody has.
    - A reboot ends this work.
  returned: when a reboot is required
  type: list
  elements: str
  sample: ["4711 (alice, python3)"]
"""

from ansible_collections.labfleet.gpu.plugins.module_utils._compiled_once import compile_once


def main() -> None:
    compile_once()
    from ansible_collections.labfleet.gpu.plugins.module_utils._converge import Part, converge
    from ansible_collections.labfleet.gpu.plugins.module_utils._discreet import DiscreetModule
    from ansible_collections.labfleet.gpu.plugins.module_utils._driver.component import DRIVER
    from ansible_collections.labfleet.gpu.plugins.module_utils._driver.wish import ARGUMENTS, wish_from
    from ansible_collections.labfleet.gpu.plugins.module_utils._wishes import BadWish

    module = DiscreetModule(argument_spec=ARGUMENTS)
    try:
        wish = wish_from(module.params)
    except BadWish as exc:
        module.fail_json(msg=str(exc))
    converge(module, [Part(DRIVER, wish)])


if __name__ == "__main__":
    main()
