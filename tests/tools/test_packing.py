# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is loaded later travels with every module that changes something, and not with the one that looks."""

from __future__ import annotations

import pytest
from interpreters import ROOT
from packing import _exists, loaded_later, packed, taken_of_ansible

LOOK, KEPT = "gpu_stack_at_rest", "gpu_stack_at_rest_kept"
LOOKING = (LOOK, KEPT)
MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py"))
USING = [name for name in MODULES if any(loaded_later(each) for each in packed(name))]


def test_there_is_something_to_look_at() -> None:
    assert {*LOOKING, "gpu_stack", "nvidia_driver", "cuda_toolkit", "cudnn"} <= set(USING)


@pytest.mark.parametrize("module", [name for name in USING if name not in LOOKING])
def test_what_is_loaded_later_is_there(module: str) -> None:
    travelling = packed(module)
    wanted = {each for name in travelling for each in loaded_later(name)}
    assert all(_exists(each) for each in wanted)
    assert wanted <= travelling, f"{module} travels without {sorted(wanted - travelling)}"


def test_what_looks_travels_light() -> None:
    # What asks NVML keeps notes of it too, and takes the few lines that write a file along; and whether a
    # framework can be had from NVIDIA's installers is read from their table. The look itself is what the code
    # that is kept is asked for.
    travelling = packed(LOOK) - {"_effects", "_catalog.cuda_runfiles", "_stack_at_rest"}
    assert not travelling & {each for name in travelling for each in loaded_later(name)}
    assert not travelling & {"_survey", "_job", "_together", "_effects_transact", "_download", "_workspace"}
    assert not [name for name in travelling if name.rpartition(".")[2].startswith("apply")]


def test_what_uses_the_code_on_the_node_travels_without_it() -> None:
    """It is sent to each host in nearly every run."""
    assert packed(KEPT) == {"_byte_code", "_later"}
    assert "_stack_at_rest" in loaded_later("_byte_code") and "_stack_at_rest" in packed(LOOK)


def test_of_ansible_the_code_on_the_node_takes_what_every_module_has() -> None:
    """What it imports of Ansible is not kept: it comes with basic.py in each module."""
    assert taken_of_ansible(LOOK) == {"ansible.module_utils.basic", "ansible.module_utils.common.arg_spec"}
