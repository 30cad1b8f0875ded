# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/site.yml from a bare node to a loaded driver, and what a second run does: nothing."""

from __future__ import annotations

import os
import re
import subprocess

from scenario import LAB_NUMBER, ROOT, Fleet


def boot_of(fleet: Fleet, node: str) -> str:
    return fleet.sh(node, "cat /proc/sys/kernel/random/boot_id")


def test_a_bare_node_gets_a_loaded_driver_and_a_second_run_changes_nothing(fleet: Fleet, ubuntu: str) -> None:
    wish = {"nvidia_driver_branch": 570, "gpu_node_reboot_allowed": True}
    bare = fleet.requests()
    first = fleet.site(ubuntu, **wish)
    assert first.rc == 0, first.output
    assert first.recap[ubuntu]["changed"] == 1, (
        "the stack: nothing was in the way of loading the driver at once"
    )
    asked = [after - before for before, after in zip(bare, fleet.requests(), strict=True)]
    assert all(asked), f"packages come from the web server, indexes through the proxy too: {asked}"
    assert "570.211.01" in fleet.sh(ubuntu, "cat /proc/driver/nvidia/version")
    assert len(fleet.sh(ubuntu, "nvidia-smi -L").splitlines()) == 8
    assert fleet.sh(ubuntu, "systemctl is-active nvidia-fabricmanager") == "active"

    fleet.lab("mark", ubuntu, "converged")
    requests = fleet.requests()
    second = fleet.site(ubuntu, **wish)
    assert second.rc == 0, second.output
    assert second.recap[ubuntu]["changed"] == 0, second.output
    # the one module call: the rest takes no task
    assert (second.recap[ubuntu]["ok"], second.recap[ubuntu]["skipped"]) == (1, 0), second.output
    assert fleet.requests() == requests, "a run that changes nothing asks no server"
    fleet.lab("diff", ubuntu, "--since", "converged")


def test_both_ubuntu_releases_converge_and_an_upgrade_reboots(fleet: Fleet) -> None:
    for node in ("node1", "node2"):
        fleet.reset(node)
    for branch, changed in ((570, 1), (580, 2)):
        boots = [boot_of(fleet, node) for node in ("node1", "node2")]
        run = fleet.site("ubuntu2404:ubuntu2204", nvidia_driver_branch=branch, gpu_node_reboot_allowed=True)
        assert run.rc == 0, run.output
        for node, gpus, boot in (("node1", 8, boots[0]), ("node2", 2, boots[1])):
            assert run.recap[node]["changed"] == changed, run.output
            assert len(fleet.sh(node, "nvidia-smi -L").splitlines()) == gpus
            assert (boot_of(fleet, node) != boot) is (branch == 580), "only the loaded driver's replacement"


def test_check_mode_on_a_bare_node_predicts_what_the_run_then_does(fleet: Fleet, ubuntu: str) -> None:
    fleet.lab("mark", ubuntu, "bare")
    predicted = fleet.driver(ubuntu, check=True, branch=570, hold=True)
    assert predicted["changed"] and not predicted["reboot_required"], predicted
    fleet.lab("diff", ubuntu, "--since", "bare")

    done = fleet.driver(ubuntu, branch=570, hold=True)
    assert predicted["steps"] == done["steps"]
    assert predicted["reboot_reasons"] == done["reboot_reasons"]
    changed = {key for key in done["after"] if predicted["after"][key] != done["after"][key]}
    # what DKMS builds and signs, and whether the kernel takes it, the plan does not promise
    told_later = {"dkms", "dkms_state", "module_signer", "loaded_version", "loaded_kernel_module"}
    assert changed <= told_later, {key: (predicted["after"][key], done["after"][key]) for key in changed}


def test_a_check_of_the_whole_playbook_on_a_bare_node_changes_nothing(fleet: Fleet, ubuntu: str) -> None:
    wish = {"nvidia_driver_branch": 570, "gpu_node_reboot_allowed": True}
    fleet.lab("mark", ubuntu, "bare")
    boot = boot_of(fleet, ubuntu)
    checked = fleet.site(ubuntu, "--check", "--diff", **wish)
    assert checked.rc == 0, checked.output
    assert "+++ after: driver" in checked.output and "+version: 570.211.01" in checked.output, checked.output
    fleet.lab("diff", ubuntu, "--since", "bare")
    assert boot_of(fleet, ubuntu) == boot
    done = fleet.site(ubuntu, **wish)
    assert done.recap[ubuntu]["changed"] == checked.recap[ubuntu]["changed"] > 0, "the run then does the same"


def test_make_converges_the_lab_as_its_page_says(fleet: Fleet, ubuntu: str) -> None:
    (command,) = re.findall(r"`(make lab-converge ARGS=.*)`", (ROOT / "docs/lab.md").read_text())
    assert f"--limit {ubuntu} -e nvidia_driver_branch=570" in command
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=ROOT,
        env={**os.environ, "LABFLEET_GPU_LAB": LAB_NUMBER},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "570.211.01" in fleet.sh(ubuntu, "cat /proc/driver/nvidia/version"), "installed and loaded"


def test_check_mode_runs_no_hook_of_apt(fleet: Fleet, ubuntu: str) -> None:
    ran = "/var/lib/hook-ran"
    hooks = "Update::Pre-Invoke", "Update::Post-Invoke", "Update::Post-Invoke-Success"
    lines = "".join(f'APT::{hook} {{"echo {hook} >> {ran}";}};\\n' for hook in hooks)
    fleet.sh(ubuntu, f"printf '{lines}' > /etc/apt/apt.conf.d/99hook")
    fleet.lab("mark", ubuntu, "bare")
    assert fleet.driver(ubuntu, check=True, branch=570)["changed"]
    fleet.lab("diff", ubuntu, "--since", "bare")
    assert fleet.sh(ubuntu, f"apt-get -qq update; sort -u {ran}").split() == sorted(hooks), (
        "apt itself runs them"
    )


def test_a_reboot_that_is_not_allowed_is_found_again_by_the_next_run(fleet: Fleet, ubuntu: str) -> None:
    assert fleet.site(ubuntu, nvidia_driver_branch=570).recap[ubuntu]["changed"] == 1
    first = fleet.site(ubuntu, nvidia_driver_branch=580)
    assert first.rc == 0 and "A reboot is due and not allowed" in first.output, first.output
    boot = boot_of(fleet, ubuntu)
    second = fleet.site(ubuntu, nvidia_driver_branch=580)
    assert second.recap[ubuntu]["changed"] == 0
    assert "Kernel module 570.211.01 is loaded" in second.output, second.output
    assert boot_of(fleet, ubuntu) == boot
    third = fleet.site(ubuntu, nvidia_driver_branch=580, gpu_node_reboot_allowed=True)
    assert third.rc == 0 and third.recap[ubuntu]["changed"] == 1, third.output
    assert boot_of(fleet, ubuntu) != boot


def test_no_reboot_under_running_work_without_consent(fleet: Fleet, ubuntu: str) -> None:
    """Another flavour is installed while nobody works; somebody does when the node would reboot."""
    fleet.driver(ubuntu, branch=570)
    fleet.lab("reboot", ubuntu)
    fleet.put_pynvml(ubuntu)
    wish = {"nvidia_driver_branch": 570, "nvidia_driver_kernel_module": "proprietary"}
    assert fleet.site(ubuntu, **wish).recap[ubuntu]["changed"] == 1

    work = "setsid sleep 3600 >/dev/null 2>&1 & echo $!"
    pid = fleet.sh(ubuntu, f"{work}; gpu-simulator process add 0 --pid $! --memory 4096 --type C >&2")
    boot = boot_of(fleet, ubuntu)
    refused = fleet.site(ubuntu, gpu_node_reboot_allowed=True, **wish)
    assert refused.rc != 0 and refused.recap[ubuntu]["failed"] == 1, refused.output
    assert f"{pid} (root, sleep)" in refused.output, refused.output
    assert "set gpu_node_disrupt_running_work to true" in refused.output, refused.output
    assert fleet.sh(ubuntu, f"cat /proc/sys/kernel/random/boot_id /proc/{pid}/comm").split() == [
        boot,
        "sleep",
    ]

    agreed = fleet.site(ubuntu, gpu_node_reboot_allowed=True, gpu_node_disrupt_running_work=True, **wish)
    assert agreed.rc == 0, agreed.output
    assert boot_of(fleet, ubuntu) != boot
    assert "NVIDIA UNIX x86_64 Kernel Module" in fleet.sh(ubuntu, "cat /proc/driver/nvidia/version")


def test_progress_is_shown_only_where_there_are_steps(fleet: Fleet, ubuntu: str) -> None:
    first = fleet.site(ubuntu, nvidia_driver_branch=570)
    assert f"{ubuntu}: [1/" in first.output and "install driver 570.211.01" in first.output, first.output
    second = fleet.site(ubuntu, nvidia_driver_branch=570)
    assert f"{ubuntu}: [" not in second.output, second.output
