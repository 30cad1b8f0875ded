# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module options: the file of modprobe, what is in effect, who else sets them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Optional

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._driver import options
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import OPTIONS_PATH, DriverState
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.wish import DriverWish
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import RemoveFile, WriteFile
from ansible_collections.labfleet.gpu.tests.unit.support.archive import ubuntu_archive
from ansible_collections.labfleet.gpu.tests.unit.support.nodes import KERNEL, debian, ubuntu, with_driver
from ansible_collections.labfleet.gpu.tests.unit.support.planning import actions, carried_out, settled

FIRMWARE = ("NVreg_EnableGpuFirmware", "0")


def wish(*pairs: "tuple[str, str]", **more: Any) -> DriverWish:
    return DriverWish(branch=580, module_options=pairs, **more)


def node(**changes: Any) -> DriverState:
    return with_driver(ubuntu(), "580.95.05", has_initramfs=True, **changes)


def own(state: DriverState, content: Optional[str]) -> DriverState:
    return replace(state, own_files=dict(state.own_files, **{OPTIONS_PATH: content}))


def written(state: DriverState, wished: DriverWish) -> List[Any]:
    return [
        step.data for step in plan(state, wished, {}).steps if isinstance(step.data, (WriteFile, RemoveFile))
    ]


def test_options_are_written_for_the_module_and_the_initramfs_is_renewed() -> None:
    found = plan(node(), wish(FIRMWARE, ("NVreg_RegistryDwords", "a=1; b=2")), {})
    assert actions(found) == ["write-modprobe", "update-initramfs"]
    assert found.steps[0].data == WriteFile(
        OPTIONS_PATH,
        "# Options of the NVIDIA kernel module, from module_options (labfleet.gpu).\n"
        "options nvidia NVreg_EnableGpuFirmware=0\n"
        'options nvidia NVreg_RegistryDwords="a=1; b=2"\n',
    )
    after = carried_out(node(), found, ubuntu_archive(KERNEL))
    assert plan(after, wish(FIRMWARE, ("NVreg_RegistryDwords", "a=1; b=2")), {}).steps == ()


@pytest.mark.parametrize(
    "flavour, name", [("proprietary", "nvidia-current"), ("open", "nvidia-current-open")]
)
def test_debian_calls_its_modules_otherwise(flavour: str, name: str) -> None:
    state = with_driver(debian(), "535.261.03", flavour)
    (data,) = written(state, DriverWish(branch=535, kernel_module=flavour, module_options=(FIRMWARE,)))
    assert data.content.splitlines()[1:] == ["options %s NVreg_EnableGpuFirmware=0" % name]


def test_unnamed_options_leave_the_file_alone_and_none_at_all_remove_it() -> None:
    state = own(node(), "options nvidia NVreg_EnableGpuFirmware=0\n")
    assert plan(state, DriverWish(branch=580), {}).steps == ()
    found = plan(state, wish(), {})
    assert [(step.action, step.data) for step in found.steps] == [
        ("remove-modprobe", RemoveFile(OPTIONS_PATH)),
        ("update-initramfs", None),
    ]
    assert plan(own(node(), None), wish(), {}).steps == ()


def test_a_host_without_initramfs_tools_gets_the_file_only() -> None:
    assert actions(plan(with_driver(ubuntu(), "580.95.05"), wish(FIRMWARE), {})) == ["write-file"]


def test_a_cut_between_the_file_and_the_initramfs_is_completed() -> None:
    first = plan(node(), wish(FIRMWARE), {})
    cut = carried_out(node(), replace(first, steps=first.steps[:1]), ubuntu_archive(KERNEL))
    assert actions(plan(cut, wish(FIRMWARE), {})) == ["update-initramfs"]
    assert actions(plan(cut, DriverWish(branch=580), {})) == ["update-initramfs"]


def test_options_come_before_the_packages_and_the_initramfs_after_them() -> None:
    found, _asked = settled(ubuntu(has_initramfs=True), wish(FIRMWARE), ubuntu_archive(KERNEL))
    order = [name for name in actions(found) if name in ("write-modprobe", "install", "update-initramfs")]
    assert order == ["write-modprobe", "install", "update-initramfs"]


@pytest.mark.parametrize(
    "shown, wished, same",
    [
        ("0", "0", True),
        ("18", "0x12", True),
        ("432", "0660", True),
        ("432", "660", False),
        ("1", "0", False),
        ("4294967295", "-1", True),
        ("-1", "0xffffffff", True),
        ("4294967295", "1", False),
        ('"/var/tmp"', "/var/tmp", True),
        ('""', "a=1", False),
    ],
)
def test_values_are_compared_as_the_kernel_reads_them(shown: str, wished: str, same: bool) -> None:
    state = node(parameters={"X": shown})
    reasons = plan(state, wish(("NVreg_X", wished)), {}).reboot_reasons
    assert reasons == (
        ()
        if same
        else (
            "Module option NVreg_X is %s in the loaded kernel module and %s is wished: it takes effect when "
            "the module is loaded anew." % (shown, wished),
        )
    )


def test_only_what_the_loaded_module_shows_is_a_reason() -> None:
    parameters: Dict[str, str] = {"EnableGpuFirmware": "18"}
    assert plan(node(parameters=parameters), wish(FIRMWARE), {}).reboot_reasons != ()
    assert plan(node(parameters={"Other": "18"}), wish(FIRMWARE), {}).reboot_reasons == ()
    hidden = node(loaded=None, parameters=parameters)
    assert not any("Module option" in reason for reason in plan(hidden, wish(FIRMWARE), {}).reboot_reasons)
    nothing = replace(hidden, host=replace(hidden.host, pci=()), parameters=parameters)
    assert plan(nothing, wish(FIRMWARE), {}).reboot_reasons == ()


def test_a_file_that_sets_it_otherwise_is_named() -> None:
    path = "/etc/modprobe.d/nvprofiling.conf"
    other = ((path, "NVreg_EnableGpuFirmware", "0x12"), (path, "NVreg_Unrelated", "1"))
    (warning,) = plan(node(other_options=other), wish(FIRMWARE), {}).warnings
    assert path in warning and "to 0x12, and 0 is wished" in warning
    assert plan(node(other_options=other), wish(("NVreg_EnableGpuFirmware", "18")), {}).warnings == ()
    assert plan(node(other_options=other), DriverWish(branch=580), {}).warnings == ()


SHOWN = {"EnableGpuFirmware": "18"}


def given(**changes: Any) -> DriverState:
    """Our file was there before this boot, and the loaded module has another value all the same."""
    state = node(**dict({"parameters": SHOWN, "booted": 200.0, "options_since": 100.0}, **changes))
    return carried_out(state, plan(state, wish(FIRMWARE), {}), ubuntu_archive(KERNEL))


@pytest.mark.parametrize("wished", [wish(FIRMWARE), wish(FIRMWARE, disrupt_running_work=True)])
@pytest.mark.parametrize("path", ["/etc/modprobe.d/zz.conf", "the kernel command line"])
def test_what_another_place_decides_asks_for_no_reboot_and_stops_nothing(
    wished: DriverWish, path: str
) -> None:
    other = (("/etc/modprobe.d/aa.conf", FIRMWARE[0], "7"), (path, FIRMWARE[0], "18"))
    found = plan(given(other_options=other, options_since=0.0), wished, {})
    assert (found.steps, found.questions, found.reboot_reasons) == ((), (), ())
    (warning,) = found.warnings
    assert path in warning and "take it out there" in warning


def test_the_last_place_decides() -> None:
    """One that says the same after one that does not; and one that is read before our file."""
    for other in (
        (("/etc/modprobe.d/y.conf", FIRMWARE[0], "18"), ("/etc/modprobe.d/z.conf", FIRMWARE[0], "0x0")),
        (("/usr/lib/modprobe.d/a.conf", FIRMWARE[0], "18"),),
    ):
        found = plan(node(parameters=SHOWN, other_options=other), wish(FIRMWARE), {})
        assert found.warnings == () and len(found.reboot_reasons) == 1


@pytest.mark.parametrize("wished", [wish(FIRMWARE), wish(FIRMWARE, disrupt_running_work=True)])
@pytest.mark.parametrize(
    "times",
    [{}, {"options_since": 250.0, "module_loaded": 300.0}],
    ids=["before the boot", "before a run loaded the module"],
)
def test_what_the_driver_does_not_take_asks_for_no_reboot_and_stops_nothing(
    wished: DriverWish, times: Dict[str, float]
) -> None:
    found = plan(given(**times), wished, {})
    assert (found.steps, found.questions, found.reboot_reasons) == ((), (), ())
    (warning,) = found.warnings
    assert "does not take the module option NVreg_EnableGpuFirmware=0" in warning and "18 is in" in warning


@pytest.mark.parametrize(
    "times",
    [
        {"options_since": 250.0},
        {"options_since": 250.0, "module_loaded": 240.0},
        {"booted": 0.0},
        {"options_since": 0.0},
    ],
)
def test_what_the_module_was_not_given_yet_is_a_reason(times: Dict[str, float]) -> None:
    found = plan(given(**times), wish(FIRMWARE), {})
    assert len(found.reboot_reasons) == 1 and found.warnings == ()


def test_a_file_that_is_to_change_is_given_anew() -> None:
    """The same reasons before the file is written and after it: its time is new then."""
    more = wish(FIRMWARE, ("NVreg_X", "1"))
    state = replace(given(), parameters=dict(SHOWN, X="0"))
    found = plan(state, more, {})
    after = replace(carried_out(state, found, ubuntu_archive(KERNEL)), options_since=250.0)
    assert len(found.reboot_reasons) == 2
    assert plan(after, more, {}).reboot_reasons == found.reboot_reasons


def test_an_option_that_goes_is_said_to_stay_in_effect() -> None:
    state = own(node(parameters={"EnableGpuFirmware": "0"}), "options nvidia NVreg_EnableGpuFirmware=0\n")
    (warning,) = plan(state, wish(), {}).warnings
    assert "NVreg_EnableGpuFirmware is no longer wished and stays 0" in warning
    assert plan(replace(state, loaded=None), wish(), {}).warnings == ()


def test_a_file_of_modprobe_is_read_as_kmod_does() -> None:
    text = (
        "# options nvidia NVreg_A=1\n"
        "options nvidia NVreg_B=2 \\\n  NVreg_C=3\n"
        'options nvidia-current NVreg_D="x y"\n'
        "options nvidia_drm modeset=1\n"
        "blacklist nouveau\n"
        "options nvidia\n"
    )
    assert options.parse(text) == (
        ("NVreg_B", "2"),
        ("NVreg_C", "3"),
        ("NVreg_D", "x y"),
    )


def test_a_change_of_branch_and_of_options_are_two_reasons() -> None:
    state = node(parameters={"EnableGpuFirmware": "18"})
    found, _asked = settled(state, replace(wish(FIRMWARE), branch=570), ubuntu_archive(KERNEL))
    assert [reason.split()[0] for reason in found.reboot_reasons] == ["Kernel", "Module"]
