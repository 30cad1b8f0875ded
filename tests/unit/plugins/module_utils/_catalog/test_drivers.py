# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Package families and repositories: names, versions, which distribution has what."""

from __future__ import annotations

import fnmatch
from typing import Any, Optional

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.driver_names import is_driver_package
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.drivers import (
    Family,
    branch_of,
    named_branch,
    upstream,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.families import (
    DEBIAN,
    FAMILIES,
    NVIDIA_DEBIAN,
    NVIDIA_UBUNTU,
    NVIDIA_UBUNTU_SUFFIXED,
    UBUNTU,
    UBUNTU_SERVER,
    default_source,
    family_for,
    sources_for,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.gpus import OPEN, PROPRIETARY
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.repositories import (
    nvidia_releases,
    nvidia_repository,
)
from ansible_collections.labfleet.gpu.tests.unit.support.data import package_names


@pytest.mark.parametrize(
    "package_version, version",
    [
        ("570.133.20-0ubuntu1", "570.133.20"),
        ("580.178-1", "580.178"),
        ("1:535.183.01-1~deb12u1", "535.183.01"),
        ("580-5", None),
        ("", None),
    ],
)
def test_upstream(package_version: str, version: Optional[str]) -> None:
    assert upstream(package_version) == version


def test_branch_of() -> None:
    assert branch_of("570.133.20") == 570


@pytest.mark.parametrize("flavour", [OPEN, PROPRIETARY])
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_the_key_package_is_recognized_and_no_other(family: Family, flavour: str) -> None:
    key = family.key_package(550, flavour)
    assert family.is_key(key)
    others = set(package_names("other")) | set(family.packages(550, flavour, "desktop"))
    assert [name for name in others if family.is_key(name) and name != key] == []


@pytest.mark.parametrize("components", ["compute", "desktop"])
def test_debian_names_are_in_debian(components: str) -> None:
    known = set(package_names("driver"))
    for flavour in (OPEN, PROPRIETARY):
        assert set(DEBIAN.packages(535, flavour, components)) <= known


@pytest.mark.parametrize("flavour", [OPEN, PROPRIETARY])
def test_no_package_is_of_both_flavours(flavour: str) -> None:
    for family in FAMILIES:
        other = PROPRIETARY if flavour == OPEN else OPEN
        assert not set(family.packages_of_flavour(580, flavour)) & set(family.packages_of_flavour(580, other))
        assert family.key_package(580, flavour) in family.packages_of_flavour(580, flavour)


@pytest.mark.parametrize(
    "source, distribution, branch, server, family",
    [
        ("nvidia", "ubuntu", 580, False, NVIDIA_UBUNTU_SUFFIXED),
        ("nvidia", "ubuntu", 590, False, NVIDIA_UBUNTU),
        ("nvidia", "debian", 580, False, NVIDIA_DEBIAN),
        ("ubuntu", "ubuntu", 595, False, UBUNTU),
        ("ubuntu", "ubuntu", 580, True, UBUNTU_SERVER),
        ("debian", "debian", 535, False, DEBIAN),
        ("debian", "ubuntu", 535, False, None),
        ("ubuntu", "debian", 535, False, None),
        ("nvidia", "fedora", 580, False, None),
    ],
)
def test_family_for(
    source: str, distribution: str, branch: int, server: bool, family: Optional[Family]
) -> None:
    assert family_for(source, distribution, branch, server) is family
    if family:
        assert source in sources_for(distribution) and family.source == source


@pytest.mark.parametrize(
    "name, found",
    [
        ("libnvidia-compute-580-server", (580, True)),
        ("nvidia-dkms-580-open", (580, False)),
        ("nvidia-firmware-550-550.54.15", (550, False)),
        ("nvidia-dkms-open", None),
        ("libnvidia-container1", None),
    ],
)
def test_the_branch_in_a_name(name: str, found: "Optional[tuple[int, bool]]") -> None:
    assert named_branch(name) == found


def test_default_sources() -> None:
    assert [default_source(name) for name in ("ubuntu", "debian", "fedora")] == ["nvidia", "debian", None]


def test_repositories() -> None:
    x86 = nvidia_repository("ubuntu", "24.04", "x86_64")
    arm = nvidia_repository("ubuntu", "22.04", "aarch64")
    assert x86 is not None and x86.url.endswith("/ubuntu2404/x86_64/")
    assert arm is not None and arm.url.endswith("/ubuntu2204/sbsa/")
    assert x86.fingerprint is not None and len(x86.fingerprint) == 40
    assert x86.key_file == x86.fingerprint[-8:].lower() + ".pub"
    assert nvidia_repository("ubuntu", "18.04", "x86_64") is None
    assert nvidia_repository("ubuntu", "24.04", "riscv64") is None
    assert "24.04" in nvidia_releases("ubuntu")


OTHERS = ("libnvidia-egl-wayland1", "libnvidia-egl-gbm1", "libnvidia-ml-dev", "nvidia-driver-assistant")


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_no_pin_takes_what_is_not_the_drivers(family: Family) -> None:
    globs = family.pin_globs(580)
    others = (*package_names("other"), *OTHERS)
    taken = [name for name in others for glob in globs if fnmatch.fnmatchcase(name, glob)]
    assert taken == []
    own = (
        *family.needs(580, "desktop"),
        *family.packages(580, OPEN, "compute"),
        *family.fabric_packages(580),
    )
    free = [name for name in own if not any(fnmatch.fnmatchcase(name, glob) for glob in globs)]
    assert free == []


@pytest.mark.parametrize("name", OTHERS)
def test_neighbours_are_not_the_drivers(name: str) -> None:
    assert not is_driver_package(name)


@pytest.mark.parametrize(
    "name, server, flavour",
    [
        ("linux-modules-nvidia-580-generic", False, PROPRIETARY),
        ("linux-modules-nvidia-580-open-nvidia-hwe-24.04", False, OPEN),
        ("linux-modules-nvidia-580-server-generic", True, PROPRIETARY),
        ("linux-modules-nvidia-580-server-open-6.8.0-85-generic", True, OPEN),
        ("linux-modules-nvidia-fs-6.8.0-85-generic", None, None),
    ],
)
def test_signed_modules_by_kernel_and_by_flavour(name: str, server: Any, flavour: Any) -> None:
    found = [family for family in (UBUNTU, UBUNTU_SERVER) if family.is_key(name)]
    assert [family.server for family in found] == ([] if server is None else [server])
    assert [family.flavour_of(name) for family in found] == ([] if server is None else [flavour])
