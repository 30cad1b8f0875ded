# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver on a booted node: versions, flavours, holds, mismatch, removal."""

from __future__ import annotations

from typing import Any

from scenario import Fleet, shown


def converged(fleet: Fleet, node: str, **options: Any) -> dict[str, Any]:
    """Apply, and see that the same again changes nothing."""
    done = fleet.driver(node, **options)
    assert not done.get("failed"), done.get("msg")
    again = fleet.driver(node, **options)
    assert not again.get("failed") and not again["changed"] and not again["steps"], again
    return done


def test_an_upgrade_without_a_reboot_is_a_mismatch_until_the_reboot(fleet: Fleet, ubuntu: str) -> None:
    converged(fleet, ubuntu, branch=570)
    fleet.lab("reboot", ubuntu)
    done = converged(fleet, ubuntu, branch=580)
    assert done["before"]["loaded_version"] == "570.211.01"
    assert done["after"]["version"] == done["after"]["library_version"] == "580.159.04"
    assert [reason for reason in done["reboot_reasons"] if "570.211.01" in reason], done["reboot_reasons"]
    said = fleet.sh(ubuntu, "nvidia-smi; echo $?")
    assert "Driver/library version mismatch" in said and said.endswith("18"), said
    fleet.lab("reboot", ubuntu)
    assert not fleet.driver(ubuntu, branch=580)["reboot_required"]
    assert len(fleet.sh(ubuntu, "nvidia-smi -L").splitlines()) == 8
    leftovers = fleet.sh(
        ubuntu, "dpkg-query -W -f '${db:Status-Status} ${Package}\\n' | grep '^installed.*570' || true"
    )
    assert leftovers == "", "nothing of the former branch stays installed"


def test_an_exact_version_downgrade_and_hold(fleet: Fleet, ubuntu: str) -> None:
    converged(fleet, ubuntu, branch=580, hold=True)
    done = converged(fleet, ubuntu, version="570.133.20", hold=True)
    after = done["after"]
    assert (after["version"], after["library_version"], after["module_on_disk"]) == ("570.133.20",) * 3
    names = {package.split("=")[0] for package in after["packages"]}
    assert set(after["held"]) == names
    assert set(fleet.sh(ubuntu, "apt-mark showhold").split()) == names
    upgrade = fleet.sh(ubuntu, "apt-get -s dist-upgrade | grep '^Inst' | grep -i nvidia || true")
    assert upgrade == "", "neither hold nor pin lets apt move the driver"
    released = converged(fleet, ubuntu, branch=570, hold=False)
    assert released["after"]["held"] == []


def test_any_version_of_the_branch_satisfies_and_update_asks_for_the_newest(
    fleet: Fleet, ubuntu: str
) -> None:
    converged(fleet, ubuntu, version="570.86.15", hold=False)
    assert not fleet.driver(ubuntu, branch=570, hold=None)["changed"]
    done = fleet.driver(ubuntu, branch=570, hold=False, update=True)
    assert done["after"]["version"] == "570.211.01", done
    assert not fleet.driver(ubuntu, branch=570, hold=False, update=True)["changed"]


def test_the_flavour_changes_both_ways(fleet: Fleet, ubuntu: str) -> None:
    for flavour, licence in (("open", "Dual MIT/GPL"), ("proprietary", "NVIDIA"), ("open", "Dual MIT/GPL")):
        done = converged(fleet, ubuntu, branch=570, kernel_module=flavour)
        assert done["after"]["kernel_module"] == flavour
        modules = "/lib/modules/$(uname -r)/updates/dkms"
        assert fleet.sh(ubuntu, f"modinfo -F license {modules}/nvidia.ko*") == licence


def test_auto_takes_the_flavour_that_the_gpus_need(fleet: Fleet) -> None:
    for board, flavour in (("v100-sxm2-16gb", "proprietary"), ("b200-180gb", "open")):
        fleet.reset("node2", board)
        done = fleet.driver("node2", branch=570)
        assert done["after"]["kernel_module"] == flavour, done
        fleet.lab("reboot", "node2")
        assert len(fleet.sh("node2", "nvidia-smi -L").splitlines()) == 1, "the loaded module drives the GPU"


def test_absent_removes_the_driver_and_our_own_files_and_nothing_else(fleet: Fleet, ubuntu: str) -> None:
    before = fleet.sh(ubuntu, "dpkg-query -W -f '${Package}\\n'").split()
    converged(fleet, ubuntu, branch=570, hold=True)
    added = set(fleet.sh(ubuntu, "dpkg-query -W -f '${Package}\\n'").split()) - set(before)
    predicted = fleet.driver(ubuntu, check=True, state="absent")
    done = converged(fleet, ubuntu, state="absent")
    assert predicted["steps"] == done["steps"]
    left = set(fleet.sh(ubuntu, "dpkg-query -W -f '${Package}\\n'").split()) - set(before)
    assert left == {name for name in added if name.startswith("linux-headers-")}, left
    assert fleet.sh(ubuntu, "find /etc/apt -name 'labfleet-gpu*'") == ""


def test_a_source_that_cuda_keyring_configured_is_used_as_it_is(fleet: Fleet, ubuntu: str) -> None:
    folder = "compute/cuda/repos/ubuntu2404/x86_64"
    keyring = fleet.inventory.parent / "www" / folder / "cuda-keyring_1.1-1_all.deb"
    url = fleet.sh(ubuntu, "sed -n 's/^URIs: //p' /etc/apt/sources.list.d/lab-archive.sources").rsplit(
        "/", 2
    )[0]
    fetch = f"import urllib.request as u; u.urlretrieve('{url}/{folder}/{keyring.name}', '/root/k.deb')"
    fleet.sh(ubuntu, f'python3 -c "{fetch}" && dpkg -i /root/k.deb')
    done = converged(fleet, ubuntu, branch=570)
    assert "source" not in {phase for phase, _what in shown(done)}, shown(done)
    assert fleet.sh(ubuntu, "apt-get update 2>&1 | grep -ci 'conflicting values' || true") == "0"


def test_running_work_is_named_and_not_disturbed_without_consent(fleet: Fleet, ubuntu: str) -> None:
    converged(fleet, ubuntu, branch=570)
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
