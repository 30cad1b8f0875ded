# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that are not as the plain case: several kernels, a doubled source, two things changing at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Optional

from ansible_collections.labfleet.gpu.plugins.module_utils._driver.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import OWN_FILES, SOURCE_PATH
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.wish import DriverWish
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Install, RemoveFile
from ansible_collections.labfleet.gpu.plugins.module_utils._sources import Source
from ansible_collections.labfleet.gpu.tests.unit.support.archive import (
    NVIDIA,
    debian_archive,
    ubuntu_archive,
)
from ansible_collections.labfleet.gpu.tests.unit.support.nodes import KERNEL, debian, ubuntu, with_driver
from ansible_collections.labfleet.gpu.tests.unit.support.planning import settled

OTHER_KERNEL = "6.8.0-90-generic"


def test_every_other_kernel_with_headers_gets_its_modules() -> None:
    state = ubuntu(headers=(KERNEL, OTHER_KERNEL), bootable=(KERNEL,))
    found, _asked = settled(state, DriverWish(branch=580), ubuntu_archive(KERNEL))
    assert [step.data for step in found.steps if step.action == "build-modules"] == [OTHER_KERNEL]


def test_a_flavour_and_a_branch_change_at_once_remove_the_other_flavour() -> None:
    state = with_driver(debian(headers=(KERNEL,)), "535.247.01", flavour="proprietary")
    wish = DriverWish(branch=535, kernel_module="open", update=True)
    moved = replace(state, installed=replace(state.installed, branch=525))  # type: ignore[type-var]
    for before in (state, moved):
        found, _asked = settled(before, wish, debian_archive())
        (install,) = [step.data for step in found.steps if isinstance(step.data, Install)]
        assert "nvidia-kernel-dkms-" in install.targets


def test_our_source_goes_where_somebody_else_configured_the_same() -> None:
    own: Dict[str, Optional[str]] = {path: None for path in OWN_FILES}
    own[SOURCE_PATH] = "Types: deb\n"
    both = (
        Source(NVIDIA, "/", (), None, "/etc/apt/sources.list.d/cuda-ubuntu2404-x86_64.list"),
        Source(NVIDIA, "/", (), None, SOURCE_PATH),
    )
    state = with_driver(ubuntu(), "580.95.05", sources=both, own_files=own, headers=(KERNEL,))
    wish = DriverWish(branch=580)
    assert [step.data for step in plan(state, wish, {}).steps] == [RemoveFile(SOURCE_PATH)]
    found, asked = settled(replace(state, installed=None, packages=()), wish, ubuntu_archive(KERNEL))
    assert found.steps[0].data == RemoveFile(SOURCE_PATH)
    index = next(question for question in asked if hasattr(question, "pattern"))
    assert [(entry.path, entry.content) for entry in index.files] == [(SOURCE_PATH, "")]
