# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations


class ModuleDocFragment:
    """Options of gpu_stack, which are those of its components' modules."""

    DOCUMENTATION = r"""
options:
  role_variables:
    description:
      - Take the options of each component that is not named here from the variables of its role,
        such as C(cuda_toolkit_versions), as far as they are set for the host. It is how the role
        P(labfleet.gpu.gpu_node#role) asks.
      - "As in that role the driver is always asked for, with the defaults of its options: where there is to
        be none, C(nvidia_driver_state=absent) says so. Consent is that of C(gpu_node_disrupt_running_work), a
        framework that of C(gpu_node_framework), and a variable that no role has is refused."
      - One component's alone has the lookup P(labfleet.gpu.node_wish#lookup).
    type: bool
    default: false
  driver:
    description:
      - The driver, with the options of M(labfleet.gpu.nvidia_driver).
    type: dict
    suboptions:
      state:
        description: See O(labfleet.gpu.nvidia_driver#module:state).
        type: str
        choices: [present, absent]
        default: present
      branch:
        description: See O(labfleet.gpu.nvidia_driver#module:branch).
        type: raw
      version:
        description: See O(labfleet.gpu.nvidia_driver#module:version).
        type: raw
      source:
        description: See O(labfleet.gpu.nvidia_driver#module:source).
        type: str
        choices: [auto, nvidia, ubuntu, debian]
        default: auto
      kernel_module:
        description: See O(labfleet.gpu.nvidia_driver#module:kernel_module).
        type: str
        choices: [auto, open, proprietary]
        default: auto
      components:
        description: See O(labfleet.gpu.nvidia_driver#module:components).
        type: str
        choices: [compute, desktop]
        default: compute
      hold:
        description: See O(labfleet.gpu.nvidia_driver#module:hold).
        type: bool
      update:
        description: See O(labfleet.gpu.nvidia_driver#module:update).
        type: bool
        default: false
      repository_url:
        description: See O(labfleet.gpu.nvidia_driver#module:repository_url).
        type: str
      repository_key_url:
        description: See O(labfleet.gpu.nvidia_driver#module:repository_key_url).
        type: str
      repository_key_fingerprint:
        description: See O(labfleet.gpu.nvidia_driver#module:repository_key_fingerprint).
        type: str
      gpus:
        description: See O(labfleet.gpu.nvidia_driver#module:gpus).
        type: list
        elements: raw
      disrupt_running_work:
        description: See O(labfleet.gpu.nvidia_driver#module:disrupt_running_work).
        type: bool
        default: false
      branch_offset:
        description: See O(labfleet.gpu.nvidia_driver#module:branch_offset).
        type: int
        default: 0
      server_series:
        description: See O(labfleet.gpu.nvidia_driver#module:server_series).
        type: bool
      module_options:
        description: See O(labfleet.gpu.nvidia_driver#module:module_options).
        type: dict
      take_over:
        description: See O(labfleet.gpu.nvidia_driver#module:take_over).
        type: bool
        default: false
      keep_former:
        description: See O(labfleet.gpu.nvidia_driver#module:keep_former).
        type: bool
        default: true
  cuda:
    description:
      - The CUDA toolkits, with the options of M(labfleet.gpu.cuda_toolkit). A driver that the same run
        brings is the one they are judged by.
    type: dict
    suboptions:
      versions:
        description: See O(labfleet.gpu.cuda_toolkit#module:versions).
        type: list
        elements: raw
      state:
        description: See O(labfleet.gpu.cuda_toolkit#module:state).
        type: str
        choices: [present, absent]
        default: present
      default:
        description: See O(labfleet.gpu.cuda_toolkit#module:default).
        type: raw
      source:
        description: See O(labfleet.gpu.cuda_toolkit#module:source).
        type: str
        choices: [auto, nvidia, runfile, ubuntu, debian]
        default: auto
      components:
        description: See O(labfleet.gpu.cuda_toolkit#module:components).
        type: raw
        default: toolkit
      exclusive:
        description: See O(labfleet.gpu.cuda_toolkit#module:exclusive).
        type: bool
        default: false
      update:
        description: See O(labfleet.gpu.cuda_toolkit#module:update).
        type: bool
        default: false
      environment:
        description: See O(labfleet.gpu.cuda_toolkit#module:environment).
        type: bool
        default: true
      library_path:
        description: See O(labfleet.gpu.cuda_toolkit#module:library_path).
        type: bool
      module_files:
        description: See O(labfleet.gpu.cuda_toolkit#module:module_files).
        type: str
        choices: [keep, none, environment-modules, lmod]
        default: keep
      gpus:
        description: See O(labfleet.gpu.cuda_toolkit#module:gpus).
        type: list
        elements: raw
      driver_version:
        description: See O(labfleet.gpu.cuda_toolkit#module:driver_version).
        type: raw
      repository_url:
        description: See O(labfleet.gpu.cuda_toolkit#module:repository_url).
        type: str
      repository_key_url:
        description: See O(labfleet.gpu.cuda_toolkit#module:repository_key_url).
        type: str
      repository_key_fingerprint:
        description: See O(labfleet.gpu.cuda_toolkit#module:repository_key_fingerprint).
        type: str
      take_over:
        description: See O(labfleet.gpu.cuda_toolkit#module:take_over).
        type: bool
        default: false
      runfile:
        description: See O(labfleet.gpu.cuda_toolkit#module:runfile).
        type: str
      runfile_mirror:
        description: See O(labfleet.gpu.cuda_toolkit#module:runfile_mirror).
        type: str
      checksum:
        description: See O(labfleet.gpu.cuda_toolkit#module:checksum).
        type: str
      keep_downloads:
        description: See O(labfleet.gpu.cuda_toolkit#module:keep_downloads).
        type: bool
        default: false
  cudnn:
    description:
      - cuDNN, with the options of M(labfleet.gpu.cudnn).
    type: dict
    suboptions:
      version:
        description: See O(labfleet.gpu.cudnn#module:version).
        type: raw
      cuda:
        description: See O(labfleet.gpu.cudnn#module:cuda).
        type: raw
      state:
        description: See O(labfleet.gpu.cudnn#module:state).
        type: str
        choices: [present, absent]
        default: present
      source:
        description: See O(labfleet.gpu.cudnn#module:source).
        type: str
        choices: [auto, nvidia, archive]
        default: auto
      components:
        description: See O(labfleet.gpu.cudnn#module:components).
        type: str
        choices: [runtime, dev, static]
        default: dev
      archive:
        description: See O(labfleet.gpu.cudnn#module:archive).
        type: str
      checksum:
        description: See O(labfleet.gpu.cudnn#module:checksum).
        type: str
      toolkit:
        description: See O(labfleet.gpu.cudnn#module:toolkit).
        type: raw
      exclusive:
        description: See O(labfleet.gpu.cudnn#module:exclusive).
        type: bool
        default: false
      update:
        description: See O(labfleet.gpu.cudnn#module:update).
        type: bool
        default: false
      gpus:
        description: See O(labfleet.gpu.cudnn#module:gpus).
        type: list
        elements: raw
      driver_version:
        description: See O(labfleet.gpu.cudnn#module:driver_version).
        type: raw
      repository_url:
        description: See O(labfleet.gpu.cudnn#module:repository_url).
        type: str
      repository_key_url:
        description: See O(labfleet.gpu.cudnn#module:repository_key_url).
        type: str
      repository_key_fingerprint:
        description: See O(labfleet.gpu.cudnn#module:repository_key_fingerprint).
        type: str
      take_over:
        description: See O(labfleet.gpu.cudnn#module:take_over).
        type: bool
        default: false
  settings:
    description:
      - The GPUs' settings, with the options of M(labfleet.gpu.gpu_settings). They come after the driver of
        the same run, and before MIG, since a change of ECC ends MIG instances.
    type: dict
    suboptions:
      persistence:
        description: See O(labfleet.gpu.gpu_settings#module:persistence).
        type: bool
      ecc:
        description: See O(labfleet.gpu.gpu_settings#module:ecc).
        type: bool
      compute_mode:
        description: See O(labfleet.gpu.gpu_settings#module:compute_mode).
        type: str
      power_limit:
        description: See O(labfleet.gpu.gpu_settings#module:power_limit).
        type: raw
      gpu_clocks:
        description: See O(labfleet.gpu.gpu_settings#module:gpu_clocks).
        type: raw
      memory_clocks:
        description: See O(labfleet.gpu.gpu_settings#module:memory_clocks).
        type: raw
      gpus:
        description: See O(labfleet.gpu.gpu_settings#module:gpus).
        type: list
        elements: raw
      gpu_model:
        description: See O(labfleet.gpu.gpu_settings#module:gpu_model).
        type: str
      settings:
        description: See O(labfleet.gpu.gpu_settings#module:settings).
        type: list
        elements: dict
      disrupt_running_work:
        description: See O(labfleet.gpu.gpu_settings#module:disrupt_running_work).
        type: bool
        default: false
      gpu_services:
        description: See O(labfleet.gpu.gpu_settings#module:gpu_services).
        type: list
        elements: str
        default: []
      persist:
        description: See O(labfleet.gpu.gpu_settings#module:persist).
        type: bool
  mig:
    description:
      - The MIG layouts, with the options of M(labfleet.gpu.mig_layout). They come after the driver of the
        same run, since what loads a driver ends MIG instances. While an installed driver waits for a
        reboot, the layouts wait too.
    type: dict
    suboptions:
      instances:
        description: See O(labfleet.gpu.mig_layout#module:instances).
        type: raw
      mig:
        description: See O(labfleet.gpu.mig_layout#module:mig).
        type: bool
      gpus:
        description: See O(labfleet.gpu.mig_layout#module:gpus).
        type: list
        elements: raw
      gpu_model:
        description: See O(labfleet.gpu.mig_layout#module:gpu_model).
        type: str
      layout:
        description: See O(labfleet.gpu.mig_layout#module:layout).
        type: list
        elements: dict
      config:
        description: See O(labfleet.gpu.mig_layout#module:config).
        type: path
      label:
        description: See O(labfleet.gpu.mig_layout#module:label).
        type: str
      disrupt_running_work:
        description: See O(labfleet.gpu.mig_layout#module:disrupt_running_work).
        type: bool
        default: false
      gpu_services:
        description: See O(labfleet.gpu.mig_layout#module:gpu_services).
        type: list
        elements: str
        default: []
      take_over:
        description: See O(labfleet.gpu.mig_layout#module:take_over).
        type: bool
        default: false
      persist:
        description: See O(labfleet.gpu.mig_layout#module:persist).
        type: bool
  framework:
    description:
      - What is to run. The collection's tables choose driver branch, CUDA and cuDNN for the GPUs that are
        there, and say why. What is asked for explicitly stays so, a driver has to fit. An installed driver
        that will do stays.
      - What O(cuda) and O(cudnn) say besides a version counts for those that are chosen.
      - The framework itself is not installed by this option, but in an environment (O(environments)).
    type: dict
    suboptions:
      name:
        description: The framework.
        type: str
        required: true
        choices: [pytorch, tensorflow, jax]
      version:
        description: Its version, one to three numbers in quotes. Without it the newest that these GPUs run.
        type: raw
      cuda:
        description: The CUDA that it is to be built for.
        type: raw
      python:
        description: The Python that is to run it.
        type: raw
  environments:
    description:
      - Conda environments, each with the options of M(labfleet.gpu.conda_gpu_env).
    type: list
    elements: dict
  container:
    description:
      - NVIDIA's container toolkit, with the options of M(labfleet.gpu.container_toolkit).
    type: dict
"""
