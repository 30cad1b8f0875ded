# SPDX-FileCopyrightText: 2026 The labfleet.gpu authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Driver, CUDA and cuDNN for what one wants to run, from the tables alone."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.labfleet.gpu.plugins.filter.resolve import resolve
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog import cudnn
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.branches import BRANCHES, by_preference
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.capabilities import (
    SUPPORTED,
    capability_fit,
    capability_of,
)
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.cuda import TOO_OLD, driver_fit
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.frameworks import NAMES
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.frameworks_table import releases
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.gpu_names import device_called, names
from ansible_collections.labfleet.gpu.plugins.module_utils._catalog.gpus import (
    architecture_of,
    first_branch_of,
)


def asked(name: str, gpus: List[str], version: str = "", **more: Any) -> Dict[str, Any]:
    wish = {"name": name, **({"version": version} if version else {}), **more.pop("wish", {})}
    return resolve(wish, gpus, "ubuntu", more.pop("release", "24.04"), **more)


def test_the_example() -> None:
    found = asked("pytorch", ["A100"], "2.1.2", release="22.04")
    assert found["possible"] and found["framework"] == {"name": "pytorch", "version": "2.1.2"}
    assert found["driver"] == {"branch": 595, "minimum": "525.60.13"} and found["kernel_module"] == "open"
    assert (found["cuda"], found["cudnn"], found["python"]) == ("12.1", "8.9.2.26", "3.11")
    assert found["sources"]["pip"] == ["torch==2.1.2+cu121"] and found["sources"]["cuda"] == "nvidia"
    assert (
        found["reasons"][1] == "pytorch 2.1.2 is built for CUDA 12.1, which needs driver 525.60.13 or later."
    )


def test_a_cudnn_that_is_only_the_newest_is_told_to_be() -> None:
    newest, known = asked("pytorch", ["H100"], "2.11"), asked("pytorch", ["H100"], "2.8")
    assert newest["cudnn"] and "With which cuDNN pytorch 2.11" in " ".join(newest["reasons"])
    assert known["cudnn"] and "With which cuDNN" not in " ".join(known["reasons"])


@pytest.mark.parametrize(
    "gpus, branch, flavour",
    [
        (["V100"], 580, "proprietary"),
        (["V100", "H100"], 580, "proprietary"),
        (["B200"], 595, "open"),
        (["K80"], 470, "proprietary"),
        (["T4", "RTX 4090"], 595, "open"),
    ],
)
def test_the_driver_is_one_that_drives_all_gpus(gpus: List[str], branch: int, flavour: str) -> None:
    found = asked("pytorch", gpus, "1.12" if gpus == ["K80"] else "")
    assert (found["driver"]["branch"], found["kernel_module"]) == (branch, flavour)


@pytest.mark.parametrize(
    "gpus, version, more, words",
    [
        (["V100", "B200"], "", {}, "Blackwell needs open, Volta needs proprietary"),
        (
            ["K80", "B200"],
            "",
            {},
            "102d (Kepler) has branches 300 to 470; 2901 (Blackwell) has branches 570 to",
        ),
        (["V100"], "2.15", {}, "use pytorch 2.14.1 with CUDA 12.6"),
        (["A100"], "2.15", {"driver": "535"}, "pytorch 2.15.0 for CUDA 13.2 needs driver 580"),
        (["B200"], "2.8", {"driver": "550"}, "Driver branch 550 does not drive all of these GPUs"),
        (["A100"], "2.1", {"wish": {"python": "3.12"}}, "Python 3.8 to 3.11"),
        (["A100"], "2.1", {"wish": {"cuda": "12.8"}}, "has no build for CUDA 12.8"),
        (["A100"], "9", {}, "pytorch 9 is not known"),
    ],
)
def test_what_cannot_be_says_what_would(
    gpus: List[str], version: str, more: Dict[str, Any], words: str
) -> None:
    found = asked("pytorch", gpus, version, **more)
    assert not found["possible"] and found["driver"] is None and found["sources"] == {}
    assert words in " ".join(found["reasons"])


@pytest.mark.parametrize(
    "name, version, possible, words",
    [
        (
            "pytorch",
            "2.1.2",
            False,
            "no known build with CUDA for this machine (aarch64): use pytorch 2.14.1",
        ),
        ("pytorch", "2.9", True, "pytorch 2.9.1 is built for CUDA 12.8"),
        (
            "tensorflow",
            "2.19",
            False,
            "tensorflow 2.19.1 has no known build with CUDA for this machine (aarch64)",
        ),
        ("jax", "", True, "jax 0.12.0 takes any CUDA 12 from 12.1 on"),
    ],
)
def test_the_machine_counts(name: str, version: str, possible: bool, words: str) -> None:
    found = asked(name, ["H100"], version, release="22.04", machine="aarch64")
    assert found["possible"] is possible and words in " ".join(found["reasons"]), found["reasons"]


def test_a_driver_that_stays_decides_the_build() -> None:
    old = asked("pytorch", ["A100"], "2.1", driver="470.256.02")
    assert (old["driver"]["branch"], old["cuda"], old["kernel_module"]) == (470, "11.8", "proprietary")
    assert "Driver 470 runs CUDA 11.8 by minor-version compatibility" in " ".join(old["reasons"])


def test_where_a_toolkit_comes_from() -> None:
    assert asked("tensorflow", ["T4"], "2.10", release="22.04")["sources"]["cuda"] == "runfile"
    assert asked("tensorflow", ["T4"], "2.19", release="24.04")["sources"]["cuda"] == "nvidia"
    elsewhere = resolve({"name": "pytorch", "version": "2.8"}, ["T4"], "debian", "12")
    assert elsewhere["sources"]["driver"] == "nvidia"


def test_every_answer_keeps_its_word() -> None:
    """All releases of all frameworks on every GPU: what is chosen drives the GPU, and compiles for it."""
    without = set()
    newest = {branch.number: branch.newest for branch in BRANCHES}
    count = 0
    for name in NAMES:
        for release in releases(name):
            for gpu in names():
                found = asked(name, [gpu], release.minor)
                assert found["reasons"], (name, release.minor, gpu)
                if not found["possible"]:
                    continue
                count += 1
                device = device_called(gpu)
                architecture = architecture_of(device or 0)
                assert device and architecture
                branch = found["driver"]["branch"]
                assert first_branch_of(device) <= branch <= (architecture.last_branch or branch)
                assert found["kernel_module"] in architecture.flavours
                assert driver_fit(found["cuda"], newest[branch], False) != TOO_OLD
                assert found["python"]
                capability = capability_of(device)
                assert capability and found["sources"]["cuda"] in ("nvidia", "runfile", "ubuntu", None)
                fits = capability_fit(found["cuda"], capability) == SUPPORTED
                assert fits or found["sources"]["cuda"] is None, (name, release.minor, gpu)
                if found["cudnn"] is None:
                    without.add(gpu)
                    told = " ".join(found["reasons"])
                    assert "not known to run on these GPUs" in told or "No toolkit of CUDA" in told
                else:
                    assert cudnn.capability_fit(found["cudnn"], found["cuda"], capability) == SUPPORTED
    assert count > 500
    # cuDNN 9 left Kepler, cuDNN 8 and CUDA 11 never met Blackwell: no other GPU goes without.
    assert {architecture_of(device_called(gpu) or 0) for gpu in without} == {
        architecture_of(device_called(gpu) or 0) for gpu in ("K80", "B200")
    }


@pytest.mark.parametrize(
    "name, version, release, cuda, version_of_cudnn, words",
    [
        ("tensorflow", "2.19", "24.04", "12.8", "9", "The toolkit is CUDA 12.8, the first of its major that"),
        ("tensorflow", "2.19", "24.04", "12.8", "9", "built with cuDNN 9.3, which is not known to run"),
        ("jax", "0.6", "22.04", "12.8", "9", "jax 0.6.2 takes any CUDA 12 from 12.1 on"),
        ("jax", "", "24.04", "12.8", "9", "With which cuDNN jax"),
    ],
)
def test_a_toolkit_for_gpus_that_that_of_the_framework_does_not_know(
    name: str, version: str, release: str, cuda: str, version_of_cudnn: str, words: str
) -> None:
    found = asked(name, ["B200"], version, release=release)
    assert found["possible"] and found["cuda"] == cuda and found["sources"]["cuda"] == "nvidia"
    assert found["cudnn"].startswith(version_of_cudnn + ".") and words in " ".join(found["reasons"])


def test_jax_takes_the_first_cuda_that_has_packages() -> None:
    assert [asked("jax", ["A100"], "0.6", release=each)["cuda"] for each in ("22.04", "24.04")] == [
        "12.1",
        "12.5",
    ]


def test_no_cudnn_where_none_runs() -> None:
    found = asked("pytorch", ["K80"], "2.7")
    assert found["cuda"] == "11.8" and found["cudnn"] is None
    words = (
        "built with cuDNN 9.1.0.70, which is not known to run on these GPUs: no other of its major is either"
    )
    assert words in " ".join(found["reasons"])


def test_branches_that_last_come_first() -> None:
    order = [branch.number for branch in by_preference()]
    assert order[:2] == [595, 580] and order[-1] == 545 and set(order) == {each.number for each in BRANCHES}


@pytest.mark.parametrize(
    "name, device",
    [
        ("A100", 0x20B0),
        ("NVIDIA A100-SXM4-40GB", 0x20B0),
        ("nvidia h100 80gb hbm3", 0x2330),
        ("Tesla V100-SXM2-16GB", 0x1DB4),
        ("NVIDIA GeForce RTX 4090", 0x2684),
        ("RTX PRO 6000 Server Edition", 0x2BB5),
        ("hopper", 0x2300),
        ("0x2330", 0x2330),
        ("A1000", None),
        ("ffff", None),
    ],
)
def test_gpus_as_people_call_them(name: str, device: int) -> None:
    assert device_called(name) == device


@pytest.mark.parametrize(
    "wish, gpus, more, words",
    [
        ("pytorch", ["A100"], {}, "takes a dictionary"),
        ({"name": "pytorch", "versoin": "2"}, ["A100"], {}, "does not know versoin: it takes name"),
        ({"name": "pytorch", "version": 2.1}, ["A100"], {}, "version is the unquoted number 2.1"),
        ({"name": "pytorch"}, "A100", {}, "write a list"),
        ({"name": "pytorch"}, [], {}, "at least one GPU"),
        ({"name": "pytorch"}, ["A1000"], {}, "did you mean A100?"),
        ({"name": "pytorch"}, ["A100"], {"distribution": "centos"}, "'centos': write ubuntu or debian."),
        ({"name": "pytorch"}, ["A100"], {"machine": "arm"}, "write x86_64 or aarch64"),
        ({"name": "pytorch"}, ["A100"], {"driver": "latest"}, "write a branch such as 580"),
        ({"name": "pytorch"}, ["A100"], {"driver": "\u00b2"}, "write a branch such as 580"),
        ({"name": "pytorch"}, ["A100"], {"driver": "9999"}, "write a branch such as 580"),
        ({"name": "pytorch"}, ["A100"], {"driver": "600"}, "not among those known, .*580, 5"),
        (
            {"name": "pytorch"},
            ["A100"],
            {"release": 24.10},
            "release of ubuntu is '24.1': write its number in quotes",
        ),
        ({"name": "pytorch"}, ["A100"], {"release": "jammy"}, "release of ubuntu is 'jammy': write its"),
        ({"name": "pytorch"}, ["A100"], {"release": None}, "release of ubuntu is 'None': write its"),
        ({"name": "pytorch"}, ["A100"], {"distribution": "ubunut"}, "'ubunut': write ubuntu or debian."),
        ({"name": ["pytorch"]}, ["A100"], {}, "write pytorch or tensorflow or jax."),
        ({"name": "pytorch", "python": "banana"}, ["A100"], {}, "python is 'banana': write one to three"),
        ({"name": "pytorch", "cuda": 12.8}, ["A100"], {}, "cuda is the unquoted number 12.8"),
    ],
)
def test_bad_input(wish: Any, gpus: Any, more: Dict[str, Any], words: str) -> None:
    with pytest.raises(AnsibleFilterError, match=words.replace("?", r"\?")):
        resolve(wish, gpus, **{"distribution": "ubuntu", "release": "24.04", **more})


def test_a_point_release_of_debian_is_its_major() -> None:
    found = [
        resolve({"name": "pytorch", "version": ""}, ["A100"], "Debian", each) for each in ("12", 12, "12.10")
    ]
    assert found[0] == found[1] == found[2] and found[0]["sources"]["driver"] == "nvidia"


def test_a_release_without_a_known_repository_is_told_of() -> None:
    without, there = asked("pytorch", ["A100"], release="23.04"), asked("pytorch", ["A100"])
    words = "no known repository of drivers for ubuntu 23.04: it takes one that repository_url names."
    assert any(words in reason for reason in without["reasons"]) and without["possible"]
    assert not any("repository of drivers" in reason for reason in there["reasons"])
