# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each family of package names on a bare node, and the ways between branches, versions and flavours."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from proof import in_effect, proved, rebooted
from scenario import Fleet


@dataclass(frozen=True)
class Bare:
    """A first install: where, which wish, and what it brings."""

    node: str
    boards: tuple[str, ...]
    version: str
    carrier: str  # the package of the kernel module; {k} is the running kernel
    wish: dict[str, Any] = field(default_factory=dict)
    flavour: str = "open"


BARE = {
    "nvidia, branch in the names": Bare(
        "node1", ("h100-sxm5-80gb",) * 4, "580.159.04", "nvidia-dkms-580-open"
    ),
    "nvidia, no branch in the names": Bare("node1", ("a100-sxm4-40gb",) * 2, "590.48.01", "nvidia-dkms-open"),
    "nvidia, open module only": Bare("node2", ("t4", "t4"), "615.71.09", "nvidia-dkms-open"),
    "nvidia, proprietary for Volta": Bare(
        "node2", ("v100-sxm2-16gb",) * 2, "570.211.01", "nvidia-dkms-570", flavour="proprietary"
    ),
    "ubuntu, signed modules": Bare(
        "node1",
        ("l40s",) * 2,
        "580.173.02",
        "linux-modules-nvidia-580-server-open-{k}",
        {"source": "ubuntu", "server_series": True},
    ),
    "nvidia for Debian": Bare(
        "node3", ("l40s",) * 4, "595.91.07", "nvidia-kernel-open-dkms", {"source": "nvidia"}
    ),
}


@pytest.mark.parametrize("family", BARE)
def test_a_bare_node_gets_a_driver_and_works_without_a_reboot(fleet: Fleet, family: str) -> None:
    bare = BARE[family]
    fleet.reset(bare.node, *bare.boards)
    fleet.kernel_package(bare.node)
    wish = {"branch": int(bare.version[:3]), **bare.wish}
    after = proved(fleet, bare.node, **wish)["after"]
    assert (after["version"], after["kernel_module"]) == (bare.version, bare.flavour)
    names = {package.partition("=")[0] for package in after["packages"]}
    assert bare.carrier.format(k=after["kernel"]) in names, names
    in_effect(fleet, bare.node, **wish)
    rebooted(fleet, bare.node, **wish)


def test_upgrade_over_the_rename_and_back_by_an_exact_version(fleet: Fleet, ubuntu: str) -> None:
    proved(fleet, ubuntu, branch=570)
    done = proved(fleet, ubuntu, branch=590)
    assert done["before"]["version"] == done["after"]["loaded_version"] == "570.211.01"
    assert done["after"]["version"] == done["after"]["library_version"] == "590.48.01"
    assert [reason for reason in done["reboot_reasons"] if "570.211.01" in reason], done["reboot_reasons"]
    said = fleet.sh(ubuntu, "nvidia-smi; echo $?")
    assert "Driver/library version mismatch" in said and said.endswith("18"), said
    rebooted(fleet, ubuntu, branch=590)
    assert installed(fleet, ubuntu, "-570") == set(), "nothing of the former branch stays"

    back = proved(fleet, ubuntu, version="570.133.20", hold=True)["after"]
    assert (back["version"], back["library_version"], back["module_on_disk"]) == ("570.133.20",) * 3
    names = {package.split("=")[0] for package in back["packages"]}
    assert {package.split("=")[1].split("-")[0] for package in back["packages"]} == {"570.133.20"}
    assert set(back["held"]) == set(fleet.sh(ubuntu, "apt-mark showhold").split()) == names
    assert "/590" not in fleet.sh(ubuntu, "dkms status"), "DKMS has nothing of it any more"
    rebooted(fleet, ubuntu, version="570.133.20", hold=True)


def installed(fleet: Fleet, node: str, part: str) -> set[str]:
    """Installed packages with this in their names."""
    listing = fleet.sh(node, "dpkg-query -W -f '${db:Status-Status} ${Package}\\n'").splitlines()
    return {line.split()[1] for line in listing if line.startswith("installed ") and part in line}


def test_the_flavour_changes_both_ways(fleet: Fleet, ubuntu: str) -> None:
    assert fleet.driver(ubuntu, branch=580)["after"]["kernel_module"] == "open", "as these GPUs prefer it"
    for flavour, licence in (("proprietary", "NVIDIA"), ("open", "Dual MIT/GPL")):
        after = proved(fleet, ubuntu, branch=580, kernel_module=flavour)["after"]
        assert after["kernel_module"] == flavour
        modules = f"/lib/modules/{after['kernel']}/updates/dkms"
        assert fleet.sh(ubuntu, f"modinfo -F license {modules}/nvidia.ko*") == licence
    in_effect(fleet, ubuntu, branch=580)
