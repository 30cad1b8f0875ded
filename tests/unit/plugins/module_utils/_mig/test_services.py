# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services around a change of MIG: named before it, and left to the next run where they do not start."""

from __future__ import annotations

import os
import shutil

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._clients import STOPPED
from ansible_collections.labfleet.gpu.tests.unit.support.mig_node import MigNode

pytestmark = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("make")), reason="gcc and make build the simulated library"
)

A100 = "a100-sxm4-40gb"


def test_a_service_that_could_not_start_is_for_the_next_run(mig: MigNode) -> None:
    """The run that tried it ends well all the same, and the next plans to start it."""
    mig.add(A100, 1)
    mig.tree.write(STOPPED, "nvidia-dcgm.service\n")
    mig.programs.failing = "nvidia-dcgm.service"
    plan = mig.hold(gpus=[0], mig=True)
    assert [step.action for step in plan.steps] == [
        "start-gpu-services"
    ] and "could not start them" in plan.steps[0].why
    assert "nvidia-dcgm.service does not start again" in mig.warnings[0]
    noted = mig.tree.files.text(STOPPED) or ""
    mig.tree.write(STOPPED, noted.replace(str(os.getpid()), "1"))
    mig.programs.failing = ""
    assert [step.action for step in mig.hold(gpus=[0], mig=True).steps] == ["start-gpu-services"]
    assert mig.tree.files.text(STOPPED) is None and not mig.plan(gpus=[0], mig=True).steps


def test_what_systemd_stops_with_a_service_is_named_before(mig: MigNode) -> None:
    mig.add(A100)
    mig.tree.write("/proc/1/cgroup", "0::/init.scope\n")
    mig.tree.write("/proc/14/comm", "nv-hostengine\n")
    mig.tree.write("/proc/14/cgroup", "0::/system.slice/nvidia-dcgm.service\n")
    mig.tree.link("/proc/14/fd/3", "/dev/nvidia0")
    mig.programs.dependents["nvidia-dcgm.service"] = "dcgm-exporter.service multi-user.target"
    whats = [step.what for step in mig.plan(gpus=[0], mig=True).steps]
    assert whats[0] == ("stop nvidia-dcgm.service, and dcgm-exporter.service, which systemd stops with that")
    assert whats[-1] == "start dcgm-exporter.service, nvidia-dcgm.service"
