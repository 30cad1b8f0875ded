# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""unattended-upgrades: excluded is the driver, the whole driver, and nothing but the driver."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import List, Optional

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.driver_names import (
    DRIVER_NAMES,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.families import family_for
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.gpus import OPEN
from ansible_collections.labfleet.gpu.plugins.module_utils._driver import upgrades
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.plan import plan
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.state import (
    UPGRADES_PATH,
    DriverState,
    is_driver_package,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.target import Target
from ansible_collections.labfleet.gpu.plugins.module_utils._driver.wish import DriverWish
from ansible_collections.labfleet.gpu.plugins.module_utils._effects import Install, RemoveFile, WriteFile
from ansible_collections.labfleet.gpu.tests.unit.support.archive import ubuntu_archive
from ansible_collections.labfleet.gpu.tests.unit.support.data import package_names
from ansible_collections.labfleet.gpu.tests.unit.support.nodes import KERNEL, ubuntu, with_driver
from ansible_collections.labfleet.gpu.tests.unit.support.planning import actions, carried_out, settled

DRIVER = with_driver(ubuntu(), "580.95.05")
HELD = with_driver(ubuntu(), "580.95.05", held=True)


def excluded(name: str, expressions: List[str]) -> bool:
    """As unattended-upgrades decides it: any expression that matches at the start of the name."""
    return any(re.match(expression, name) for expression in expressions)


def expressions() -> List[str]:
    return re.findall(r'^  "(.*)";$', upgrades.CONTENT, re.MULTILINE)


def own(state: DriverState, content: Optional[str]) -> DriverState:
    return replace(state, own_files=dict(state.own_files, **{UPGRADES_PATH: content}))


def about_it(state: DriverState, wish: DriverWish) -> List[object]:
    found, _asked = settled(state, wish, ubuntu_archive(KERNEL))
    assert not found.blockers
    return [step.data for step in found.steps if getattr(step.data, "path", None) == UPGRADES_PATH]


@pytest.mark.parametrize("kind", ["driver", "other"])
@pytest.mark.parametrize("architecture", ["", ":i386"])
def test_every_known_name_is_told_apart(kind: str, architecture: str) -> None:
    names = package_names(kind)
    assert len(names) > 200
    wrong = [
        name for name in names if excluded(name + architecture, expressions()) is not is_driver_package(name)
    ]
    assert wrong == []


def test_renames_within_the_driver_are_covered() -> None:
    for name in (
        "nvidia-driver-570-server",
        "nvidia-dkms-open",
        "libnvidia-compute",
        "nvidia-firmware-580-580.95.05",
        "linux-modules-nvidia-580-server-open-generic-hwe-24.04",
    ):
        assert excluded(name, expressions()), name
    for name in ("libnvidia-container1", "nvidia-container-toolkit", "cuda-toolkit-12-8", "nvlsm"):
        assert not excluded(name, expressions()), name


@pytest.mark.skipif(not shutil.which("apt-config"), reason="apt reads what is tested here")
def test_apt_reads_the_expressions_as_they_are_meant(tmp_path: Path) -> None:
    path = tmp_path / "apt.conf"
    path.write_text(upgrades.CONTENT)
    done = subprocess.run(
        ["apt-config", "dump", "--format", "%f %v%n", "Unattended-Upgrade::Package-Blacklist"],
        env={"APT_CONFIG": str(path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.partition(" ")[2] for line in done.stdout.splitlines() if ":: " in line]
    assert lines == list(DRIVER_NAMES) == expressions()


@pytest.mark.parametrize(
    "state, wish, written",
    [
        (DRIVER, DriverWish(branch=580, hold=True), True),
        (DRIVER, DriverWish(version="580.95.05"), True),
        (HELD, DriverWish(branch=580, update=True), True),
        (ubuntu(), DriverWish(branch=580, hold=True), True),
        (DRIVER, DriverWish(branch=580), False),
        (HELD, DriverWish(branch=580), False),
        (ubuntu(), DriverWish(branch=580), False),
        (DRIVER, DriverWish(version="580.95.05", hold=False), False),
    ],
)
@pytest.mark.parametrize("running", [True, False])
def test_what_is_pinned_to_its_version_is_excluded(
    state: DriverState, wish: DriverWish, written: bool, running: bool
) -> None:
    state = replace(state, unattended_upgrades=running)
    assert about_it(state, wish) == ([WriteFile(UPGRADES_PATH, upgrades.CONTENT)] if written else [])


def test_a_set_that_is_free_within_its_branch_is_not_excluded() -> None:
    """From 590 on the names have no branch, so a pin keeps them in theirs; that alone excludes nothing."""
    family = family_for("nvidia", "ubuntu", 590)
    assert family is not None
    free = Target(family, DriverWish(branch=590), OPEN)
    assert upgrades.steps(ubuntu(), free, "590.48.01") == ()
    held = Target(family, DriverWish(branch=590, hold=True), OPEN)
    assert [step.action for step in upgrades.steps(ubuntu(), held, "590.48.01")] == ["write-file"]


def test_it_stays_until_the_hold_is_lifted() -> None:
    state = own(HELD, upgrades.CONTENT)
    assert plan(state, DriverWish(branch=580), {}).steps == ()
    assert about_it(own(DRIVER, upgrades.CONTENT), DriverWish(branch=580)) == []
    assert about_it(state, DriverWish(branch=580, hold=False)) == [RemoveFile(UPGRADES_PATH)]
    old = own(HELD, "// an older edition of this file\n")
    assert about_it(old, DriverWish(branch=580, hold=True)) == [WriteFile(UPGRADES_PATH, upgrades.CONTENT)]


def test_a_version_that_was_wished_without_a_hold_stays_as_free_as_it_was() -> None:
    archive = ubuntu_archive(KERNEL)
    found, _asked = settled(ubuntu(), DriverWish(version="580.95.05", hold=False), archive)
    after = carried_out(ubuntu(), found, archive)
    assert about_it(after, DriverWish(branch=580)) == [], "the pin is there, and nobody said more"
    assert about_it(after, DriverWish(version="580.95.05")) != []


def test_an_intended_change_moves_the_held_set_and_holds_it_again() -> None:
    wish = DriverWish(version="580.105.08", hold=True)
    state = own(HELD, upgrades.CONTENT)
    found, _asked = settled(state, wish, ubuntu_archive(KERNEL))
    (install,) = [step.data for step in found.steps if isinstance(step.data, Install)]
    assert install.allow_held and actions(found).index("install") < actions(found).index("hold")
    after = carried_out(state, found, ubuntu_archive(KERNEL))
    assert after.own_files[UPGRADES_PATH] == upgrades.CONTENT
    assert all(package.held for package in after.packages if package.installed)
    assert plan(after, wish, {}).steps == ()
