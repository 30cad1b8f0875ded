# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fabrics, hosts without GPUs, module options, and activation without a reboot under what holds the GPUs."""

from __future__ import annotations

import time
from typing import Any

from proof import in_effect, proved, rebooted
from scenario import Fleet

OPTION = "NVreg_OpenRmEnableUnsupportedGpus"


def fabric(fleet: Fleet, node: str) -> str:
    """The state of the first GPU's fabric, and of its manager."""
    return fleet.sh(node, "gpu-simulator get 0 fabric_state; systemctl is-active nvidia-fabricmanager")


def test_nvswitches_get_a_fabric_manager_of_exactly_the_drivers_version(fleet: Fleet) -> None:
    node = "node1"
    fleet.reset(node, *("h100-sxm5-80gb",) * 8)
    proved(fleet, node, version="580.95.05")
    assert fabric(fleet, node).split() == ["3", "active"]
    after = proved(fleet, node, version="580.105.08", disrupt_running_work=True)["after"]
    assert "nvidia-fabricmanager=580.105.08-1" in after["packages"]
    assert fabric(fleet, node).split() == ["3", "active"], "with the new driver, without a reboot"
    rebooted(fleet, node, version="580.105.08")
    assert fabric(fleet, node).split() == ["3", "active"]


def test_an_nvlink5_fabric_gets_its_subnet_manager_and_ib_umad(fleet: Fleet) -> None:
    node = "node1"
    fleet.reset(node, *("b200-180gb",) * 8)
    after = proved(fleet, node, branch=580)["after"]
    assert after["kernel_module"] == "open"
    assert fabric(fleet, node).split() == ["3", "active"]
    assert fleet.sh(node, "lsmod | grep -c ^ib_umad; pgrep -c nvlsm").split() == ["1", "1"]
    rebooted(fleet, node, branch=580)
    assert fabric(fleet, node).split() == ["3", "active"]


def test_a_host_without_gpus_never_waits_for_a_reboot(fleet: Fleet) -> None:
    node = "node2"
    fleet.reset(node, "none")
    for branch in (570, 580):
        done = proved(fleet, node, branch=branch)
        assert not done["reboot_required"] and done["after"]["gpus"] == []
        assert done["after"]["loaded_version"] is None and done["after"]["module_on_disk"]
    fleet.lab("reboot", node)
    now = fleet.driver(node, branch=580)
    assert not now["changed"] and not now["reboot_required"]


def parameter(fleet: Fleet, node: str) -> str:
    """The value of the option in the loaded module."""
    return fleet.sh(node, f"sed -n 's/^{OPTION[6:]}: //p' /proc/driver/nvidia/params")


def test_module_options_take_effect_with_the_module_or_at_a_reboot(fleet: Fleet) -> None:
    node = "node2"
    fleet.reset(node)
    proved(fleet, node, branch=580, module_options={OPTION: 0})
    assert parameter(fleet, node) == "0", "loaded with it"
    done = proved(fleet, node, branch=580, module_options={OPTION: 1})
    assert parameter(fleet, node) == "0" and f"{OPTION} is 0" in done["reboot_reasons"][0]
    rebooted(fleet, node, branch=580, module_options={OPTION: 1})
    assert parameter(fleet, node) == "1"
    proved(fleet, node, branch=580, module_options={OPTION: 0}, disrupt_running_work=True)
    assert parameter(fleet, node) == "0", "by consent the module is loaded anew"
    proved(fleet, node, branch=580, module_options={})
    assert fleet.sh(node, "ls /etc/modprobe.d").find("labfleet") == -1


#: Holds a GPU: there is no driver behind the device files, so they can be opened as paths only.
WORK = """#!/usr/bin/python3
import os, time
os.open("/dev/nvidia0", os.O_PATH)
time.sleep(3600)
"""
LIMIT = (
    "import sys; sys.path[:0] = __import__('glob').glob('/opt/labfleet-gpu/python*'); import pynvml as n; "
)
LIMIT += "n.nvmlInit(); h = n.nvmlDeviceGetHandleByIndex(0); "


def started_again(fleet: Fleet, node: str, unit: str, before: str, seconds: float = 30) -> None:
    """Within seconds and without another run the service runs, as another process than before."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        asked = f"systemctl show -p MainPID --value {unit}; systemctl is-active {unit}"
        pid, state = fleet.sh(node, asked, status=None).split()
        if state == "active" and pid != before:
            return
        time.sleep(0.5)
    raise AssertionError(f"{unit} is {state} {seconds} s after the run was killed")


def test_by_consent_services_give_way_and_come_back_and_sessions_stay(fleet: Fleet) -> None:
    node = "node2"
    fleet.reset(node)
    fleet.put_pynvml(node)
    fleet.driver(node, version="580.95.05")
    lower = "n.nvmlDeviceGetPowerManagementLimitConstraints(h)[0]"
    fleet.sh(node, f'python3 -c "{LIMIT} n.nvmlDeviceSetPowerManagementLimit(h, {lower})"')
    limit = f'python3 -c "{LIMIT} print(n.nvmlDeviceGetPowerManagementLimit(h))"'
    set_to = fleet.sh(node, limit)
    work = "/usr/local/bin/gpu-work"
    fleet.sh(node, f"cat > {work} <<'END'\n{WORK}END\nchmod +x {work}")
    unit = f"[Service]\\nExecStart={work}\\n"
    fleet.sh(node, f'printf "{unit}" > /etc/systemd/system/serving.service; systemctl start serving')
    before = fleet.sh(node, "systemctl show -p MainPID --value serving")

    wish: dict[str, Any] = {"version": "580.105.08", "disrupt_running_work": True}
    steps = [step["action"] for step in fleet.driver(node, check=True, **wish)["steps"]]
    cut = {"LABFLEET_GPU_CRASH": f"after:{steps.index('stop-units') + 1}"}
    assert fleet.driver(node, environment=cut, **wish).get("failed"), "killed with the service stopped"
    started_again(fleet, node, "serving", before)
    before = fleet.sh(node, "systemctl show -p MainPID --value serving")
    done = proved(fleet, node, **wish)
    assert not done["reboot_required"], done["reboot_reasons"]
    assert any(
        step["what"].startswith("stop ") and "serving.service" in step["what"] for step in done["steps"]
    )
    in_effect(fleet, node, **wish)
    assert fleet.sh(node, "systemctl is-active serving") == "active"
    assert fleet.sh(node, "systemctl show -p MainPID --value serving") != before, "it was started anew"
    assert fleet.sh(node, limit) == set_to, "the power limit is as the admin had set it"

    pid = fleet.sh(node, f"setsid {work} >/dev/null 2>&1 & echo $!")
    wish["version"] = "580.159.04"
    done = proved(fleet, node, **wish)
    assert done["reboot_required"] and done["after"]["loaded_version"] == "580.105.08"
    assert f"{pid} (root, gpu-work)" in str(done["warnings"]), done["warnings"]
    assert f"{pid} (root, gpu-work)" in done["running_work"], "whoever reboots should know"
    assert fleet.sh(node, f"cat /proc/{pid}/comm; systemctl is-active serving").split() == [
        "gpu-work",
        "active",
    ]
    rebooted(fleet, node, **wish)
