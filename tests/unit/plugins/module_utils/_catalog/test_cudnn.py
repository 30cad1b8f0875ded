# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""cuDNN's tables against the published rows; versions, packages and libraries at their edges."""

from __future__ import annotations

import json
from typing import Any, Dict, Optional, Tuple

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog import cudnn, cudnn_archives
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.versions import numbers
from ansible_collections.labfleet.gpu.tests.unit.support.data import text

RECORDED: Dict[str, Any] = json.loads(text("cudnn.json"))


@pytest.mark.parametrize("cuda", ["11", "12", "13"])
def test_versions(cuda: str) -> None:
    archived = {row[0] for row in RECORDED["archives"] if row[1].split(".")[0] == cuda}
    assert set(cudnn.versions(cuda)) == archived | set(RECORDED["wheels"][cuda].split())
    assert list(cudnn.versions(cuda)) == sorted(cudnn.versions(cuda), key=numbers)
    assert set(cudnn.versions(cuda + ".0")) == set(cudnn.versions(cuda)) <= set(cudnn.versions())


@pytest.mark.parametrize(
    "wanted, cuda, version",
    [
        ("9", "12", "9.28.0.42"),
        ("9", "11.8", "9.10.2.21"),
        ("9.1", "12", "9.1.1.17"),
        ("9.10", "12", "9.10.2.21"),
        ("8.9.7", "12", "8.9.7.29"),
        ("9.5.1.17", None, "9.5.1.17"),
        ("9.15.0", "12", "9.15.0.57"),
        ("9.15.0", "13", "9.15.0.58"),
        ("8.7", "12", None),
        ("10", "13", None),
    ],
)
def test_newest_version(wanted: str, cuda: Optional[str], version: Optional[str]) -> None:
    assert cudnn.newest_version(wanted, cuda) == version


@pytest.mark.parametrize("version, cudas, driver, listed", RECORDED["support"])
def test_support(version: str, cudas: str, driver: str, listed: str) -> None:
    for cuda in cudas.split():
        for capability in listed.split():
            assert cudnn.capability_fit(version, cuda, capability) == cudnn.SUPPORTED
            assert cudnn.minimum_driver(version, cuda, capability) == driver
        row = cudnn.support(version, cuda)
        assert row is not None and row.source


@pytest.mark.parametrize("version", cudnn.versions())
@pytest.mark.parametrize("cuda", ["11", "12", "13"])
def test_a_version_is_supported_where_it_exists(version: str, cuda: str) -> None:
    exists = cudnn.newest_version(version.rpartition(".")[0], cuda) is not None
    assert (cudnn.support(version, cuda) is not None) is exists


@pytest.mark.parametrize(
    "version, cuda, works",
    [
        ("8.7.0", "12.0", False),
        ("9", "11", True),
        ("9.10.2", "11.7", False),
        ("9.6.0", "11.7", True),
        ("9.11.0", "11.8", False),
        ("9.29", "11.8", False),
        ("9.11.1", "13.0", False),
        ("9.29.1", "13.9", True),
        ("9", "14.0", False),
        ("10.0", "13.0", False),
        ("7.6.5", "11.0", False),
    ],
)
def test_which_cuda(version: str, cuda: str, works: bool) -> None:
    assert (cudnn.support(version, cuda) is not None) is works
    assert (cudnn.minimum_driver(version, cuda) is not None) is works


@pytest.mark.parametrize(
    "version, cuda, capability, fit",
    [
        ("8.9.7", "12", "3.7", cudnn.ENDED),
        ("8.9.7", "12.4", "12.0", cudnn.NOT_YET),
        ("9.10.2", "12.6", "10.0", cudnn.NOT_YET),
        ("9.10.2", "12.8", "10.3", cudnn.SUPPORTED),
        ("9.10.2", "12", "10.0", cudnn.SUPPORTED),
        ("9.10.2", "12", "7.0", cudnn.SUPPORTED),
        ("9.11.0", "12", "7.0", cudnn.ENDED),
        ("9", "13.0", "7.5", cudnn.SUPPORTED),
        ("8.0.3", "11.0", "8.6", cudnn.NOT_YET),
        ("8.0.4", "11.1", "8.6", cudnn.SUPPORTED),
        ("8.5", "11.7", "3.5", cudnn.SUPPORTED),
        ("9.11", "11.8", "8.0", None),
    ],
)
def test_capability_fit(version: str, cuda: str, capability: str, fit: Optional[str]) -> None:
    assert cudnn.capability_fit(version, cuda, capability) == fit


def test_drivers() -> None:
    assert cudnn.minimum_driver("9.10.2", "12.8") == "525.60.13"
    assert cudnn.minimum_driver("9.10.2", "12.8", "9.0") == "525.60.13"
    assert cudnn.minimum_driver("9.17", "13", "12.0") == "580.65.06"


def test_package_names() -> None:
    assert cudnn.packages("8", "12.4") == ("libcudnn8", "libcudnn8-dev")
    assert cudnn.packages("9", "12.4") == ("libcudnn9-cuda-12", "libcudnn9-dev-cuda-12")
    assert cudnn.companions("8", "12") == ()
    assert cudnn.companions("9", "13") == ("libcudnn9-headers-cuda-13", "libcudnn9-static-cuda-13")
    with pytest.raises(KeyError):
        cudnn.packages("7", "11")


@pytest.mark.parametrize(
    "name, parsed",
    [
        ("libcudnn8", ("8", "runtime", None)),
        ("libcudnn8-dev", ("8", "dev", None)),
        ("libcudnn8-samples", ("8", "samples", None)),
        ("libcudnn7", ("7", "runtime", None)),
        ("libcudnn9-cuda-12", ("9", "runtime", "12")),
        ("libcudnn9-dev-cuda-12", ("9", "dev", "12")),
        ("libcudnn9-headers-cuda-13", ("9", "headers", "13")),
        ("libcudnn9-static-cuda-12", ("9", "static", "12")),
        ("libcudnn9-jit-cuda-13", ("9", "jit", "13")),
        ("libcudnn9-jit-dev-cuda-13", ("9", "jit-dev", "13")),
        ("libcudnn9-samples", ("9", "samples", None)),
        ("cudnn", (None, "meta", None)),
        ("cudnn9", ("9", "meta", None)),
        ("cudnn9-cuda-12", ("9", "meta", "12")),
        ("cudnn9-cuda-12-4", ("9", "meta", "12")),
        ("cudnn9-jit-cuda-13-2", ("9", "meta", "13")),
        ("libcudnn-frontend-dev", None),
        ("nvidia-cudnn", None),
        ("libcublas-12-4", None),
        ("cudnn-local-repo-ubuntu2204-9.5.1", None),
    ],
)
def test_parse_name(name: str, parsed: Optional[Tuple[Optional[str], str, Optional[str]]]) -> None:
    assert cudnn.parse_name(name) == parsed


def test_our_names_are_recognized() -> None:
    for of_major in ("8", "9"):
        found = map(cudnn.parse_name, cudnn.packages(of_major, "12") + cudnn.companions(of_major, "12"))
        assert {name.major if name else None for name in found} == {of_major}


@pytest.mark.parametrize(
    "package_version, parsed",
    [
        ("8.9.7.29-1+cuda12.2", ("8.9.7.29", "12.2")),
        ("8.6.0.163-1+cuda11.8", ("8.6.0.163", "11.8")),
        ("9.5.1.17-1", ("9.5.1.17", None)),
        ("9.5.1-1", ("9.5.1", None)),
        ("8.5.0.96~cuda11.7", None),
        ("", None),
    ],
)
def test_parse_package_version(package_version: str, parsed: Optional[Tuple[str, Optional[str]]]) -> None:
    assert cudnn.parse_package_version(package_version) == parsed


@pytest.mark.parametrize("version, count", [("8.9.7.29", 7), ("9.5.1.17", 8), ("9.20.0", 8), ("9.22.0", 10)])
def test_libraries(version: str, count: int) -> None:
    found = cudnn.libraries(version)
    assert found[0] == "libcudnn" and len(set(found)) == count
    assert cudnn.sonames(version)[0] == "libcudnn.so." + version[0]


def test_links() -> None:
    assert cudnn.links("libcudnn_ops", "9.10.2.21") == (
        ("libcudnn_ops.so.9", "libcudnn_ops.so.9.10.2"),
        ("libcudnn_ops.so", "libcudnn_ops.so.9"),
    )


def test_headers() -> None:
    assert {"cudnn.h", "cudnn_version.h", "cudnn_graph.h"} <= set(cudnn.headers("9"))
    assert {"cudnn.h", "cudnn_version.h", "cudnn_adv_train.h"} <= set(cudnn.headers("8"))


@pytest.mark.parametrize(
    "number, version",
    [
        (8907, "8.9.7"),
        (8005, "8.0.5"),
        (90100, "9.1.0"),
        (91002, "9.10.2"),
        (92800, "9.28.0"),
        (7605, "7.6.5"),
    ],
)
def test_version_of_number(number: int, version: str) -> None:
    assert cudnn.version_of_number(number) == version


@pytest.mark.parametrize("version, cuda, machine, url, sha256", RECORDED["archives"])
def test_archives(version: str, cuda: str, machine: str, url: Optional[str], sha256: str) -> None:
    found = cudnn_archives.archive_with(sha256.upper())
    assert found is not None and found.checksum == "sha256:" + sha256
    assert (found.version, found.cuda, found.machine, found.url) == (version, cuda, machine, url)
    assert found.name == (url.rpartition("/")[2] if url else None)
    chosen = cudnn_archives.archive(version, cuda, machine)
    assert chosen is not None and chosen.version == version and chosen.machine == machine


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_archive_versions(machine: str) -> None:
    for cuda in ("11", "12", "13"):
        listed = {row[0] for row in RECORDED["archives"] if (row[1].split(".")[0], row[2]) == (cuda, machine)}
        assert set(cudnn_archives.archive_versions(cuda, machine)) == listed


def test_archives_at_their_edges() -> None:
    newest = cudnn_archives.archive("9.1", "12", "x86_64")
    assert newest is None, "no archive of 9.1 is known, and 9.10 is not 9.1"
    of_ten = cudnn_archives.archive("9.10", "12.4", "x86_64")
    assert of_ten is not None and of_ten.version == "9.10.2.21"
    of_two_minors = cudnn_archives.archive("8.0.4", "11", "x86_64")
    assert of_two_minors is not None and of_two_minors.cuda == "11.1" and of_two_minors.url is None
    assert cudnn_archives.archive("8.7", "12", "x86_64") is None
    assert cudnn_archives.archive("9.8", "12", "ppc64le") is None
    assert cudnn_archives.archive_with("0" * 64) is None
