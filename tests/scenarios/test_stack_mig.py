# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings and MIG in one run with the driver and a toolkit: from bare, refused, over an upgrade, at boot."""

from __future__ import annotations

from typing import Any

from scenario import MIRROR, Fleet, shown

Result = dict[str, Any]
NODE = "node1"
NEWER = "580.159.04"
A100, H100 = "a100-sxm4-40gb", "h100-sxm5-80gb"
SITE: dict[str, Any] = {
    "nvidia_driver_branch": 570,
    "cuda_toolkit_versions": ["12.8"],
    "mig_layout_layout": [
        {"gpus": [0], "instances": ["3g.20gb", "2g.10gb", "1g.5gb", "1g.5gb"]},
        {"gpus": [1], "instances": {"1g.5gb": 7}},
    ],
    "gpu_node_reboot_allowed": True,
}


def stack(fleet: Fleet, check: bool = False, **components: Any) -> Result:
    """The result of one gpu_stack task."""
    options = {name: wish if name == "mig" else {**MIRROR, **wish} for name, wish in components.items()}
    return fleet.task(NODE, {"labfleet.gpu.gpu_stack": options}, check)


def instances(fleet: Fleet) -> list[int]:
    """How many compute instances there are on each GPU that has any."""
    count = "for gpu in /run/gpu-simulator/gpus/*; do ls $gpu/mig 2>/dev/null | grep -c ci; done; true"
    return [int(line) for line in fleet.sh(NODE, count).split() if line != "0"]


def boot_of(fleet: Fleet) -> str:
    return fleet.sh(NODE, "cat /proc/sys/kernel/random/boot_id")


def test_site_from_bare_to_layouts_and_over_an_upgrade(fleet: Fleet) -> None:
    fleet.reset(NODE, A100, A100, A100)
    fleet.lab("mark", NODE, "bare")
    checked = fleet.site(NODE, "--check", "--diff", **SITE)
    assert checked.rc == 0 and checked.recap[NODE]["changed"] == 1, checked.output
    assert "+++ after: mig" in checked.output and "3g.20gb" in checked.output, checked.output
    fleet.lab("diff", NODE, "--since", "bare")

    boot = boot_of(fleet)
    first = fleet.site(NODE, **SITE)
    assert first.rc == 0 and first.recap[NODE]["changed"] == 1, first.output
    assert boot_of(fleet) == boot, "nothing needed a reboot"
    assert "release 12.8" in fleet.sh(NODE, "bash -lc 'nvcc --version'")
    assert instances(fleet) == [4, 7], "the third GPU was not named"

    fleet.lab("mark", NODE, "held")
    requests = fleet.requests()
    second = fleet.site(NODE, **SITE)
    assert second.recap[NODE]["changed"] == 0, second.output
    # the one module call: the rest takes no task
    assert (second.recap[NODE]["ok"], second.recap[NODE]["skipped"]) == (1, 0), second.output
    assert fleet.requests() == requests, "a run that changes nothing asks no server"
    fleet.lab("diff", NODE, "--since", "held")

    # The upgrade reboots, which ends the instances: the same play makes them again.
    upgrade = {**SITE, "nvidia_driver_branch": 580}
    checked = fleet.site(NODE, "--check", **upgrade)
    assert checked.rc == 0 and "The MIG instances of GPU 0" in checked.output, checked.output
    assert f"MIG waits for driver {NEWER}" in checked.output, checked.output
    assert instances(fleet) == [4, 7]
    done = fleet.site(NODE, **upgrade)
    assert done.rc == 0 and done.recap[NODE]["changed"] == 3, "the packages, the reboot, the layouts"
    assert boot_of(fleet) != boot and NEWER in fleet.sh(NODE, "cat /proc/driver/nvidia/version")
    assert instances(fleet) == [4, 7]
    assert fleet.site(NODE, **upgrade).recap[NODE]["changed"] == 0


def test_what_mig_refuses_is_refused_before_the_driver_comes(fleet: Fleet) -> None:
    fleet.reset(NODE, A100)
    fleet.lab("mark", NODE, "bare")
    wish = {"driver": {"branch": 570}, "cuda": {"versions": ["12.8"]}, "mig": {"instances": ["3g.20gb"] * 3}}
    for check in (True, False):
        said = stack(fleet, check, **wish)
        assert said["failed"] and not said["changed"] and "nearest layout that fits" in said["msg"], said
        assert {blocker["component"] for blocker in said["blockers"]} == {"mig"}
    fleet.lab("diff", NODE, "--since", "bare")
    run = fleet.site(
        NODE, nvidia_driver_branch=570, mig_layout_disrupt_running_work=True, mig_layout_mig=True
    )
    assert "does not read mig_layout_disrupt_running_work: set gpu_node_disrupt_running_work" in run.output


def test_hopper_is_divided_behind_the_driver_that_comes(fleet: Fleet) -> None:
    """Check mode lists the very steps; an upgrade by consent names the work that ends with instances."""
    fleet.reset(NODE, H100, H100)
    wish: dict[str, Any] = {"driver": {"branch": 570}, "mig": {"instances": {"1g.10gb": 7}}}
    foretold = stack(fleet, check=True, **wish)
    done = stack(fleet, **wish)
    assert not done.get("failed"), done.get("msg")
    assert shown(foretold) == shown(done)
    assert instances(fleet) == [7, 7]
    assert not stack(fleet, **wish)["changed"]

    pid = fleet.sh(NODE, "setsid sleep 3600 >/dev/null 2>&1 & echo $!")
    gpu, compute = fleet.sh(NODE, "cd /run/gpu-simulator/gpus/0/mig; ls | grep -m1 ci").split("-")
    fleet.sh(NODE, f"gpu-simulator process add 0 --pid {pid} --memory 10 --instance {gpu[2:]} {compute[2:]}")
    newer = {**wish, "driver": {"branch": 580}}
    refused = stack(fleet, **newer)
    assert refused["failed"] and not refused["changed"] and f"{pid} (root, sleep)" in refused["msg"], refused
    newer["driver"]["disrupt_running_work"] = True
    for check in (True, False):
        upgraded = stack(fleet, check, **newer)
        assert upgraded["changed"] and upgraded["reboot_required"], upgraded
        assert f"So does the work on them: {pid} (root, sleep)." in str(upgraded["warnings"]), upgraded
        assert {step["component"] for step in upgraded["steps"]} == {"driver"}
    del newer["driver"]["disrupt_running_work"]
    again = stack(fleet, **newer)
    assert not again["changed"] and again["reboot_required"], "it waits, and is no failure"
    assert f"MIG waits for driver {NEWER}" in str(again["warnings"])
    fleet.lab("reboot", NODE)
    held = stack(fleet, **newer)
    assert {step["component"] for step in held["steps"]} == {"mig"} and instances(fleet) == [7, 7]


def test_a_driver_is_loaded_anew_under_layouts_of_all_gpus(fleet: Fleet) -> None:
    """By consent no reboot is needed: the run that unloads the driver makes the instances again."""
    fleet.reset(NODE, H100, A100)
    layouts = [{"gpu_model": "H100", "instances": {"1g.10gb": 7}}, {"gpu_model": "A100", "mig": False}]
    wish: dict[str, Any] = {
        "driver": {"branch": 570, "disrupt_running_work": True},
        "mig": {"layout": layouts},
    }
    assert not stack(fleet, **wish).get("failed")
    some = stack(fleet, check=True, **{**wish, "driver": {"branch": 580, "disrupt_running_work": True}})
    assert some["reboot_required"], "nobody would make instances again on GPUs that are not named"

    wish = {"driver": {"branch": 580, "disrupt_running_work": True}, "mig": {"instances": []}}
    boot = boot_of(fleet)
    foretold = stack(fleet, check=True, **wish)
    done = stack(fleet, **wish)
    assert not done.get("failed"), done.get("msg")
    assert shown(foretold) == shown(done) and not done["reboot_required"], (foretold["steps"], done["steps"])
    assert "The MIG instances of GPU 0" in str(done["warnings"])
    assert boot_of(fleet) == boot and NEWER in fleet.sh(NODE, "cat /proc/driver/nvidia/version")
    assert not stack(fleet, **wish)["changed"]


def test_a_mode_that_only_the_new_driver_can_be_asked_for_takes_a_second_reboot(fleet: Fleet) -> None:
    fleet.reset(NODE, A100)
    assert fleet.site(NODE, nvidia_driver_branch=570).rc == 0
    fleet.sh(NODE, "gpu-simulator set 0 mig_reset_status 16")
    wish: dict[str, Any] = {
        "nvidia_driver_version": NEWER,
        "mig_layout_instances": {"1g.5gb": 7},
        "gpu_node_reboot_allowed": True,
    }
    run = fleet.site(NODE, **wish)
    assert run.rc == 0, run.output
    assert run.output.count("Reboot once more") == 1 and instances(fleet) == [7], run.output
    again = fleet.site(NODE, **wish)
    assert again.rc == 0 and again.recap[NODE]["changed"] == 0, again.output


def test_the_whole_node_with_settings_restored_at_boot(fleet: Fleet) -> None:
    """From bare in one run, then a reboot without Ansible; switched off again it leaves nothing."""
    fleet.reset(NODE, A100, H100)
    site = {
        "nvidia_driver_branch": 580,
        "gpu_settings_persistence": True,
        "gpu_settings_power_limit": 300,
        "gpu_settings_persist": True,
        "mig_layout_layout": [
            {"gpus": [0], "instances": {"1g.5gb": 7}},
            {"gpus": [1], "instances": {"1g.10gb": 7}},
        ],
        "mig_layout_persist": True,
        "gpu_node_reboot_allowed": True,
    }
    fleet.lab("mark", NODE, "bare")
    checked = fleet.site(NODE, "--check", "--diff", **site)
    assert checked.rc == 0 and "+++ after: settings" in checked.output, checked.output
    assert checked.output.count("labfleet-gpu-restore.service\n") == 2, "the unit is shown once"
    fleet.lab("diff", NODE, "--since", "bare")

    first = fleet.site(NODE, **site)
    assert first.rc == 0 and first.recap[NODE]["changed"] == 1, first.output
    assert instances(fleet) == [7, 7]
    second = fleet.site(NODE, **site)
    assert second.recap[NODE]["changed"] == 0, second.output

    fleet.lab("reboot", NODE)
    fleet.sh(NODE, "systemctl start labfleet-gpu-restore.service")
    assert instances(fleet) == [7, 7]
    limits = fleet.sh(NODE, "nvidia-smi --query-gpu=power.limit --format=csv,noheader,nounits")
    assert limits.split() == ["300.00", "300.00"]
    assert fleet.site(NODE, **site).recap[NODE]["changed"] == 0

    off = {**site, "gpu_settings_persist": False, "mig_layout_persist": False}
    done = fleet.site(NODE, **off)
    assert done.rc == 0 and done.recap[NODE]["changed"] == 1, done.output
    assert fleet.sh(NODE, "ls -d /etc/labfleet-gpu /opt/labfleet-gpu/*.pyz 2>/dev/null | wc -l") == "0"
    assert fleet.site(NODE, **off).recap[NODE]["changed"] == 0 and instances(fleet) == [7, 7]
