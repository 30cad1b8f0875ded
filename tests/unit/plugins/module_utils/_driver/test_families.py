# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans over every package family: names with and without a branch, both vendors, signed modules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.gpus import OPEN, PROPRIETARY
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import (
    PIN_PATH,
    DriverState,
    find_installed,
    summary,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.wish import DriverWish
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Install
from ansible_collections.labfleet.gpu.plugins.module_utils._own_sources import (
    SOURCE_PATH,
    UBUNTU_SOURCE_PATH,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._packages import Package
from ansible_collections.labfleet.gpu.plugins.module_utils._plan import Plan
from ansible_collections.labfleet.gpu.plugins.module_utils._sources import Source
from ansible_collections.labfleet.gpu.tests.unit.support.archive import NVIDIA, Archive, Row
from ansible_collections.labfleet.gpu.tests.unit.support.nodes import (
    KERNEL,
    OTHER_KERNEL,
    debian,
    ubuntu,
    with_driver,
)
from ansible_collections.labfleet.gpu.tests.unit.support.planning import carried_out, refusal, settled
from ansible_collections.labfleet.gpu.tests.unit.support.rows import (
    UBUNTU,
    both_namings,
    debian_of_nvidia,
    ubuntus_own,
)


def install_of(found: Plan) -> Install:
    (data,) = [step.data for step in found.steps if step.action == "install"]
    assert isinstance(data, Install)
    return data


def content_of(found: Plan, path: str) -> Any:
    for step in found.steps:
        if getattr(step.data, "path", None) == path:
            return getattr(step.data, "content", None)
    raise AssertionError("no step writes %s" % path)


def with_restricted(state: DriverState) -> DriverState:
    archive = Source(UBUNTU, "noble", ("main", "restricted", "multiverse"), None, "/etc/apt/sources.list")
    return replace(state, sources=(archive,))


def rests(state: DriverState, wish: DriverWish, archive: Archive) -> None:
    again, _asked = settled(state, wish, archive)
    assert [step for step in again.steps if step.phase != "activate"] == [], again.steps


def test_a_branch_without_a_name_is_pinned_before_its_packages_come() -> None:
    archive = both_namings(KERNEL)
    found, _asked = settled(ubuntu(), DriverWish(branch=590), archive)
    phases = [step.phase for step in found.steps]
    assert phases.index("pin") < phases.index("packages")
    assert "Pin: version 590.*\n" in content_of(found, PIN_PATH)
    targets = install_of(found).targets
    assert {"libnvidia-compute=590.48.01-1ubuntu1", "nvidia-dkms-open=590.48.01-1ubuntu1"} <= set(targets)
    assert "nvidia-utils=590.48.01-1ubuntu1" in targets, "nvidia-smi comes where the source has it"
    after = carried_out(ubuntu(), found, archive)
    assert summary(after)["version"] == "590.48.01" and summary(after)["source"] == "nvidia"
    rests(after, DriverWish(branch=590), archive)


@pytest.mark.parametrize("old, new", [("570.172.08", 590), ("570.172.08", 615)])
def test_over_the_rename_the_former_names_go(old: str, new: int) -> None:
    archive = both_namings(KERNEL)
    state = with_driver(ubuntu(), old)
    found, _asked = settled(state, DriverWish(branch=new), archive)
    leaving = {name[:-1] for name in install_of(found).targets if name.endswith("-")}
    assert leaving == {package.name for package in state.packages if "-570" in package.name}
    after = carried_out(state, found, archive)
    assert [each.name for each in after.packages if each.installed and "570" in each.name] == []
    assert summary(after)["branch"] == new
    rests(after, DriverWish(branch=new), archive)


def test_back_over_the_rename() -> None:
    archive = both_namings(KERNEL)
    bare, _asked = settled(ubuntu(), DriverWish(branch=595), archive)
    state = carried_out(ubuntu(), bare, archive)
    found, _asked = settled(state, DriverWish(branch=580), archive)
    after = carried_out(state, found, archive)
    assert summary(after)["version"] == "580.105.08"
    left = {each.name for each in after.packages if each.installed}
    assert not left & {"libnvidia-compute", "nvidia-dkms-open", "nvidia-utils", "nvidia-kernel-common"}, left
    rests(after, DriverWish(branch=580), archive)


def test_back_over_the_rename_what_the_old_branch_does_not_have_goes_by_name() -> None:
    archive = both_namings(KERNEL)
    bare, _asked = settled(ubuntu(), DriverWish(branch=590), archive)
    state = carried_out(ubuntu(), bare, archive)
    # It conflicts with nvidia-firmware-570, and apt would rather keep it than remove it.
    firmware = Package("nvidia-firmware", "590.48.01-1ubuntu1", "install", "installed")
    state = replace(state, packages=(*state.packages, firmware))
    found, _asked = settled(state, DriverWish(branch=570), archive)
    assert {"nvidia-firmware-", "libnvidia-compute-"} <= set(install_of(found).targets)
    assert "nvidia-modprobe-" not in install_of(found).targets, "the tools are those of any branch"


def test_between_branches_of_one_name_it_is_an_upgrade_or_a_downgrade() -> None:
    archive = both_namings(KERNEL)
    bare, _asked = settled(ubuntu(), DriverWish(branch=595), archive)
    state = carried_out(ubuntu(), bare, archive)
    found, _asked = settled(state, DriverWish(branch=590), archive)
    assert install_of(found).downgrade
    assert not [name for name in install_of(found).targets if name.endswith("-")]
    after = carried_out(state, found, archive)
    assert {each.version for each in after.packages if each.installed} == {"590.48.01-1ubuntu1"}


@pytest.mark.parametrize("pinning, stays", [("580", False), ("590", True), ("590.48.01", True)])
def test_a_pinning_package_of_another_branch_gives_way(pinning: str, stays: bool) -> None:
    name = "nvidia-driver-pinning-" + pinning
    state = ubuntu(packages=(Package(name, "580-5", "install", "installed"),))
    found, _asked = settled(state, DriverWish(branch=590), both_namings(KERNEL))
    purged = [step.data.names for step in found.steps if step.action == "purge"]
    assert purged == ([] if stays else [(name,)])


@pytest.mark.parametrize("architecture", ["Turing", "Blackwell"])
def test_from_615_there_is_the_open_flavour_alone(architecture: str) -> None:
    found, _asked = settled(ubuntu(architecture), DriverWish(branch=615), both_namings(KERNEL))
    assert found.promised()["kernel_module"] == OPEN


def test_proprietary_at_615_is_refused_with_what_to_do() -> None:
    wish = DriverWish(branch=615, kernel_module=PROPRIETARY)
    message = refusal(settled(ubuntu("Hopper"), wish, both_namings(KERNEL))[0])
    assert "615 does not have this flavour" in message and "kernel_module: open" in message


def test_a_gpu_that_615_dropped_is_named() -> None:
    message = refusal(settled(ubuntu("Volta"), DriverWish(branch=615), both_namings(KERNEL))[0])
    assert "no longer drives this GPU" in message and "use branch 580" in message


def test_nvidia_on_debian() -> None:
    archive = debian_of_nvidia(KERNEL)
    wish = DriverWish(branch=580, source="nvidia")
    found, _asked = settled(debian(), wish, archive)
    assert {"nvidia-driver-cuda=580.105.08-1", "nvidia-kernel-open-dkms=580.105.08-1"} <= set(
        install_of(found).targets
    )
    assert "Pin: version 580.*\n" in content_of(found, PIN_PATH)
    after = carried_out(debian(), found, archive)
    assert (summary(after)["source"], summary(after)["kernel_module"]) == ("nvidia", OPEN)
    rests(after, wish, archive)


def test_the_server_series_with_signed_modules_builds_nothing() -> None:
    archive = ubuntus_own(KERNEL, signed_for=(KERNEL,))
    wish = DriverWish(branch=580, source="ubuntu", server_series=True)
    found, _asked = settled(with_restricted(ubuntu()), wish, archive)
    targets = install_of(found).targets
    assert "linux-modules-nvidia-580-server-open-%s" % KERNEL in targets
    assert "nvidia-headless-no-dkms-580-server-open=580.95.05-0ubuntu0.24.04.1" in targets
    assert not [name for name in targets if "-dkms-" in name.replace("no-dkms-", "")]
    assert not [name for name in targets if name.startswith("linux-headers")]
    assert found.promised()["module_on_disk"] == "580.95.05", "without headers: it comes built"
    assert [step.action for step in found.steps if step.phase == "activate"] == [
        "load-modules",
        "start-units",
    ]
    assert found.foretold()["loaded_version"] == "580.95.05" and "loaded_version" not in found.promised()


def test_without_signed_modules_for_the_kernel_dkms_builds_them() -> None:
    wish = DriverWish(branch=580, source="ubuntu", server_series=True)
    found, _asked = settled(with_restricted(ubuntu()), wish, ubuntus_own(KERNEL))
    assert "nvidia-dkms-580-server-open=580.95.05-0ubuntu0.24.04.1" in install_of(found).targets


def test_the_archive_gets_the_components_that_drivers_are_in() -> None:
    sources = (
        Source(UBUNTU, "noble", ("main", "universe"), None, "/etc/apt/sources.list"),
        Source(UBUNTU, "noble-updates", ("main", "universe"), None, "/etc/apt/sources.list"),
    )
    wish = DriverWish(branch=580, source="ubuntu")
    found, _asked = settled(ubuntu(sources=sources), wish, ubuntus_own(KERNEL))
    written = content_of(found, UBUNTU_SOURCE_PATH)
    assert written.count("Components: restricted multiverse\n") == 2
    assert "Suites: noble\n" in written and "Suites: noble-updates\n" in written


def installed_from_archive(
    series: str, version: str = "580.95.05", kernel: str = KERNEL
) -> Tuple[Package, ...]:
    full = version + "-0ubuntu0.24.04.1"
    mark = version[:3] + series
    names = ("nvidia-headless-no-dkms-%s-open", "nvidia-kernel-common-%s", "libnvidia-compute-%s")
    packages = [Package(name % mark, full, "install", "installed") for name in (*names, "nvidia-utils-%s")]
    modules = "linux-modules-nvidia-%s-open-%s" % (mark, kernel)
    return (*packages, Package(modules, "6.8.0-85.85+1", "install", "installed"))


@pytest.mark.parametrize("series", ["", "-server"])
def test_the_driver_of_signed_modules_has_the_version_of_its_library(series: str) -> None:
    installed = find_installed(installed_from_archive(series))
    assert installed is not None
    assert (installed.version, installed.flavour, installed.family.source) == ("580.95.05", OPEN, "ubuntu")
    assert installed.family.server is bool(series)


def test_from_ubuntu_to_nvidia_and_the_archives_own_names_go() -> None:
    packages = installed_from_archive("-server")
    state = with_restricted(ubuntu(packages=packages, installed=find_installed(packages)))
    archive = ubuntus_own(KERNEL)
    found, _asked = settled(state, DriverWish(branch=580, source="nvidia"), archive)
    leaving = {name[:-1] for name in install_of(found).targets if name.endswith("-")}
    assert leaving == {package.name for package in packages}
    assert "Pin: release o=Ubuntu\nPin-Priority: -1\n" in content_of(found, PIN_PATH)
    after = carried_out(state, found, archive)
    assert summary(after)["source"] == "nvidia" and summary(after)["version"] == "580.105.08"


def test_from_nvidia_to_ubuntu_under_the_same_names_everything_is_named_exactly() -> None:
    source = Source(NVIDIA, "/", (), None, SOURCE_PATH)
    state = with_restricted(with_driver(ubuntu(), "580.105.08"))
    state = replace(state, sources=(*state.sources, source))
    archive = ubuntus_own(KERNEL)
    found, _asked = settled(state, DriverWish(branch=580, source="ubuntu"), archive)
    data = install_of(found)
    assert data.downgrade
    assert "libnvidia-compute-580=580.95.05-0ubuntu0.24.04.1" in data.targets
    assert "libnvidia-cfg1-580-" in data.targets, "the archive of this test does not have it"
    assert "Pin: release l=NVIDIA CUDA\nPin-Priority: -1\n" in content_of(found, PIN_PATH)


def test_a_set_from_two_sources_is_a_reason_to_change() -> None:
    state = with_restricted(with_driver(ubuntu(), "580.105.08"))
    packages = tuple(
        replace(each, version="580.105.08-0ubuntu0.24.04.1") if each.name == "libnvidia-compute-580" else each
        for each in state.packages
    )
    found, _asked = settled(replace(state, packages=packages), DriverWish(branch=580), ubuntus_own(KERNEL))
    assert "libnvidia-compute-580 comes from another source" in found.reasons
    assert "libnvidia-compute-580=580.105.08-0ubuntu1" in install_of(found).targets


def test_a_transitional_branch_says_what_it_brings() -> None:
    wish = DriverWish(branch=570, source="ubuntu", server_series=True)
    message = refusal(settled(with_restricted(ubuntu()), wish, ubuntus_own(KERNEL))[0])
    assert "its packages for branch 570 install 580.95.05 now" in message
    assert "535 (535.274.02); 580 (580.95.05)" in message


def test_signed_modules_for_every_kernel_that_can_be_booted() -> None:
    archive = ubuntus_own(KERNEL, signed_for=(KERNEL, OTHER_KERNEL))
    state = with_restricted(ubuntu(bootable=(KERNEL, OTHER_KERNEL)))
    found, _asked = settled(state, DriverWish(branch=580, source="ubuntu"), archive)
    modules = {name for name in install_of(found).targets if name.startswith("linux-modules-")}
    assert modules == {"linux-modules-nvidia-580-open-%s" % kernel for kernel in (KERNEL, OTHER_KERNEL)}


def test_a_change_of_series_keeps_the_signatures_of_all_series() -> None:
    signatures = Package("linux-signatures-nvidia-" + KERNEL, "6.8.0-85.85+1", "install", "installed")
    packages = (*installed_from_archive(""), signatures)
    state = with_restricted(ubuntu(packages=packages, installed=find_installed(packages)))
    wish = DriverWish(branch=580, source="ubuntu", server_series=True)
    found, _asked = settled(state, wish, ubuntus_own(KERNEL, signed_for=(KERNEL,)))
    leaving = {name[:-1] for name in install_of(found).targets if name.endswith("-")}
    assert signatures.name not in leaving and "libnvidia-compute-580" in leaving


def test_transitional_packages_are_not_what_is_installed_under_their_names() -> None:
    state = with_restricted(with_driver(ubuntu(), "570.172.08"))
    archive = ubuntus_own(KERNEL)
    for row in archive.rows["libnvidia-compute-570-server"]:
        archive.rows["libnvidia-compute-570"] = [replace(row, name="libnvidia-compute-570")]
    wish = DriverWish(branch=580, source="ubuntu", server_series=True)
    targets = install_of(settled(state, wish, archive)[0]).targets
    assert "libnvidia-compute-570-" in targets
    assert not [name for name in targets if name.startswith("libnvidia-compute-570=")]


def test_of_a_mixed_set_what_the_source_does_not_have_goes() -> None:
    packages = (
        *installed_from_archive(""),
        Package("libnvidia-gpucomp-580", "580.105.08-1ubuntu1", "install", "installed"),
    )
    state = with_restricted(ubuntu(packages=packages, installed=find_installed(packages)))
    archive = ubuntus_own(KERNEL, signed_for=(KERNEL,))
    found, _asked = settled(state, DriverWish(branch=580), archive)
    assert "libnvidia-gpucomp-580 comes from another source" in found.reasons
    assert [name for name in install_of(found).targets if name.endswith("-")] == ["libnvidia-gpucomp-580-"]
    rests(carried_out(state, found, archive), DriverWish(branch=580), archive)


@pytest.mark.parametrize("hold", [True, False])
def test_holds_that_alone_change_are_foretold(hold: bool) -> None:
    archive = both_namings(KERNEL)
    state = with_driver(ubuntu(), "580.105.08")
    held, _asked = settled(state, DriverWish(branch=580, hold=True), archive)
    names = sorted(each.name for each in state.packages)
    assert held.promised()["held"] == names
    freed, _asked = settled(carried_out(state, held, archive), DriverWish(branch=580, hold=False), archive)
    assert freed.promised()["held"] == []


@pytest.mark.parametrize("newer", [False, True])
def test_the_modules_of_kernels_to_come_unless_they_bring_one(newer: bool) -> None:
    """A metapackage of a kernel flavour depends on the newest kernel of it."""
    archive = ubuntus_own(KERNEL, signed_for=(KERNEL,))
    meta = "linux-modules-nvidia-580-open-generic"
    needs = ("linux-image-6.8.0-99-generic",) if newer else ()
    archive.rows[meta] = [Row(meta, "6.8.0-99.99", needs, uri=UBUNTU)]
    archive.rows["linux-image-6.8.0-99-generic"] = [
        Row("linux-image-6.8.0-99-generic", "6.8.0-99.99", uri=UBUNTU)
    ]
    state = with_restricted(ubuntu(kernel_flavours=("generic", "aws")))
    found, _asked = settled(state, DriverWish(branch=580, source="ubuntu"), archive)
    targets = install_of(found).targets
    assert (meta in targets) is not newer
    assert "linux-modules-nvidia-580-open-%s" % KERNEL in targets


def test_another_sources_version_of_the_same_branch_stays_out() -> None:
    """The first record that fits decides (apt_preferences), so what keeps the rival out stands first."""
    found, _asked = settled(with_restricted(ubuntu()), DriverWish(branch=580), ubuntus_own(KERNEL))
    pin = content_of(found, PIN_PATH)
    assert pin.index("Pin: release o=Ubuntu\nPin-Priority: -1") < pin.index("Pin: version 580.*")
    assert "\n\n\n" not in pin and pin.count("\n\n") == 1
