# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The frameworks' tables against the published rows and what can be had."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, Optional

import pytest
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog import cuda, cudnn
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.frameworks import (
    NAMES,
    NO_NODE,
    Choice,
    Node,
    Refusal,
    choose,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.frameworks_table import (
    AARCH64,
    FLAWS,
    LACKING,
    WHEELS,
    Release,
    oldest_python,
    releases,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.versions import minor, numbers, within
from ansible_collections.labfleet.gpu.tests.unit.support.data import text

RECORDED: Dict[str, Any] = json.loads(text("frameworks.json"))


def release(framework: str, wanted: str) -> Release:
    (found,) = [each for each in releases(framework) if each.minor == wanted]
    return found


def chosen(
    framework: str, version: str = "", cuda: str = "", python: str = "", node: Node = NO_NODE
) -> Choice:
    found = choose(framework, version, cuda, python, node)
    assert isinstance(found, Choice), found
    return found


def refused(
    framework: str, version: str = "", cuda: str = "", python: str = "", node: Node = NO_NODE
) -> Refusal:
    found = choose(framework, version, cuda, python, node)
    assert isinstance(found, Refusal), found
    return found


@pytest.mark.parametrize("wanted, indexes, default", RECORDED["pytorch"])
def test_pytorch_is_built_for_these_cudas(wanted: str, indexes: List[str], default: str) -> None:
    builds = release("pytorch", wanted).builds
    assert {build.label for build in builds} == set(indexes)
    assert all(build.label == "cu" + build.cuda.replace(".", "") for build in builds)
    # That of 1.12 is CUDA 10.2, which is not in the table.
    assert builds[0].cuda == default or wanted == "1.12"


@pytest.mark.parametrize("wanted, pythons, of_cuda, of_cudnn", RECORDED["tensorflow"])
def test_tensorflow_is_built_for_these(wanted: str, pythons: List[str], of_cuda: str, of_cudnn: str) -> None:
    found = release("tensorflow", minor(wanted))
    (build,) = found.builds
    assert (build.cuda, build.cudnn) == (of_cuda, of_cudnn)
    assert numbers(found.python_first) >= numbers(pythons[0])
    assert [found.python_first, found.python_last] == pythons or wanted in ("2.14.0", "2.16.1")


@pytest.mark.parametrize("framework", ["pytorch", "tensorflow"])
def test_versions_and_pythons_are_those_of_the_wheels(framework: str) -> None:
    files: Dict[str, List[str]] = RECORDED[framework + "_files"]
    assert [version for each in releases(framework) for version in each.versions] == list(files)
    for each in releases(framework):
        for version in each.versions:
            first, last = files[version]
            extra = RECORDED["extras"].get(version, {}) if framework == "tensorflow" else {}
            last = min([last, *filter(None, extra.values())], key=numbers)
            assert (oldest_python(each, version), each.python_last) == (first, last)


def test_jax_is_built_for_these() -> None:
    for extra, of_cuda, driver, first in RECORDED["jax"]:
        (build,) = [each for each in releases("jax")[-1].builds if each.label == extra]
        assert (build.cuda, build.first) == (of_cuda, first)
        minimum = cuda.minimum_driver(of_cuda)
        assert minimum is not None and within(minimum, driver)
    for each in releases("jax"):
        for version in each.versions:
            assert RECORDED["jax_python"][version] == each.python_first


@pytest.mark.parametrize("framework", NAMES)
def test_the_rows_are_in_order_and_make_sense(framework: str) -> None:
    versions = [version for each in releases(framework) for version in each.versions]
    assert versions == sorted(versions, key=numbers) and len(set(versions)) == len(versions)
    for each in releases(framework):
        assert each.builds and len({build.cuda for build in each.builds}) == len(each.builds)
        for build in each.builds:
            assert cuda.exists(build.cuda) is True and cuda.minimum_driver(build.cuda)
            assert numbers(build.first) <= numbers(build.last)
            if build.cudnn:
                assert cudnn.newest_version(build.cudnn, build.cuda), (each.minor, build)
    for name, version in [*FLAWS, *LACKING]:
        assert name != framework or version in versions


@pytest.mark.parametrize("framework", NAMES)
def test_every_version_can_be_had_on_a_node_without_gpu(framework: str) -> None:
    for each in releases(framework):
        for version in each.versions:
            if (framework, version) not in LACKING:
                assert chosen(framework, version).version == version
        assert chosen(framework, each.minor).version.startswith(each.minor)


@pytest.mark.parametrize("wanted", [each.minor for each in releases("tensorflow")])
def test_conda_forge_has_what_is_asked_of_it(wanted: str) -> None:
    """By what was ever released there, not by our own table."""
    there: Dict[str, Any] = RECORDED["conda_forge"]
    specs = [spec for spec in chosen("tensorflow", wanted).conda if spec.startswith("cud")]
    if release("tensorflow", wanted).builds[0].brings == WHEELS:
        assert not specs
        return
    toolkit, of_cudnn = specs
    toolkits = [each for each in there["cudatoolkit"] if meets(each, toolkit)]
    assert toolkits, toolkit
    built = [each for each in there["cudnn"] if meets(each, of_cudnn)]
    assert any(within(toolkits[-1], cuda_of) for each in built for cuda_of in there["cudnn"][each]), of_cudnn
    # TensorFlow refuses a cuDNN that is older than its own, and one of another major.
    own = release("tensorflow", wanted).builds[0].cudnn
    assert all(numbers(own) <= numbers(each) and each[0] == own[0] for each in built)


def meets(version: str, spec: str) -> bool:
    """Does a version meet a match spec of the forms that the catalogue writes?"""
    name, rest = re.match(r"([a-z]+) ?(.*)", spec).groups()  # type: ignore[union-attr]
    for part in rest.split(","):
        operator, wanted = re.match(r"(=|>=|<)([\d.]+)\Z", part).groups()  # type: ignore[union-attr]
        fits = {
            "=": within(version, wanted),
            ">=": numbers(version) >= numbers(wanted),
            "<": numbers(version) < numbers(wanted),
        }
        if not fits[operator]:
            return False
    return bool(name)


def test_pypi_has_what_the_extra_needs() -> None:
    extras: Dict[str, Dict[str, Optional[str]]] = RECORDED["extras"]
    with_extra = [each for each in releases("tensorflow") if each.builds[0].brings == WHEELS]
    assert {version for each in with_extra for version in each.versions} == set(extras)
    for version, needs in extras.items():
        found = choose("tensorflow", version)
        if None in needs.values():
            assert isinstance(found, Refusal), version
            continue
        assert isinstance(found, Choice), version
        for last in needs.values():
            assert last is None or isinstance(choose("tensorflow", version, python=last), Choice)
            first, second = numbers(last or "")
            refused("tensorflow", version, python="%d.%d" % (first, second + 1))


def test_a_version_whose_extra_cannot_be_had() -> None:
    assert refused("tensorflow", "2.15.0") == Refusal(
        "tensorflow 2.15.0 needs tensorrt-libs 8.6.1, which PyPI does not have",
        "framework",
        "use tensorflow 2.15.1",
    )
    assert chosen("tensorflow", "2.15").version == "2.15.1"


def test_the_builds_for_aarch64_are_those_that_there_are() -> None:
    recorded: Dict[str, Any] = RECORDED[AARCH64]
    for each in releases("pytorch"):
        assert sorted(build.label for build in each.on_arm) == recorded["pytorch"].get(each.minor, [])
        assert {build.label for build in each.on_arm} <= {build.label for build in each.builds}
    assert not recorded["tensorflow"] and not any(each.on_arm for each in releases("tensorflow"))
    for extra, key in (("cuda12", "jax12"), ("cuda13", "jax13")):
        mine = [each for each in releases("jax") if extra in {build.label for build in each.on_arm}]
        assert [version for each in mine for version in each.versions] == recorded[key]
