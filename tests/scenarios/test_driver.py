# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver on a booted node: any version of a branch, a source that is there already, work on the GPUs."""

from __future__ import annotations

from proof import in_effect, proved
from scenario import Fleet, shown


def test_any_version_of_the_branch_satisfies_and_update_asks_for_the_newest(
    fleet: Fleet, ubuntu: str
) -> None:
    proved(fleet, ubuntu, version="570.86.15", hold=False)
    assert not fleet.driver(ubuntu, branch=570, hold=None)["changed"]
    done = fleet.driver(ubuntu, branch=570, hold=False, update=True)
    assert done["after"]["version"] == "570.211.01", done
    assert not fleet.driver(ubuntu, branch=570, hold=False, update=True)["changed"]


def test_a_source_that_cuda_keyring_configured_is_used_as_it_is(fleet: Fleet, ubuntu: str) -> None:
    folder = "compute/cuda/repos/ubuntu2404/x86_64"
    keyring = fleet.inventory.parent / "www" / folder / "cuda-keyring_1.1-1_all.deb"
    url = fleet.sh(ubuntu, "sed -n 's/^URIs: //p' /etc/apt/sources.list.d/lab-archive.sources").rsplit(
        "/", 2
    )[0]
    fetch = f"import urllib.request as u; u.urlretrieve('{url}/{folder}/{keyring.name}', '/root/k.deb')"
    fleet.sh(ubuntu, f'python3 -c "{fetch}" && dpkg -i /root/k.deb')
    done = proved(fleet, ubuntu, branch=570)
    assert "source" not in {phase for phase, _what in shown(done)}, shown(done)
    assert fleet.sh(ubuntu, "apt-get update 2>&1 | grep -ci 'conflicting values' || true") == "0"


def test_running_work_is_named_and_not_disturbed_without_consent(fleet: Fleet, ubuntu: str) -> None:
    proved(fleet, ubuntu, branch=570)
    fleet.lab("reboot", ubuntu)
    fleet.put_pynvml(ubuntu)
    fleet.sh(ubuntu, "systemd-run --unit=training --quiet sleep 3600")
    pid = fleet.sh(ubuntu, "systemctl show -p MainPID --value training")
    fleet.sh(ubuntu, f"gpu-simulator process add 0 --pid {pid} --memory 4096 --type C")
    refused = fleet.driver(ubuntu, branch=580)
    assert refused["failed"] and f"{pid} (root, sleep)" in refused["msg"], refused["msg"]
    assert "disrupt_running_work" in refused["msg"]
    assert fleet.driver(ubuntu, branch=570)["changed"] is False, "what needs no change disturbs nobody"
    done = fleet.driver(ubuntu, branch=580, disrupt_running_work=True)
    assert done["after"]["version"] == "580.159.04", done


def test_what_was_removed_behind_dpkgs_back_comes_back(fleet: Fleet, ubuntu: str) -> None:
    """The library, nvidia-smi and the module's source by rm, the builder of the module by force."""
    fleet.driver(ubuntu, version="570.86.15", hold=True)
    fleet.lab("reboot", ubuntu)
    fleet.sh(ubuntu, "systemd-run --unit=training --quiet sleep 3600")
    pid = fleet.sh(ubuntu, "systemctl show -p MainPID --value training")
    fleet.sh(ubuntu, f"gpu-simulator process add 0 --pid {pid} --memory 4096 --type C")
    held = fleet.sh(ubuntu, "apt-mark showhold")
    fleet.sh(ubuntu, "dpkg --force-depends -r $(dpkg-query -W -f '${Package}\\n' 'nvidia-dkms-570*')")
    fleet.sh(
        ubuntu, "rm -r /usr/lib/x86_64-linux-gnu/libnvidia-ml.so.* /usr/bin/nvidia-smi /usr/src/nvidia-570*"
    )
    done = proved(fleet, ubuntu, branch=570, hold=None)
    lost = " ".join(done["before"]["lost"])
    assert "libnvidia-ml.so" in lost and "/usr/bin/nvidia-smi" in lost and "/usr/src/nvidia-570" in lost, lost
    assert "not installed, and" in lost and done["after"]["lost"] == [], lost
    assert {each.partition("=")[2].partition("-")[0] for each in done["after"]["packages"]} == {"570.86.15"}
    assert not done["reboot_required"] and fleet.sh(ubuntu, "systemctl is-active training") == "active"
    assert fleet.sh(ubuntu, "apt-mark showhold") == held
    in_effect(fleet, ubuntu, branch=570, hold=None)
