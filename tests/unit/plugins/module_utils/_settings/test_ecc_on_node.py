# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ECC of GPUs that are busy, divided, without it, or cannot be reset."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any, Iterator, List

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._clients import STOPPED
from ansible_collections.labfleet.gpu.plugins.module_utils._deadline import HUNG
from ansible_collections.labfleet.gpu.plugins.module_utils._settings.node import REFUSED
from ansible_collections.labfleet.gpu.tests.unit.support.settings_node import SettingsNode

pytestmark = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("make")), reason="gcc and make build the simulated library"
)

A100, RTX = "a100-sxm4-40gb", "rtx-4090"


@pytest.fixture
def pid() -> Iterator[int]:
    """A process that lives."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process.pid
        process.kill()


def actions(plan: Any) -> List[str]:
    return [step.action for step in plan.steps]


def test_ecc_that_waits_for_a_reboot(gpus: SettingsNode) -> None:
    uuid = gpus.add(A100)
    plan = gpus.hold(ecc=False)
    assert "nvidia-smi: No such file or directory" in plan.reboot_reasons[0]
    assert gpus.gpu(uuid)["ecc"] == {"current": True, "pending": False} and gpus.gpu(uuid)["persistence"]
    gpus.programs.nvidia_smi = (3, "GPU 0 is in use by another client")
    plan = gpus.hold(ecc=True)
    assert actions(plan) == ["set-ecc"] and not plan.reboot_reasons
    assert gpus.tree.files.text(REFUSED) == "{}\n"
    plan = gpus.hold(ecc=False)
    assert plan.reboot_reasons == (
        "GPU 0 (NVIDIA A100-SXM4-40GB, 0000:07:00.0) waits for a reset to switch ECC off: "
        "GPU 0 is in use by another client.",
    )


def test_a_reset_that_hangs_leaves_no_service_stopped(gpus: SettingsNode) -> None:
    gpus.add(A100)
    gpus.tree.write(STOPPED, "nvidia-dcgm.service\n")
    gpus.programs.nvidia_smi = (HUNG, "'nvidia-smi --gpu-reset' did not end within 300 seconds")
    hangs = "its reset did not end within 300 seconds: the GPU or the driver hangs."
    said = gpus.failing(ecc=False)
    assert said.startswith("GPU 0: " + hangs) and said.endswith("reboot the node.")
    assert gpus.programs.ran[-1] == "systemctl start -- nvidia-dcgm.service"
    assert gpus.tree.files.text(STOPPED) is None
    plan = gpus.plan(ecc=False)
    assert plan.reboot_reasons[0].endswith("to switch ECC off: " + hangs)
    assert "reset-gpus" not in actions(plan)


def test_ecc_of_a_busy_gpu(gpus: SettingsNode, pid: int) -> None:
    gpus.add(A100)
    gpus.work(0, pid)
    said = gpus.refused(ecc=False)
    assert "needs an idle GPU" in said and "%d (root, python3)" % pid in said
    plan = gpus.plan(ecc=False, disrupt_running_work=True)
    assert actions(plan)[:3] == ["set-ecc", "end-gpu-work", "reset-gpus"]


def test_ecc_in_mig_mode_waits_for_a_reboot(gpus: SettingsNode, pid: int) -> None:
    gpus.add(A100, mig=1)
    gpus.work(0, pid)
    plan = gpus.hold(ecc=False)
    assert actions(plan) == ["set-ecc"] and "a reset would end its instances" in plan.reboot_reasons[0]


def test_no_ecc_is_no_ecc(gpus: SettingsNode) -> None:
    gpus.add(RTX)
    assert not gpus.plan(ecc=False).steps


def test_an_ecc_mode_that_cannot_be_set(gpus: SettingsNode) -> None:
    gpus.add(A100)
    gpus.fault("nvmlDeviceSetEccMode", "return 999")
    assert gpus.failing(ecc=False) == "GPU 0 cannot be changed: NVML says: Unknown Error"
