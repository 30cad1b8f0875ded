# -*- coding: utf-8 -*-
# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: resolve
short_description: Driver, CUDA and cuDNN for what one wants to run
version_added: 0.1.0
author:
  - The labfleet.gpu authors (@labfleet)
description:
  - Says which driver, kernel module, CUDA, cuDNN and Python a release of PyTorch, TensorFlow or JAX takes on
    given GPUs and a distribution release, where each comes from, and why. Without a GPU and without a node.
  - It goes by the collection's own tables. An archive may have newer releases than these know.
  - "The driver is the newest that drives all of the GPUs: of long-lived and production branches, then of
    new-feature ones, then of those that ended."
positional: _input
options:
  _input:
    description:
      - What is to run, a dictionary with C(name) (V(pytorch), V(tensorflow) or V(jax)) and, as needed,
        C(version), C(cuda) and C(python), each of one to three numbers in quotes. What is left out is chosen.
    type: dict
    required: true
  gpus:
    description:
      - The GPUs, each a name such as V(A100) or V(RTX 4090), an architecture such as V(hopper), or a PCI
        device id such as V(20b0).
    type: list
    elements: str
    required: true
  distribution:
    description: V(ubuntu) or V(debian).
    type: str
    required: true
  release:
    description: The release of the distribution, in quotes, such as V("22.04").
    type: str
    required: true
  machine:
    description: The machine, as C(uname -m) has it.
    type: str
    choices: [x86_64, aarch64]
    default: x86_64
  driver:
    description: A driver that is to stay, as a branch such as V(580) or a version.
    type: str
seealso:
  - module: labfleet.gpu.gpu_stack
  - module: labfleet.gpu.conda_gpu_env
"""

EXAMPLES = r"""
- name: What does PyTorch 2.1.2 take on A100 nodes?
  ansible.builtin.debug:
    msg: >-
      {{ {'name': 'pytorch', 'version': '2.1.2'}
         | labfleet.gpu.resolve(gpus=['A100'], distribution='ubuntu', release='22.04') }}

- name: Does it run on all of these, with the driver that is there?
  ansible.builtin.assert:
    that: answer.possible
    fail_msg: "{{ answer.reasons | join(' ') }}"
  vars:
    answer: >-
      {{ {'name': 'jax'} | labfleet.gpu.resolve(gpus=['V100', 'H100'], driver='580',
         distribution='ubuntu', release='24.04') }}
"""

RETURN = r"""
_value:
  description: The answer.
  type: dict
  contains:
    possible:
      description: Whether it can run there. If not, all but C(reasons) is empty.
      type: bool
      sample: true
    reasons:
      description: Why this was chosen, and what to know of it; or why it cannot be, and what would work.
      type: list
      elements: str
      sample:
        - Driver 595 is the newest production branch, with fixes until 2027-03, that drives all of these GPUs.
        - pytorch 2.1.2 is built for CUDA 12.1, which needs driver 525.60.13 or later.
    driver:
      description: The C(branch) to install, and the C(minimum), the oldest driver that will do.
      type: dict
      sample: {"branch": 595, "minimum": "525.60.13"}
    kernel_module:
      description: The flavour of the kernel module, V(open) or V(proprietary).
      type: str
      sample: open
    cuda:
      description:
        - The CUDA of the toolkit for programs beside the framework, which brings its own libraries. It is the
          one that the framework is built for, or the first later one of its major that compiles for the GPUs.
      type: str
      sample: "12.1"
    cudnn:
      description:
        - The cuDNN that it is built with, or where that does not run on the GPUs the newest of its major that
          does; null where none is known.
      type: str
      sample: 8.9.2.26
    python:
      description:
        - The newest Python that it is built for, the oldest where only that is known, or the one that was
          asked for.
      type: str
      sample: "3.11"
    framework:
      description: The framework with its exact version.
      type: dict
      sample: {"name": "pytorch", "version": "2.1.2"}
    sources:
      description:
        - Where each comes from. C(driver), C(cuda) and C(cudnn) are values of the option C(source) of the
          modules; C(cuda) is null where there is no toolkit for this distribution.
        - C(pip) and C(conda) are what installs the framework, and C(index_url) the index of its wheels.
      type: dict
      sample:
        driver: nvidia
        cuda: nvidia
        cudnn: nvidia
        pip: ["torch==2.1.2+cu121"]
        conda: ["python >=3.8,<3.12", "pip", "numpy <2"]
        index_url: https://download.pytorch.org/whl/cu121
"""

import difflib
import re
from typing import Any, Callable, Dict, Mapping, Optional, Sequence

from ansible.errors import AnsibleFilterError
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.branches import BRANCHES, branch_called
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.drivers import branch_of
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.families import default_source
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.frameworks import NAMES
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.gpu_names import device_called, names
from ansible_collections.labfleet.gpu.plugins.module_utils._resolve import Framework, Place
from ansible_collections.labfleet.gpu.plugins.module_utils._resolve import resolve as resolved
from ansible_collections.labfleet.gpu.plugins.module_utils._scalar import BadWish, version_of

_KEYS = ("name", "version", "cuda", "python")
_RELEASE = {
    "ubuntu": re.compile(r"[0-9]{2}\.[0-9]{2}\Z"),
    "debian": re.compile(r"[0-9]{1,2}(?:\.[0-9]{1,2})?\Z"),
}
_DRIVER = re.compile(r"[0-9]{3}(?:\.[0-9]+){0,2}\Z")


def resolve(
    wish: Mapping[str, Any],
    gpus: Sequence[Any],
    distribution: str,
    release: Any,
    machine: str = "x86_64",
    driver: Optional[Any] = None,
) -> Dict[str, Any]:
    """The filter. Raises AnsibleFilterError for what cannot be understood."""
    distribution = _distribution(distribution)
    place = Place(
        tuple(_device(each) for each in _list(gpus)),
        distribution,
        _release(distribution, release),
        _machine(machine),
        "" if driver is None else _driver(driver),
    )
    return resolved(_framework(wish), place)


def _framework(wish: Any) -> Framework:
    if not isinstance(wish, Mapping) or not wish.get("name"):
        raise AnsibleFilterError("resolve takes a dictionary such as {'name': 'pytorch', 'version': '2.8'}.")
    unknown = [str(key) for key in wish if key not in _KEYS]
    if unknown:
        raise AnsibleFilterError(
            "resolve does not know %s: it takes %s." % (", ".join(unknown), ", ".join(_KEYS))
        )
    return Framework(**{key: _said(key, value) for key, value in wish.items() if value not in (None, "")})


def _said(key: str, value: Any) -> str:
    if key == "name":
        if not isinstance(value, str):
            raise AnsibleFilterError("name is %s: write %s." % (value, " or ".join(NAMES)))
        return value
    try:
        return version_of(key, value)
    except BadWish as exc:
        raise AnsibleFilterError(str(exc)) from exc


def _list(gpus: Any) -> Sequence[Any]:
    if isinstance(gpus, str) or not isinstance(gpus, Sequence) or not gpus:
        raise AnsibleFilterError("gpus is %s: write a list of at least one GPU, such as ['A100']." % (gpus,))
    return gpus


def _device(name: Any) -> int:
    device = device_called(str(name))
    if device is None:
        near = difflib.get_close_matches(str(name).upper(), names(), 1, 0.5)
        hint = "did you mean %s?" % near[0] if near else "these are known: %s." % ", ".join(names())
        raise AnsibleFilterError("There is no GPU '%s': %s Or write its PCI device id." % (name, hint))
    return device


def _distribution(distribution: Any) -> str:
    found = str(distribution).lower()
    if default_source(found) is None:
        raise AnsibleFilterError("distribution is '%s': write ubuntu or debian." % distribution)
    return found


def _release(distribution: str, release: Any) -> str:
    """Of Debian its major: a point release, as facts have it, is the same."""
    if isinstance(release, (bool, float)) or not _RELEASE[distribution].match(str(release)):
        example = {"ubuntu": "22.04", "debian": "12"}[distribution]
        raise AnsibleFilterError(
            "release of %s is '%s': write its number in quotes, such as '%s'."
            % (distribution, release, example)
        )
    return str(release).partition(".")[0] if distribution == "debian" else str(release)


def _machine(machine: str) -> str:
    if machine not in ("x86_64", "aarch64"):
        raise AnsibleFilterError("machine is '%s': write x86_64 or aarch64." % machine)
    return machine


def _driver(driver: Any) -> str:
    text = str(driver)
    if isinstance(driver, float) or not _DRIVER.match(text):
        raise AnsibleFilterError(
            "driver is '%s': write a branch such as 580, or a version in quotes." % (driver,)
        )
    if branch_called(branch_of(text)) is None:
        known = ", ".join(str(each) for each in sorted(branch.number for branch in BRANCHES))
        raise AnsibleFilterError("driver is %s: its branch is not among those known, %s." % (text, known))
    return text


class FilterModule:
    """The collection's filter for planning software."""

    def filters(self) -> Dict[str, Callable[..., Any]]:
        return {"resolve": resolve}
