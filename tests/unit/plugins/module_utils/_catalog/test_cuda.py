# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""CUDA's tables against the published rows; drivers, packages, compilers and runfiles at their edges."""

from __future__ import annotations

import json
from typing import Any, Dict, Optional

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog import cuda, cuda_runfiles
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.repositories import nvidia_releases
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.versions import at_least, minor, numbers
from ansible_collections.labfleet.gpu.tests.unit.support.data import text

RECORDED: Dict[str, Any] = json.loads(text("cuda.json"))


@pytest.mark.parametrize("release, full, minimum, bundled", RECORDED["drivers"])
def test_drivers(release: str, full: Optional[str], minimum: str, bundled: Optional[str]) -> None:
    assert cuda.exists(release) is True and release in cuda.releases(minor(release))
    assert cuda.minimum_driver(release) == minimum
    assert cuda.full_driver(release) == (full or bundled or "615")


def test_no_release_is_made_up() -> None:
    ours = {release for name in cuda.minors() for release in cuda.releases(name)}
    assert ours == {row[0] for row in RECORDED["drivers"]}
    assert list(cuda.minors()) == sorted(cuda.minors(), key=numbers)


@pytest.mark.parametrize(
    "version, answer",
    [
        ("12.4", True),
        ("12.4.1", True),
        ("12.7", False),
        ("12.7.0", False),
        ("11.9", False),
        ("13.4.0", False),
        ("12.4.2", None),
        ("13.5", None),
        ("13.10", None),
        ("14.0.1", None),
        ("10.2", None),
    ],
)
def test_exists(version: str, answer: Optional[bool]) -> None:
    assert cuda.exists(version) is answer


def test_a_minor_stands_for_its_newest_release() -> None:
    assert cuda.full_driver("12.2") == "535.104.05" and cuda.full_driver("12.2.1") == "535.86.09"
    assert cuda.full_driver("12.7") is None and cuda.full_driver("12.4.9") is None


@pytest.mark.parametrize(
    "version, driver, data_centre, fit",
    [
        ("12.4", "550.54.15", False, cuda.FULL),
        ("12.4.0", "550.54.14", False, cuda.FULL),
        ("12.4", "550.54.14", False, cuda.MINOR),
        ("12.9", "535.183.01", True, cuda.MINOR),
        ("12.0", "525.60.12", False, cuda.TOO_OLD),
        ("12.4", "470.256.02", True, cuda.COMPAT),
        ("12.4", "470.256.02", False, cuda.TOO_OLD),
        ("12.9", "470.256.02", True, cuda.TOO_OLD),
        ("13.0.2", "535.309.01", True, cuda.COMPAT),
        ("13.0.2", "535.309.01", False, cuda.TOO_OLD),
        ("13.0", "525.147.05", True, cuda.TOO_OLD),
        ("13.4.1", "580.178.04", False, cuda.MINOR),
        ("13.4.1", "615.71.09", False, cuda.FULL),
        ("13.5", "615.71.09", False, cuda.MINOR),
        ("11.8", "450.80.02", False, cuda.MINOR),
        ("11.0", "450.36.06", False, cuda.MINOR),
        ("11.1", "450.36.06", False, cuda.TOO_OLD),
        ("14.0", "700.10", True, cuda.UNKNOWN),
    ],
)
def test_driver_fit(version: str, driver: str, data_centre: bool, fit: str) -> None:
    assert cuda.driver_fit(version, driver, data_centre) == fit


def test_compat() -> None:
    assert cuda.compat_package("13.0.2") == "cuda-compat-13-0"
    for name in cuda.minors():
        full = cuda.full_driver(name)
        newer = [branch for branch in cuda.compat_branches(name) if full and at_least(str(branch), full)]
        assert newer == [], "cuda-compat is for drivers that are older than the toolkit"


@pytest.mark.parametrize(
    "distribution, release, first, last",
    [
        ("ubuntu", "20.04", "11.0", "12.9"),
        ("ubuntu", "22.04", "11.7", "13.4"),
        ("ubuntu", "24.04", "12.5", "13.4"),
        ("debian", "12", "12.3", "13.4"),
        ("debian", "13", "13.1", "13.4"),
    ],
)
def test_minors_of_a_repository(distribution: str, release: str, first: str, last: str) -> None:
    found = cuda.repository_minors(distribution, release)
    assert (found[0], found[-1]) == (first, last) and "12.7" not in found
    assert all(cuda.in_repository(name, distribution, release) for name in found)
    others = set(cuda.minors()) - set(found)
    assert {cuda.in_repository(name, distribution, release) for name in others} == {False}


def test_a_repository_and_what_only_its_index_can_tell() -> None:
    assert cuda.in_repository("12.4", "ubuntu", "24.04") is False
    assert cuda.in_repository("12.7", "ubuntu", "24.04") is False
    assert cuda.in_repository("12.5.1", "ubuntu", "24.04") is True
    assert cuda.in_repository("13.5", "ubuntu", "24.04") is None
    assert cuda.in_repository("13.0", "ubuntu", "20.04") is False
    assert cuda.in_repository("12.4", "ubuntu", "28.04") is None
    assert cuda.repository_minors("ubuntu", "28.04") == ()


@pytest.mark.parametrize("distribution", ["ubuntu", "debian"])
def test_every_repository_has_minors_and_compilers(distribution: str) -> None:
    for release in nvidia_releases(distribution):
        assert cuda.repository_minors(distribution, release)
        assert cuda.default_gcc(distribution, release)


def test_toolkit_of_the_distribution() -> None:
    assert cuda.distribution_toolkit("debian", "12") == "11.8.0"
    assert cuda.distribution_toolkit("debian", "14") is None


@pytest.mark.parametrize("first, last, limit", RECORDED["gcc"])
def test_gcc_max(first: str, last: Optional[str], limit: int) -> None:
    release = first if len(numbers(first)) == 3 else cuda.releases(first)[0]
    assert cuda.gcc_max(release) == limit
    assert last is None or cuda.gcc_max(last) == limit


def test_gcc_max_of_minors() -> None:
    assert (cuda.gcc_max("11.4"), cuda.gcc_max("11.4.0")) == (11, 10)
    assert (cuda.gcc_max("10.2"), cuda.gcc_max("14.0")) == (None, 16)


@pytest.mark.parametrize(
    "version, distribution, release, gcc",
    [
        ("11.6.2", "debian", "12", 11),
        ("12.4", "debian", "12", 12),
        ("11.0", "debian", "12", None),
        ("11.8", "ubuntu", "24.04", 11),
        ("12.9", "ubuntu", "24.04", 14),
        ("12.9", "ubuntu", "26.04", None),
        ("13.2", "ubuntu", "26.04", 15),
        ("12.4", "ubuntu", "28.04", None),
        ("10.2", "ubuntu", "22.04", None),
    ],
)
def test_host_compiler(version: str, distribution: str, release: str, gcc: Optional[int]) -> None:
    assert cuda.host_compiler(version, distribution, release) == gcc


def test_defaults_of_the_host() -> None:
    assert [cuda.default_gcc("debian", name) for name in ("11", "12", "13", "14")] == [10, 12, 14, None]
    assert cuda.libxml2_package("ubuntu", "24.04") == "libxml2"
    assert cuda.libxml2_package("ubuntu", "26.04") is None


@pytest.mark.parametrize(
    "version, glibc, clash",
    [("13.0", "2.43", True), ("12.9.1", "2.42", True), ("13.1", "2.43", False), ("12.4", "2.39", False)],
)
def test_glibc(version: str, glibc: str, clash: bool) -> None:
    assert cuda.glibc_clashes(version, glibc) is clash


@pytest.mark.parametrize("components", sorted(cuda.COMPONENTS))
def test_no_component_pulls_a_driver(components: str) -> None:
    names = cuda.packages("12.8.1", components)
    assert set(names) <= set(RECORDED["packages"]["12.8"].split())
    assert not any(map(cuda.pulls_driver, names))


def test_components_are_named() -> None:
    assert cuda.packages("12.4", "toolkit") == ("cuda-toolkit-12-4",)
    with pytest.raises(KeyError):
        cuda.packages("12.4", "everything")


@pytest.mark.parametrize(
    "name",
    [
        "cuda",
        "cuda-12",
        "cuda-12-4",
        "cuda-runtime",
        "cuda-runtime-12-4",
        "cuda-demo-suite-11-8",
        "cuda-drivers",
        "cuda-drivers-550",
        "nvidia-open",
        "nvidia-open-580",
        "nvidia-driver-550",
    ],
)
def test_what_pulls_a_driver(name: str) -> None:
    assert cuda.pulls_driver(name)


def test_packages_of_a_toolkit() -> None:
    for name in RECORDED["packages"]["12.8"].split():
        assert cuda.minor_of_package(name) == "12.8" and not cuda.pulls_driver(name)
    found = {name: cuda.minor_of_package(name) for name in RECORDED["packages"]["none"].split()}
    assert set(found.values()) == {None}, found
    assert (
        cuda.minor_of_package("cuda-compat-13-0") == "13.0" and cuda.minor_of_package("cuda-12-4") == "12.4"
    )


@pytest.mark.parametrize(
    "name, package_version, release",
    [
        ("cuda-toolkit-12-8", "12.8.1-1", "12.8.1"),
        ("cuda-libraries-12-6", "12.6.3-1", "12.6.3"),
        ("cuda-compiler-12-8", "12.8.1-1", "12.8.1"),
        ("cuda-cudart-12-8", "12.8.90-1", None),
        ("cuda-toolkit-12-8-config-common", "12.8.90-1", None),
        ("cuda-toolkit-12-8", "rubbish", None),
    ],
)
def test_release_of_package(name: str, package_version: str, release: Optional[str]) -> None:
    assert cuda.release_of_package(name, package_version) == release


@pytest.mark.parametrize(
    "label, version",
    [
        ("13.3.1", "13.3.1"),
        ("11.8.20220929", "11.8"),
        ("12.6.20241114", "12.6"),
        ("10.2.89", "10.2.89"),
        ("9.2.148", "9.2"),
        ("12.4", "12.4"),
        ("CUDA 12.4", None),
        ("", None),
    ],
)
def test_release_of_label(label: str, version: Optional[str]) -> None:
    assert cuda.release_of_label(label) == version


@pytest.mark.parametrize("version, machine, url, size, md5, sha256", RECORDED["runfiles"])
def test_runfiles(
    version: str, machine: str, url: str, size: Optional[int], md5: Optional[str], sha256: Optional[str]
) -> None:
    found = cuda_runfiles.runfile(version, machine)
    assert found is not None and (found.version, found.machine) == (version, machine)
    assert (found.url, found.size) == (url, size) and url.endswith("/" + found.name)
    assert found.checksum == ("sha256:" + sha256 if sha256 else "md5:" + md5 if md5 else None)
    assert (found.driver or "_linux") in found.name and found.source
    assert cuda_runfiles.runfile_called(found.name) == found


def test_runfiles_at_their_edges() -> None:
    for machine in ("x86_64", "aarch64"):
        recorded = [row[0] for row in RECORDED["runfiles"] if row[1] == machine]
        assert sorted(cuda_runfiles.runfile_versions(machine)) == sorted(recorded)
    newest_of_minor = cuda_runfiles.runfile("12.4", "x86_64")
    assert newest_of_minor is not None and newest_of_minor.version == "12.4.1"
    unbundled = cuda_runfiles.runfile("13.4", "aarch64")
    assert (
        unbundled is not None and unbundled.name == "cuda_13.4.1_linux_sbsa.run" and unbundled.driver is None
    )
    assert cuda_runfiles.runfile("12.7", "x86_64") is None
    assert cuda_runfiles.runfile("12.4.1", "ppc64le") is None
    assert cuda_runfiles.runfile_called("cuda_12.4.1_linux.run") is None
