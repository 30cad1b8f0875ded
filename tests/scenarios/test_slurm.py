# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's Slurm on a booted node: it takes what it is told of MIG devices, and runs jobs on them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from mig_node import A100, DRIVER, NODE, T4, devices, held
from proof import Result, in_one_playbook
from scenario import Fleet
from slurm_node import Slurm

MODULE, CONF = "labfleet.gpu.slurm_gres", "/etc/slurm/slurm.conf"
MIXED: dict[str, Any] = {"gpus": [0], "instances": ["3g.20gb", "2g.10gb", "1g.5gb", "1g.5gb"]}
#: The daemons and the files of Slurm: what a run that changes nothing leaves as it is.
STANDS = "systemctl show slurmd slurmctld -p MainPID --value; stat -c '%n %i %Z' /etc/slurm/*.conf"


@pytest.fixture(scope="module")
def slurm(fleet: Fleet) -> Slurm:
    """A node with a divided A100, a whole one and a T4; Slurm knows of no GPU yet."""
    fleet.reset(NODE, A100, A100, T4)
    done = fleet.driver(NODE, version=DRIVER)
    assert not done.get("failed"), done.get("msg")
    fleet.sh(NODE, "gpu-simulator set 0 mig_device_files 0")
    held(fleet, **MIXED)
    found = Slurm(fleet, NODE)
    found.install()
    return found


def told(slurm: Slurm, **options: Any) -> Result:
    """The result of a run that does what check mode foretold; the same again changes and restarts nothing."""
    task, stands = {MODULE: options, "ignore_errors": True}, {"ansible.builtin.shell": {"cmd": STANDS}}
    check = {**task, "check_mode": True, "diff": True}
    results = in_one_playbook(slurm.fleet, NODE, [check, task, stands, task, stands])
    foretold, done, before, again, after = results
    for result in (foretold, done, again):
        assert not result.get("failed"), result.get("msg")
    assert done["changed"] and foretold["steps"] == done["steps"]
    assert foretold["after"] == done["after"] == again["after"]
    assert not again["changed"] and not again["steps"] and before["stdout"] == after["stdout"]
    return done


def refused(slurm: Slurm, **options: Any) -> str:
    """What a run says that changes nothing, in check mode and without."""
    task, stands = {MODULE: options, "ignore_errors": True}, {"ansible.builtin.shell": {"cmd": STANDS}}
    before, foretold, done, after = in_one_playbook(
        slurm.fleet, NODE, [stands, {**task, "check_mode": True}, task, stands]
    )
    assert foretold["failed"] and done["failed"] and foretold["msg"] == done["msg"]
    assert before["stdout"] == after["stdout"] and done["msg"].endswith("Nothing was changed.")
    return str(done["msg"])


def caps(slurm: Slurm) -> int:
    """How many device files of capabilities there are; two are there before any instance."""
    return int(slurm.sh("ls /dev/nvidia-caps | grep -c nvidia-cap"))


def kinds(result: Result) -> list[str]:
    return [each["type"] for each in result["after"]["gres"]]


def test_slices_for_jobs(slurm: Slurm) -> None:
    assert caps(slurm) == 2, "nobody made the device files of the instances"
    assert "State=DRAIN" in refused(slurm, slurm_conf=CONF)
    slurm.drain()
    assert "no gpu_nvml.so" in refused(slurm, autodetect="nvml")
    done = told(slurm, slurm_conf=CONF, backup=True)
    assert [step["action"] for step in done["steps"]] == [
        "make-device-files",
        "write-slurmd-drop-in",
        "write-slurm-file",
        "write-file",
        "write-slurm-file",
        "restart-slurmctld",
        "restart-slurmd",
    ]
    assert kinds(done) == ["2g.10gb", "1g.5gb", "1g.5gb", "3g.20gb", "a100-sxm4-40gb", "tesla_t4"]
    assert slurm.gres() == {"2g.10gb:1", "1g.5gb:2", "3g.20gb:1", "a100-sxm4-40gb:1", "tesla_t4:1"}
    read = [line.split() for line in slurm.sh("slurmd -G 2>&1").splitlines() if " Gres Name=gpu " in line]
    files = [word[len("File=") :].split(",") for line in read for word in line if word.startswith("File=")]
    assert files == [each["files"] for each in done["after"]["gres"]], "in the order of the result"
    assert slurm.field("State") == "IDLE+DRAIN"

    slurm.resume()
    jobs = {slurm.keeps(f"gpu:{kind}:1"): kind for kind in kinds(done)}
    places = {job: slurm.index(job) for job in jobs}
    assert sorted(sum(places.values(), [])) == list(range(6)), "each device has one job"
    assert all(kinds(done)[places[job][0]] == kind for job, kind in jobs.items())
    assert "Unable to allocate" in slurm.job("gpu:1g.5gb:1", "true", None, 2), "both have a job"
    slurm.drain()
    said = refused(slurm, slurm_conf=CONF, types="autodetect")
    assert "only while it is drained" in said and all(f"{job} (root, wrap)" in said for job in jobs)
    slurm.cancel(*jobs)
    slurm.until("IDLE+DRAIN")


def test_a_new_layout(slurm: Slurm) -> None:
    slurm.drain()
    layout = held(slurm.fleet, gpus=[0], instances={"1g.5gb": 7})
    shown = {"ansible.builtin.debug": {"msg": "{{ after | labfleet.gpu.mig_kubernetes }}"}}
    (labels,) = in_one_playbook(slurm.fleet, NODE, [{**shown, "vars": {"after": layout["after"]}}])
    assert labels["msg"]["strategy"] == "mixed"
    assert labels["msg"]["resources"] == {"nvidia.com/gpu": 2, "nvidia.com/mig-1g.5gb": 7}
    done = told(slurm, slurm_conf=CONF)
    assert slurm.gres() == {"1g.5gb:7", "a100-sxm4-40gb:1", "tesla_t4:1"}
    slurm.resume()
    jobs = [slurm.keeps("gpu:1g.5gb:1") for _number in range(5)]
    two = slurm.keeps("gpu:1g.5gb:2")
    assert sorted(sum((slurm.index(job) for job in (*jobs, two)), [])) == list(range(7))
    assert [each["profile"] for each in done["after"]["gres"]] == ["1g.5gb"] * 7 + [None, None]
    slurm.cancel(*jobs, two)


def test_slurmd_that_found_no_devices_after_a_reboot(slurm: Slurm) -> None:
    slurm.fleet.lab("reboot", NODE)
    slurm.sh("timeout 120 sh -c 'until systemctl is-failed -q slurmd; do sleep 1; done'")
    assert "can't stat gres.conf file" in slurm.sh("tail -n 5 /var/log/slurm/slurmd.log")
    held(slurm.fleet, gpus=[0], instances={"1g.5gb": 7})
    done = told(slurm, slurm_conf=CONF)
    assert [step["action"] for step in done["steps"]] == ["make-device-files", "restart-slurmd"]
    slurm.until("IDLE")
    assert slurm.job("gpu:1g.5gb:7", "echo runs") == "runs"


def test_a_slice_after_a_reboot_without_a_run(slurm: Slurm) -> None:
    """The layout comes back, and slurmd with it: nobody but its drop-in makes the device files."""
    held(slurm.fleet, gpus=[0], instances={"1g.5gb": 7}, persist=True)
    slurm.fleet.lab("reboot", NODE)
    slurm.sh("timeout 120 sh -c 'until scontrol show node $(hostname -s) >/dev/null 2>&1; do sleep 1; done'")
    slurm.until("IDLE")
    assert caps(slurm) == 2 + 7 * 2
    jobs = [slurm.keeps("gpu:1g.5gb:1") for _number in range(6)]
    assert slurm.job("gpu:1g.5gb:1", "echo runs") == "runs"
    slurm.cancel(*jobs)


def test_a_job_sees_its_slice_alone(slurm: Slurm) -> None:
    if not slurm.fence():
        pytest.skip("this kernel has no device groups of version 1, and BPF is not for containers")
    slurm.drain()
    held(slurm.fleet, **MIXED)
    done = told(slurm, slurm_conf=CONF)
    assert not [each for each in done.get("warnings", ()) if "ConstrainDevices" in each]
    slurm.resume()
    every = sorted({file for each in done["after"]["gres"] for file in each["files"]})
    # A file that a job may open has no driver behind it here (ENXIO); another one is refused (EPERM).
    looks = "echo $CUDA_VISIBLE_DEVICES; for file in %s; do dd if=$file count=0 2>&1 | head -n 1; done"
    for each in done["after"]["gres"]:
        visible, *answers = slurm.job(f"gpu:{each['type']}:1", looks % " ".join(every)).splitlines()
        opened = [file for file, answer in zip(every, answers, strict=True) if "not permitted" not in answer]
        assert visible == "0", "the only one that the job can see"
        assert opened in [
            sorted(other["files"]) for other in done["after"]["gres"] if other["type"] == each["type"]
        ]


def test_the_role_prints_the_line(slurm: Slurm) -> None:
    slurm.drain()
    role = {"role": "labfleet.gpu.slurm_gres", "slurm_gres_types": "autodetect"}
    play = {"hosts": NODE, "gather_facts": False, "become": True, "roles": [role]}
    path = slurm.fleet.work / "slurm-role.yml"
    path.write_text(json.dumps([play]))
    run = slurm.fleet.playbook(path)
    assert run.rc == 0, run.output
    assert "NodeName=node1 Gres=gpu:nvidia_a100_" in run.output and "Type=nvidia_a100_" in slurm.sh(
        "cat /etc/slurm/gres.conf"
    )
    assert "put 'NodeName=node1 Gres=gpu:nvidia_a100_" in run.output, "slurmctld has other names yet"
    told(slurm, slurm_conf=CONF, types="autodetect")
    slurm.resume()
    kind = "nvidia_a100-sxm4-40gb"
    assert slurm.job(f"gpu:{kind}", "echo runs") == "runs", "one that begins with a letter needs no count"

    slurm.drain()
    told(slurm, slurm_conf=CONF, state="absent")
    assert "gpu" not in slurm.sh("cat /etc/slurm/gres.conf 2>&1; grep NodeName /etc/slurm/slurm.conf", None)
    assert slurm.gres() == set()
    slurm.resume()


def test_jobs_with_uuids_where_slurm_asks_nvml(slurm: Slurm) -> None:
    slurm.drain()
    held(slurm.fleet, **MIXED)
    slurm.ask_nvml()
    wish = {"slurm_conf": CONF, "autodetect": "nvml", "types": "autodetect"}
    done = told(slurm, **wish)
    assert "NodeName=node1 AutoDetect=nvml" in done["after"]["lines"]
    seen = set(re.findall(r"Type=(\S+) .*?File=(\S+)", slurm.sh("slurmd -G 2>&1")))
    ours = {(each["type"], ",".join(each["files"])) for each in done["after"]["gres"]}
    assert seen == ours, "what slurmd finds and calls them by itself"
    slurm.resume()
    uuids = {each["uuid"] for each in done["after"]["gres"] if each["type"] == "nvidia_a100_1g.5gb"}
    said = slurm.job("gpu:nvidia_a100_1g.5gb:2", "echo $CUDA_VISIBLE_DEVICES")
    assert set(said.split(",")) == uuids and len(uuids) == 2
    slurm.drain()
    held(slurm.fleet, gpus=[0], instances=[])
    new = held(slurm.fleet, **MIXED)
    done = told(slurm, **wish)
    assert [step["action"] for step in done["steps"]] == ["restart-slurmd"], "other UUIDs in the same places"
    slurm.resume()
    said = slurm.job("gpu:nvidia_a100_3g.20gb", "echo $CUDA_VISIBLE_DEVICES")
    assert said.startswith("MIG-") and said in devices(new, 0)
