# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is restored at boot, and when the driver is loaded anew, without Ansible: an A100 and an H100."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from mig_node import (
    A100,
    DCGM,
    EXPORTER,
    H100,
    NODE,
    WATCHERS,
    alive,
    given_back,
    held,
    instance_at,
    layouts,
    names,
    node_with,
    put,
    works,
)
from proof import proved
from scenario import Fleet

UNIT = "labfleet-gpu-restore.service"
#: The name of a service that the unit goes before; this one writes down what it finds when it starts.
DEPENDENT = "slurmd.service"
SEEN = "/var/log/gpus-as-found"
PROGRAM = f"""#!/bin/sh
nvidia-smi -L > {SEEN}
nvidia-smi --query-gpu=power.limit --format=csv,noheader,nounits >> {SEEN}
"""
SERVICE = """[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=-/usr/local/bin/look-at-gpus
[Install]
WantedBy=multi-user.target
"""
#: All that the collection puts on the node for it.
PARTS = (
    f"/etc/systemd/system/{UNIT} /etc/systemd/system/*/{UNIT} /etc/labfleet-gpu "
    "/etc/udev/rules.d/*labfleet* /opt/labfleet-gpu/restore.pyz"
)
LAYOUT: dict[str, Any] = {
    "layout": [{"gpus": [0], "instances": {"3g.20gb": 2}}, {"gpus": [1], "instances": {"1g.10gb": 7}}]
}
SETTINGS: dict[str, Any] = {
    "gpus": [0],
    "persistence": True,
    "power_limit": 300,
    "gpu_clocks": [1200, 1410],
}
WHOLE = [["3g.20gb"] * 2, ["1g.10gb"] * 7]


def settings(fleet: Fleet, **options: Any) -> dict[str, Any]:
    """The result of one run of gpu_settings that must succeed."""
    done = fleet.task(NODE, {"labfleet.gpu.gpu_settings": options})
    assert not done.get("failed"), done.get("msg")
    return done


def journal(fleet: Fleet) -> str:
    """What the unit said since the node booted."""
    return fleet.sh(NODE, f"journalctl --sync; journalctl -b -o cat -u {UNIT}")


def ended(fleet: Fleet, seconds: int = 60) -> str:
    """How the unit ended: "inactive" if all was restored, or "failed"."""
    names = "ActiveState,Job,InactiveExitTimestampMonotonic"
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        lines = fleet.sh(NODE, f"systemctl show --property={names} {UNIT}").splitlines()
        seen = dict(line.split("=", 1) for line in lines)
        state = seen["ActiveState"]
        # One that has not begun yet is inactive too: ssh answers before it, or its turn is still to come.
        begun = seen["InactiveExitTimestampMonotonic"] != "0" and seen.get("Job", "0") in ("", "0")
        if begun and state in ("inactive", "failed"):
            return state
        time.sleep(0.5)
    return "still " + state


def found(fleet: Fleet) -> dict[str, int]:
    """The instances that nvidia-smi lists, counted by profile."""
    profiles = re.findall(r"MIG (\S+)", fleet.sh(NODE, "nvidia-smi -L"))
    return {profile: profiles.count(profile) for profile in profiles}


@pytest.fixture(scope="module")
def node(fleet: Fleet) -> str:
    """The node with its driver, and a service that looks at the GPUs when it starts."""
    node_with(fleet, A100, H100)
    fleet.put_pynvml(NODE)
    for path, text in (
        ("/usr/local/bin/look-at-gpus", PROGRAM),
        (f"/etc/systemd/system/{DEPENDENT}", SERVICE),
    ):
        fleet.sh(NODE, f"cat > {path} <<'END'\n{text}END\n")
    fleet.sh(NODE, f"chmod 755 /usr/local/bin/look-at-gpus; systemctl enable {DEPENDENT}")
    return NODE


def udev_reads_the_rule(fleet: Fleet) -> None:
    """The node's own udev, which reads only what the machine's kernel shows: for a driver that is there.

    From systemd 254 on udevadm has "verify" as well.
    """
    rule = fleet.sh(NODE, "ls /etc/udev/rules.d/*labfleet*")
    copy = "/run/udev/rules.d/72-lab.rules"
    said = fleet.sh(
        NODE,
        f"rule={rule} copy={copy}; mkdir -p ${{copy%/*}}; "
        "driver=$(ls -d /sys/bus/*/drivers/* | grep -v ^/sys/bus/pci/ | head -n 1); "
        "sed s#/bus/pci/drivers/nvidia#${driver#/sys}# $rule > $copy; "
        "udevadm test --action=add $driver 2>&1; rm $copy",
    )
    assert f"SYSTEMD_WANTS={UNIT}\n" in said, said
    assert f"{copy}:" not in said and f"{rule}:" not in said, said
    version = int(fleet.sh(NODE, "udevadm --version").split()[0])
    if version >= 254:
        fleet.sh(NODE, f"udevadm verify {rule}")


def test_after_a_boot_all_is_there_before_a_dependent_service_starts(fleet: Fleet, node: str) -> None:
    done = proved(fleet, node, module="mig_layout", persist=True, **LAYOUT)
    assert [step["phase"] for step in done["steps"]].count("boot") == 5
    assert done["after"]["boot"]["unit"] and len(done["after"]["boot"]["gpus"]) == 2
    assert "labfleet" not in fleet.sh(node, f"systemd-analyze verify {UNIT} 2>&1", status=None)
    udev_reads_the_rule(fleet)
    places = layouts(done)
    done = proved(fleet, node, module="gpu_settings", persist=True, **SETTINGS)
    assert [step["phase"] for step in done["steps"]].count("boot") == 1, "the unit is there"

    fleet.lab("reboot", node)
    seen = fleet.sh(node, f"systemctl start {DEPENDENT}; cat {SEEN}")
    assert seen.count("MIG 3g.20gb") == 2 and seen.count("MIG 1g.10gb") == 7 and "\n300.00\n" in seen
    said = journal(fleet)
    assert "mig: GPU 1: create GPU instances" in said and "settings: GPU 0: set power limit 300 W" in said
    assert ended(fleet) == "inactive"
    again = held(fleet, persist=True, **LAYOUT)
    assert not again["changed"] and layouts(again) == places
    assert not settings(fleet, persist=True, **SETTINGS)["changed"]


def test_a_driver_that_is_loaded_anew(fleet: Fleet, node: str) -> None:
    fleet.sh(node, "systemctl stop nvidia-persistenced; nvidia-smi -pm 0")
    fleet.sh(node, "systemctl stop nvidia-fabricmanager; gpu-simulator unload && modprobe nvidia")
    assert ended(fleet) == "inactive" and found(fleet) == {"3g.20gb": 2, "1g.10gb": 7}
    assert not settings(fleet, **SETTINGS)["changed"]


def test_drift(fleet: Fleet, node: str) -> None:
    fleet.sh(node, f"nvidia-smi mig -i 1 -dci; nvidia-smi mig -i 1 -dgi; systemctl start {UNIT}")
    assert found(fleet) == {"3g.20gb": 2, "1g.10gb": 7}
    before = journal(fleet)
    fleet.sh(node, f"systemctl start {UNIT}")
    said = journal(fleet)[len(before) :]
    assert said.count("Nothing to change.") == 2 and "create" not in said


def test_what_is_restored_follows_a_wish_without_the_option(fleet: Fleet, node: str) -> None:
    done = proved(fleet, node, module="mig_layout", gpus=[1], instances={"3g.40gb": 2})
    assert [step["what"] for step in done["steps"]][-1] == "note the MIG layouts of 2 GPUs for the next boot"
    fleet.sh(node, "nvidia-smi mig -i 1 -dci; nvidia-smi mig -i 1 -dgi")
    fleet.sh(node, f"systemctl start {UNIT}")
    assert found(fleet) == {"3g.20gb": 2, "3g.40gb": 2}
    held(fleet, **LAYOUT)


def test_another_run_is_not_waited_for_and_not_forgotten(fleet: Fleet, node: str) -> None:
    fleet.sh(node, "nvidia-smi mig -i 1 -dci; nvidia-smi mig -i 1 -dgi")
    hold = "flock /run/labfleet-gpu.lock sleep 20 >/dev/null 2>&1 & sleep 0.5; "
    took = fleet.sh(node, f"{hold} date +%s; systemctl start {UNIT} 2>/dev/null; date +%s")
    begun, over = (int(word) for word in took.split())
    assert over - begun < 10 and "Another run is changing this host" in journal(fleet)
    assert found(fleet) == {"3g.20gb": 2}
    end = time.monotonic() + 60
    while time.monotonic() < end and len(found(fleet)) < 2:
        time.sleep(1)
    assert ended(fleet) == "inactive" and found(fleet) == {"3g.20gb": 2, "1g.10gb": 7}


def test_work_that_will_not_go_keeps_its_gpu_and_no_other(fleet: Fleet, node: str) -> None:
    pid = works(fleet, 0, instance=f"{instance_at(fleet, 0, 0)} 0")
    store = fleet.sh(node, "cat /etc/labfleet-gpu/mig.json")
    other = store.replace("3g.20gb", "4g.20gb", 2)
    assert other != store
    fleet.sh(node, f"cat > /etc/labfleet-gpu/mig.json <<'END'\n{other}\nEND")
    fleet.sh(node, "nvidia-smi mig -i 1 -dci; nvidia-smi mig -i 1 -dgi")
    fleet.sh(node, f"systemctl start {UNIT}", status=None)
    assert ended(fleet) == "failed" and alive(fleet, pid)
    assert found(fleet) == {"3g.20gb": 2, "1g.10gb": 7} and pid in journal(fleet)
    fleet.sh(node, f"kill {pid}; gpu-simulator process clear 2>/dev/null", status=None)
    held(fleet, **LAYOUT)
    fleet.sh(node, f"systemctl reset-failed {UNIT}")


def test_a_run_that_is_killed_leaves_no_service_stopped(fleet: Fleet, node: str) -> None:
    """A watcher holds the GPU whose mode is to be switched, with a service that stops along; the run dies.

    Both are ordered after the unit, as slurmd is, so that a start that was waited for would never end.
    """
    put(fleet, WATCHERS)
    units = f"{DCGM} {EXPORTER}"
    fleet.sh(node, "nvidia-smi mig -i 1 -dci; nvidia-smi mig -i 1 -dgi; nvidia-smi -i 1 -mig 0")
    drop_in = f"/run/systemd/system/{UNIT}.d"
    fleet.sh(node, f"mkdir -p {drop_in}; systemctl daemon-reload; systemctl start {units}")
    fleet.sh(node, f"printf '[Service]\\nEnvironment=LABFLEET_GPU_CRASH=after:1\\n' > {drop_in}/crash.conf")
    before = fleet.sh(node, f"systemctl show --property=ExecMainStartTimestampMonotonic {units}")
    fleet.sh(node, f"systemctl daemon-reload; systemctl start {UNIT}", status=None)
    assert ended(fleet) == "failed" and f"mig: stop {DCGM}" in journal(fleet)
    given_back(fleet, DCGM, EXPORTER)
    assert fleet.sh(node, f"systemctl show --property=ExecMainStartTimestampMonotonic {units}") != before
    fleet.sh(node, f"rm -r {drop_in}; systemctl daemon-reload; systemctl start {UNIT}")
    assert found(fleet) == {"3g.20gb": 2, "1g.10gb": 7}
    given_back(fleet, DCGM, EXPORTER)
    fleet.sh(node, f"systemctl stop {units}; rm {' '.join(WATCHERS)}; systemctl daemon-reload")


def test_a_gpu_that_fails_keeps_no_other(fleet: Fleet, node: str) -> None:
    fleet.sh(node, "for i in 0 1; do nvidia-smi mig -i $i -dci; nvidia-smi mig -i $i -dgi; done")
    fleet.sh(node, "gpu-simulator fault nvmlDeviceCreateGpuInstanceWithPlacement return 999 gpu 0")
    fleet.sh(node, f"systemctl start {UNIT}", status=None)
    assert ended(fleet) == "failed" and found(fleet) == {"1g.10gb": 7}
    fleet.sh(node, "gpu-simulator fault nvmlDeviceCreateGpuInstanceWithPlacement --clear")
    fleet.sh(node, f"systemctl start {UNIT}")
    assert found(fleet) == {"3g.20gb": 2, "1g.10gb": 7}


def test_a_driver_that_hangs_ends_within_the_time_limit(fleet: Fleet, node: str) -> None:
    fleet.sh(node, "gpu-simulator fault nvmlDeviceGetUUID hang 900")
    fleet.sh(node, f"systemctl restart --no-block {DEPENDENT} {UNIT}")
    assert ended(fleet, 200) == "failed"
    assert fleet.sh(node, f"systemctl show --property=Result --value {UNIT}") == "exit-code", "not by systemd"
    gpus = len(fleet.sh(node, "ls /proc/driver/nvidia/gpus").split())
    assert f"NVML did not answer within {20 + 10 * gpus} seconds" in journal(fleet)
    state = fleet.sh(node, f"systemctl show --property=SubState --value {DEPENDENT}")
    assert state == "start", "its turn has come, and its nvidia-smi hangs"
    fleet.sh(node, f"systemctl kill --signal=KILL {DEPENDENT}; gpu-simulator fault nvmlDeviceGetUUID --clear")
    fleet.sh(node, f"systemctl start {UNIT}; systemctl restart {DEPENDENT}")


def test_a_node_boots_without_nvml(fleet: Fleet, node: str) -> None:
    library = fleet.sh(node, "readlink -f $(ldconfig -p | sed -n 's/.*libnvidia-ml.so.1 .*=> //p')")
    fleet.sh(node, f"mv {library} {library}.away")
    fleet.lab("reboot", node)
    assert ended(fleet) == "failed" and "NVML cannot be asked" in journal(fleet)
    assert fleet.sh(node, f"systemctl is-active {DEPENDENT}") == "active"
    fleet.sh(node, f"mv {library}.away {library}; systemctl start {UNIT}")
    assert found(fleet) == {"3g.20gb": 2, "1g.10gb": 7}


def test_switched_off_again_it_leaves_nothing(fleet: Fleet, node: str) -> None:
    done = proved(fleet, node, module="mig_layout", gpus=[0], mig=True, persist=False)
    assert list(done["after"]["boot"]["gpus"]) and done["after"]["boot"]["unit"]
    proved(fleet, node, module="mig_layout", persist=False)
    assert fleet.sh(node, f"ls -d {PARTS} | wc -l") != "0", "settings are still restored"
    library = fleet.sh(node, "readlink -f $(ldconfig -p | sed -n 's/.*libnvidia-ml.so.1 .*=> //p')")
    fleet.sh(node, f"mv {library} {library}.away")
    done = proved(fleet, node, module="gpu_settings", persist=False)
    fleet.sh(node, f"mv {library}.away {library}")
    assert done["after"]["boot"] == {"unit": False, "gpus": {}}
    assert fleet.sh(node, f"ls -d {PARTS} 2>/dev/null | wc -l") == "0"
    assert fleet.sh(node, f"systemctl show --property=LoadState --value {UNIT}") == "not-found"
    assert names(held(fleet, mig=True)) == WHOLE
