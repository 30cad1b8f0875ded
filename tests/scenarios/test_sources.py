# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the packages come from: two vendors, pins and holds of other people, keys, versions that are gone."""

from __future__ import annotations

from typing import Any

from mirrors import Mirror, archive_without
from proof import in_effect, proved, rebooted, refused
from scenario import Fleet

UBUNTU: dict[str, Any] = {"source": "ubuntu"}


def versions(fleet: Fleet, node: str) -> set[str]:
    """The versions of the installed packages of the driver, kernel modules apart."""
    query = "dpkg-query -W -f '${db:Status-Status} ${Package} ${Version}\\n' '*nvidia*'"
    lines = (line.split() for line in fleet.sh(node, f"{query} || true").splitlines())
    return {line[2] for line in lines if line[0] == "installed" and not line[1].startswith("linux-")}


def test_from_one_vendor_to_the_other_and_back_and_what_came_between_is_put_right(fleet: Fleet) -> None:
    node = "node2"
    fleet.reset(node)
    fleet.kernel_package(node)
    fleet.driver(node, branch=580)
    done = proved(fleet, node, branch=580, **UBUNTU)
    assert (done["before"]["source"], done["after"]["source"]) == ("nvidia", "ubuntu")
    assert versions(fleet, node) == {"580.173.02-0ubuntu0.22.04.1"}
    assert fleet.driver(node, branch=580)["changed"] is False, "an installed source stays"
    rebooted(fleet, node, branch=580, **UBUNTU)

    done = proved(fleet, node, branch=580, source="nvidia")
    assert done["after"]["source"] == "nvidia" and versions(fleet, node) == {"580.159.04-1ubuntu1"}
    rebooted(fleet, node, branch=580)

    fleet.sh(node, "rm /etc/apt/preferences.d/labfleet-gpu-driver")
    fleet.sh(node, "apt-get -qq install -y --no-install-recommends libnvidia-cfg1-580 >/dev/null")
    assert len(versions(fleet, node)) > 1, "apt takes the newest of both"
    done = proved(fleet, node, branch=580)
    assert "comes from another source" in str(done["steps"]), done["steps"]
    assert versions(fleet, node) == {"580.173.02-0ubuntu0.22.04.1"}, "the source of the kernel module"


def test_what_other_people_pinned_and_held_gives_way_and_is_put_back(fleet: Fleet, ubuntu: str) -> None:
    fleet.driver(ubuntu, branch=580)
    fleet.sh(ubuntu, "apt-get -qq install -y nvidia-driver-pinning-580 >/dev/null")
    fleet.sh(ubuntu, "apt-mark hold libnvidia-compute-580 nvidia-dkms-580-open")
    assert fleet.driver(ubuntu, branch=580)["changed"] is True, (
        "a set of which a part is held is held as a whole"
    )
    after = proved(fleet, ubuntu, branch=590)["after"]
    assert after["version"] == "590.48.01"
    names = {package.partition("=")[0] for package in after["packages"]}
    assert "nvidia-driver-pinning-580" not in names
    assert set(fleet.sh(ubuntu, "apt-mark showhold").split()) == names


def test_an_upgrade_behind_our_back_is_a_mismatch_that_is_seen_and_a_hold_prevents_it(fleet: Fleet) -> None:
    node = "node2"
    fleet.reset(node)
    fleet.driver(node, version="580.95.05", hold=True)
    upgrade = "apt-get -qq update; apt-get -qq -y dist-upgrade >/dev/null 2>&1"
    fleet.sh(node, upgrade)
    in_effect(fleet, node, branch=580)

    proved(fleet, node, branch=580, hold=False)
    fleet.sh(node, upgrade)
    seen = fleet.driver(node, branch=580)
    assert not seen["changed"] and seen["reboot_required"], seen["steps"]
    assert (seen["after"]["version"], seen["after"]["loaded_version"]) == ("580.159.04", "580.95.05")
    assert "580.95.05 is loaded but driver 580.159.04 is installed" in seen["reboot_reasons"][0]
    rebooted(fleet, node, branch=580)


def test_a_key_is_renewed_a_version_goes_and_its_kept_packages_are_the_way_back(
    fleet: Fleet, ubuntu: str
) -> None:
    mirror = Mirror(fleet, "vendor")
    mirror.publish("first")
    fleet.driver(ubuntu, version="580.95.05", **mirror.options)
    old = dict(mirror.options)
    mirror.publish("second")
    said = refused(fleet, ubuntu, branch=590, **old)
    assert mirror.url in said, said
    done = proved(fleet, ubuntu, version="580.159.04", **mirror.options)
    assert "write the signing key" in done["steps"][0]["what"], done["steps"]
    assert [step for step in done["steps"] if step["action"] == "keep-former"], done["steps"]

    mirror.publish("second", without="580.95.05")
    back = proved(fleet, ubuntu, version="580.95.05", **mirror.options)["after"]
    assert back["version"] == back["loaded_version"] == "580.95.05"
    in_effect(fleet, ubuntu, version="580.95.05", **mirror.options)


def test_two_keys_for_one_repository_are_named_and_by_consent_ours_takes_their_place(
    fleet: Fleet, ubuntu: str
) -> None:
    mirror = Mirror(fleet, "vendor")
    mirror.publish("first")
    for name in ("one", "two"):
        mirror.key_in_node(ubuntu, f"/usr/share/keyrings/{name}.asc")
        line = f"deb [signed-by=/usr/share/keyrings/{name}.asc] {mirror.url} /"
        fleet.sh(ubuntu, f"echo '{line}' > /etc/apt/sources.list.d/{name}.list")
    said = refused(fleet, ubuntu, branch=570, **mirror.options)
    assert "one.list" in said and "two.list" in said and "take_over: true" in said, said
    done = proved(fleet, ubuntu, branch=570, take_over=True, **mirror.options)
    assert done["after"]["version"] == "570.211.01"
    left = fleet.sh(ubuntu, "cd /etc/apt/sources.list.d && ls one.* two.*").split()
    assert left == ["one.list.save", "two.list.save"], left


def test_an_archive_without_signed_modules_has_dkms_build_them(fleet: Fleet, ubuntu: str) -> None:
    url = archive_without(fleet, "unsigned", lambda name: name.startswith("linux-modules-nvidia"))
    sources = "/etc/apt/sources.list.d/lab-archive.sources"
    fleet.sh(ubuntu, f"sed -i 's,^URIs:.*,URIs: {url}\\nTrusted: yes,' {sources}")
    wish: dict[str, Any] = {"branch": 580, "server_series": True}
    after = proved(fleet, ubuntu, **wish)["after"]
    assert after["source"] == "ubuntu"
    assert f"nvidia-srv/580.173.02, {after['kernel']}" in str(after["dkms_state"]), after["dkms_state"]
    in_effect(fleet, ubuntu, **wish)


def test_recommended_is_the_newest_of_the_archive_less_an_offset_and_stays(fleet: Fleet) -> None:
    node = "node2"
    fleet.reset(node)
    fleet.kernel_package(node)
    said = refused(fleet, node, branch=560, **UBUNTU)
    assert "branch 560" in said and "580 (580.173.02" in said and "535 (" in said, said
    wish: dict[str, Any] = {"branch": "recommended", "branch_offset": 1, **UBUNTU}
    after = proved(fleet, node, **wish)["after"]
    assert after["branch"] == 580, after["branch"]
    newest = fleet.driver(node, check=True, branch="recommended", update=True, **UBUNTU)["after"]
    assert newest["branch"] == 595, newest["branch"]
    assert fleet.driver(node, branch="recommended", **UBUNTU)["changed"] is False, "what is installed stays"
